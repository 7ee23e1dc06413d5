"""Return of freed memory to the operating system."""

from __future__ import annotations

import numpy as np
import psutil

from anomaly.monitor.process.memory import trim_memory

MIB = 2**20


def test_freed_memory_is_returned() -> None:
    process = psutil.Process()
    # Blocks too small to be mapped one by one; the last keeps the heap from shrinking by itself.
    blocks = [np.ones(8_000, np.float64) for _ in range(1_000)]
    last = np.ones(8_000, np.float64)
    full = process.memory_info().rss
    del blocks
    trim_memory()
    assert full - process.memory_info().rss > 40 * MIB
    assert last.sum() == 8_000
