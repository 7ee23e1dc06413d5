"""How the monitor is told to end."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_GLANCE_S = 0.1
# The second that has begun is heard to its end: one second, and the block that it arrives with.
_WINDOW_S = 1.2


class Stop:
    """A wish to end, safe to express from a signal handler.

    ``threading.Event`` is not: its lock may be held by the very thread that the handler interrupts.
    """

    def __init__(self) -> None:
        self._at_s: float | None = None

    def ask(self, after_s: float = 0.0) -> None:
        """Let the monitor end after the block at hand, or some seconds from now; the earlier wish holds."""
        at_s = time.monotonic() + after_s
        self._at_s = at_s if self._at_s is None else min(at_s, self._at_s)

    @property
    def is_wished(self) -> bool:
        """Whether the end is near, if not here."""
        return self._at_s is not None

    @property
    def asked(self) -> bool:
        """Whether the monitor is to end."""
        return self._at_s is not None and time.monotonic() >= self._at_s

    def wait(self, seconds: float) -> bool:
        """Sleep, or less if asked to end; say whether that is so."""
        end = time.monotonic() + seconds
        while not self.asked and (left := end - time.monotonic()) > 0:
            time.sleep(min(left, _GLANCE_S))
        return self.asked


@contextmanager
def on_sigterm(stop: Stop) -> Iterator[None]:
    """SIGTERM ends the watch after the second at hand; everything is written and the exit code is 0.

    A second SIGTERM ends it after the block at hand.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def ask(_number: int, _frame: FrameType | None) -> None:
        stop.ask(0.0 if stop.is_wished else _WINDOW_S)

    before = signal.signal(signal.SIGTERM, ask)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
