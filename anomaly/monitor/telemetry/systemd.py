"""systemd is told how the monitor does: ready, alive, stopping (``sd_notify(3)``), without its library."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Mapping

# A microphone is heard four times a second, and a lost one looked for every two: after so long neither is true.
RECENT_S = 10.0


class SystemdNotifier:
    """Speaks to the service manager that started us, if one did.

    The watchdog is fed while sound arrives or is looked for; a monitor that hangs is started anew. One whose
    microphone is away is not: looking for it is its work, and another start would only look for it, too.

    Args:
        environ: ``NOTIFY_SOCKET`` says where to speak, ``WATCHDOG_USEC`` how often, ``WATCHDOG_PID`` who.
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

    def heard(self) -> None:
        """Sound has arrived, which makes the service ready."""
        self._works("listening")

    def looking(self) -> None:
        """A microphone is away and looked for, which makes the service ready, too."""
        self._works("looking for a microphone")

    def _works(self, status: str) -> None:
        if self._worked_s is None:
            self._say(f"READY=1\nSTATUS={status}")
        self._worked_s = self._clock()

    def alive(self) -> None:
        """Feed the watchdog if it is time and there was work lately; may be called as often as one likes."""
        now = self._clock()
        recent = self._worked_s is not None and now - self._worked_s <= RECENT_S
        if self._every_s and recent and now - self._fed_s >= self._every_s:
            self._fed_s = now
            self._say("WATCHDOG=1")

    def status(self, words: str) -> None:
        """One line for ``systemctl status``."""
        self._say(f"STATUS={words}")

    def stopping(self) -> None:
        """The end has begun."""
        self._say("STOPPING=1\nSTATUS=writing what is left")

    def _say(self, text: str) -> None:
        if not self._address:
            return
        address = f"\0{self._address[1:]}" if self._address.startswith("@") else self._address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as speaker:
                speaker.setblocking(False)
                speaker.sendto(text.encode(), address)
        except OSError:
            # A service manager that does not listen must not end the service.
            return


def _limit_s(environ: Mapping[str, str]) -> float:
    microseconds, meant = environ.get("WATCHDOG_USEC", ""), environ.get("WATCHDOG_PID", "")
    ours = not meant or meant == str(os.getpid())
    return int(microseconds) / 1e6 if ours and microseconds.isascii() and microseconds.isdigit() else 0.0
