"""Peak rate of 16-bit updates on one core: the roofline of the simulator's inner loop."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

# Bytes of each of two arrays, which fit in the L1 cache, in the L2 cache, or in neither.
SIZES = {"l1": 8 << 10, "l2": 384 << 10, "memory": 96 << 20}
LANE_BYTES = 2


def updates_per_second(repeats: int = 7) -> dict[str, float]:
    """Rate at which a plain vector loop reads, adds to and writes back 16-bit numbers, by memory level."""
    add = _compiled()
    found = {}
    for name, size in SIZES.items():
        into, what = (np.ones(size // LANE_BYTES, np.int16) for _ in range(2))
        rounds = max(1, (64 << 20) // size)
        add(into, what, 1)
        best = float("inf")
        for _ in range(repeats):
            begin = time.perf_counter()
            add(into, what, rounds)
            best = min(best, time.perf_counter() - begin)
        found[name] = into.size * rounds / best
    return found


def _compiled() -> Callable[..., Any]:
    import numba

    def add(into: Any, what: Any, rounds: int) -> None:
        for turn in range(rounds):
            for at in range(into.size):
                into[at] += what[at] ^ turn

    compiled: Callable[..., Any] = numba.njit(add)
    return compiled
