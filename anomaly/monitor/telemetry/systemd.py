"""Notification of systemd: ready, alive, stopping (``sd_notify(3)``), without its library."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Mapping

from anomaly.monitor.event_bus import EventBus
from anomaly.monitor.events import BlockProcessed, SessionEnded
from anomaly.monitor.sources.events import MicrophoneLost, SoundBlock

# A microphone delivers four blocks a second, and a lost one is reported every two seconds: none of both for so long
# means that the monitor hangs.
RECENT_S = 10.0


class SystemdNotifier:
    """Notifier of the service manager that started the process, if one did.

    The watchdog is fed while sound arrives or a lost microphone is looked for, so that only a monitor that hangs is
    restarted: a restart would not bring a microphone back.

    Args:
        environ: ``NOTIFY_SOCKET`` is the address, ``WATCHDOG_USEC`` the interval, ``WATCHDOG_PID`` the
            process in question.
        clock: monotonic seconds.
    """

    def __init__(
        self, environ: Mapping[str, str] | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        environ = os.environ if environ is None else environ
        self._address = environ.get("NOTIFY_SOCKET", "")
        self._clock = clock
        # Three times within the limit, so that a late call does not end the service.
        self._every_s = _limit_s(environ) / 3
        self._active_s: float | None = None
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
        """Report that sound has arrived, which makes the service ready."""
        self._note_activity("listening")

    def searching(self) -> None:
        """Report that a lost microphone is looked for, which makes the service ready, too."""
        self._note_activity("looking for a microphone")

    def _note_activity(self, status: str) -> None:
        if self._active_s is None:
            self._send(f"READY=1\nSTATUS={status}")
        self._active_s = self._clock()

    def feed(self) -> None:
        """Feed the watchdog if it is due and sound or a search was reported recently; may be called often."""
        now = self._clock()
        recent = self._active_s is not None and now - self._active_s <= RECENT_S
        if self._every_s and recent and now - self._fed_s >= self._every_s:
            self._fed_s = now
            self._send("WATCHDOG=1")

    def status(self, text: str) -> None:
        """Set the line that ``systemctl status`` shows."""
        self._send(f"STATUS={text}")

    def stopping(self) -> None:
        """Report that the service is stopping."""
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
            # A service manager that does not receive must not end the service.
            return


def _limit_s(environ: Mapping[str, str]) -> float:
    microseconds, process = environ.get("WATCHDOG_USEC", ""), environ.get("WATCHDOG_PID", "")
    ours = not process or process == str(os.getpid())
    return int(microseconds) / 1e6 if ours and microseconds.isascii() and microseconds.isdigit() else 0.0
