"""Notification of systemd: ready, alive, stopping (``sd_notify(3)``), without its library."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Mapping

from anomaly.monitor.event_bus import EventBus
from anomaly.monitor.events import BlockProcessed, SessionEnded
from anomaly.monitor.sources.events import MicrophoneLost, SoundBlock

# A microphone delivers four blocks a second, a lost one is reported every two seconds: after so long neither happens.
RECENT_S = 10.0


class SystemdNotifier:
    """Notifies the service manager that started the process, if one did.

    The watchdog is fed while sound arrives or is looked for; a monitor that hangs is started anew. One whose
    microphone is away is not: looking for it is its work, and another start would only look for it, too.

    Args:
        environ: ``NOTIFY_SOCKET`` is the address, ``WATCHDOG_USEC`` the interval, ``WATCHDOG_PID`` the process meant.
        clock: monotonic seconds.
    """

    def __init__(
        self, environ: Mapping[str, str] | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        environ = os.environ if environ is None else environ
        self._address = environ.get("NOTIFY_SOCKET", "")
        self._clock = clock
        # Three times within the limit, so that one late call does no harm.
        self._every_s = _limit_s(environ) / 3
        self._worked_s: float | None = None
        self._fed_s = float("-inf")

    def subscribe(self, bus: EventBus, machine: str) -> None:
        """Follow the session of a machine."""
        lost = False

        def sound(_: SoundBlock) -> None:
            nonlocal lost
            if lost:
                self.status("listening")
            lost = False
            self.sound_arrived()

        def microphone_lost(_: MicrophoneLost) -> None:
            nonlocal lost
            if not lost:
                self.status(f"looking for the microphone of {machine}")
            lost = True
            self.searching()

        bus.subscribe(SoundBlock, sound)
        bus.subscribe(MicrophoneLost, microphone_lost)
        bus.subscribe(BlockProcessed, lambda _: self.feed())
        bus.subscribe(SessionEnded, lambda _: self.stopping())

    def sound_arrived(self) -> None:
        """Note that sound has arrived, which makes the service ready."""
        self._works("listening")

    def searching(self) -> None:
        """Note that a lost microphone is looked for, which makes the service ready, too."""
        self._works("looking for a microphone")

    def _works(self, status: str) -> None:
        if self._worked_s is None:
            self._send(f"READY=1\nSTATUS={status}")
        self._worked_s = self._clock()

    def feed(self) -> None:
        """Feed the watchdog if it is time and there was work lately; may be called as often as one likes."""
        now = self._clock()
        recent = self._worked_s is not None and now - self._worked_s <= RECENT_S
        if self._every_s and recent and now - self._fed_s >= self._every_s:
            self._fed_s = now
            self._send("WATCHDOG=1")

    def status(self, words: str) -> None:
        """Set the line that ``systemctl status`` shows."""
        self._send(f"STATUS={words}")

    def stopping(self) -> None:
        """Announce the end."""
        self._send("STOPPING=1\nSTATUS=writing what is left")

    def _send(self, text: str) -> None:
        if not self._address:
            return
        address = f"\0{self._address[1:]}" if self._address.startswith("@") else self._address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
                channel.setblocking(False)
                channel.sendto(text.encode(), address)
        except OSError:
            # A service manager that does not listen must not end the service.
            return


def _limit_s(environ: Mapping[str, str]) -> float:
    microseconds, meant = environ.get("WATCHDOG_USEC", ""), environ.get("WATCHDOG_PID", "")
    ours = not meant or meant == str(os.getpid())
    return int(microseconds) / 1e6 if ours and microseconds.isascii() and microseconds.isdigit() else 0.0
