"""Ctrl-C during a long run: the first asks for an end after the files in work, the second ends at once."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class StopRequest:
    """Flag that a signal sets."""

    def __init__(self) -> None:
        self.requested = False

    def __call__(self) -> bool:
        """Return whether the run should end."""
        return self.requested


@contextmanager
def stop_on_interrupt() -> Iterator[StopRequest]:
    """Yield a request that SIGINT and SIGTERM set; a second SIGINT raises ``KeyboardInterrupt``."""
    request = StopRequest()
    if threading.current_thread() is not threading.main_thread():
        yield request
        return

    def handle(number: int, _frame: FrameType | None) -> None:
        if request.requested and number == signal.SIGINT:
            raise KeyboardInterrupt
        request.requested = True
        sys.stderr.write("finishing the files in work; press Ctrl-C again to end at once\n")

    earlier = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield request
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)
