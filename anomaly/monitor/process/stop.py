"""Stop request: ends the monitor from a signal handler or from the program."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

_POLL_S = 0.1
# The current second is completed before the end: one second, and the block that it arrives with.
_COMPLETE_SECOND_S = 1.2

Handler = Callable[[int, FrameType | None], None]


class Stop:
    """Request to end, safe to make from a signal handler.

    ``threading.Event`` is not safe there: its lock may be held by the very thread that the handler interrupts.
    """

    def __init__(self) -> None:
        self._at_s: float | None = None
        self.is_interrupted = False
        """Whether the request was made with Ctrl-C."""

    def request(self, after_s: float = 0.0) -> None:
        """Request the end after the current block, or some seconds from now; the earlier request counts."""
        at_s = time.monotonic() + after_s
        self._at_s = at_s if self._at_s is None else min(at_s, self._at_s)

    @property
    def is_requested(self) -> bool:
        """Return whether the end is requested, now or for later."""
        return self._at_s is not None

    @property
    def is_due(self) -> bool:
        """Return whether the monitor is to end now."""
        return self._at_s is not None and time.monotonic() >= self._at_s

    def wait(self, seconds: float) -> bool:
        """Sleep until the end is due, but no longer than some seconds; return whether it is due."""
        end = time.monotonic() + seconds
        while not self.is_due and (left := end - time.monotonic()) > 0:
            time.sleep(min(left, _POLL_S))
        return self.is_due


@contextmanager
def on_signals(stop: Stop) -> Iterator[None]:
    """Let signals request the end, so that none comes between a record that is shown and its row in the store.

    SIGTERM requests the end after the current second: all data is written, and the exit code is 0. Ctrl-C (SIGINT)
    requests it after the current block, and ``KeyboardInterrupt`` is raised when all data is written. A second SIGTERM
    requests the end after the current block, a second Ctrl-C raises at once. A SIGINT that the caller ignores or
    handles is left to it.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def terminate(_number: int, _frame: FrameType | None) -> None:
        stop.request(0.0 if stop.is_requested else _COMPLETE_SECOND_S)

    def interrupt(number: int, frame: FrameType | None) -> None:
        if stop.is_interrupted:
            signal.default_int_handler(number, frame)
        stop.is_interrupted = True
        stop.request()

    handlers: dict[signal.Signals, Handler] = {signal.SIGTERM: terminate}
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        handlers[signal.SIGINT] = interrupt
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if stop.is_interrupted:
        raise KeyboardInterrupt
