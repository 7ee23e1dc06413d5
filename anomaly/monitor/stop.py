"""How the monitor is told to end."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_GLANCE_S = 0.1


class Stop:
    """A wish to end, safe to express from a signal handler.

    ``threading.Event`` is not: its lock may be held by the very thread that the handler interrupts.
    """

    def __init__(self) -> None:
        self._asked = False

    def ask(self) -> None:
        """Let the monitor end after the block at hand."""
        self._asked = True

    @property
    def asked(self) -> bool:
        """Whether the monitor is to end."""
        return self._asked

    def wait(self, seconds: float) -> bool:
        """Sleep, or less if asked to end; say whether that is so."""
        end = time.monotonic() + seconds
        while not self._asked and (left := end - time.monotonic()) > 0:
            time.sleep(min(left, _GLANCE_S))
        return self._asked


@contextmanager
def on_sigterm(stop: Stop) -> Iterator[None]:
    """SIGTERM ends the watch after the block at hand; everything is written and the exit code is 0."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def ask(_number: int, _frame: FrameType | None) -> None:
        stop.ask()

    before = signal.signal(signal.SIGTERM, ask)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
