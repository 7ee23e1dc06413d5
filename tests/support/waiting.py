"""Wait for another thread or process."""

from __future__ import annotations

import time
from collections.abc import Callable


def wait_until(condition: Callable[[], object], timeout_s: float = 10.0) -> None:
    """Wait until a condition is true.

    Raises:
        AssertionError: it is not true in time.
    """
    end_s = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end_s, f"the condition was not true within {timeout_s:g} s"
        time.sleep(0.02)
