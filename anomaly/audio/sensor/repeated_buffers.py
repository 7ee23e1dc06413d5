"""Buffers that a driver hands over twice: sound that repeats itself bit by bit, which no microphone does."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from anomaly.audio.channels import Samples

# What is compared: stretches of 32 samples, of which one in 32, chosen by its first samples, is remembered.
_WINDOW, _ONE_IN_BITS = 32, 5
# How far back, and from which distance on: a pure tone from a generator repeats itself at once.
_MEMORY_S, _LEAST_S = 1.0, 0.005
# How often to look: the sorting costs the same for a short block as for a long one.
_EVERY_S = 0.5
# Odd numbers of Knuth's multiplicative hashing, and of xxHash.
_FIRST = np.array([2654435761, 2246822519, 3266489917, 668265263], np.uint32)
_WEIGHTS = np.random.default_rng(32).integers(1, 2**63, _WINDOW, dtype=np.uint64) * np.uint64(2) + np.uint64(
    1
)

_Hashes = npt.NDArray[np.uint64]


class RepeatDetector:
    """Finds what was heard before, to the last bit, within the last second.

    Samples that do not change (digital silence, a constant) are no repetition: they have names of their own.

    Args:
        rate_hz: of the samples; they must come straight from the device, for a resampler blurs the bits.
    """

    def __init__(self, rate_hz: int) -> None:
        self.share = 0.0
        """How much of the last half second, 0 to 1, had been heard before."""
        self._parts: list[Samples] = []
        self._waiting, self._enough = 0, round(_EVERY_S * rate_hz)
        self._memory, self._least = round(_MEMORY_S * rate_hz), round(_LEAST_S * rate_hz)
        self._position = 0
        self._hashes: _Hashes = np.zeros(0, np.uint64)
        self._places: npt.NDArray[np.int64] = np.zeros(0, np.int64)

    def push(self, samples: Samples) -> float:
        """Take float32 [n]; return ``share``."""
        self._parts.append(samples)
        self._waiting += len(samples)
        if self._waiting >= max(self._enough, _WINDOW):
            joined = np.concatenate(self._parts)
            self._parts = [joined[len(joined) - _WINDOW + 1 :]]
            self._waiting = 0
            self.share = self._look(joined)
        return self.share

    def _look(self, joined: Samples) -> float:
        bits = np.ascontiguousarray(joined, dtype=np.float32).view(np.uint32)
        places = _chosen(bits)
        windows = np.lib.stride_tricks.sliding_window_view(bits, _WINDOW)[places].astype(np.uint64)
        places += self._position
        self._position += len(joined) - _WINDOW + 1
        return self._seen(windows @ _WEIGHTS, places)

    def _seen(self, hashes: _Hashes, places: npt.NDArray[np.int64]) -> float:
        new = len(hashes)
        all_hashes = np.concatenate([self._hashes, hashes])
        all_places = np.concatenate([self._places, places])
        kept = all_places >= self._position - self._memory
        self._hashes, self._places = all_hashes[kept], all_places[kept]
        in_order = np.sort(all_hashes)
        # What no driver spoils holds nothing twice, and this costs a third of sorting by place as well.
        if new == 0 or not (in_order[1:] == in_order[:-1]).any():
            return 0.0
        order = np.lexsort((all_places, all_hashes))
        same = all_hashes[order][1:] == all_hashes[order][:-1]
        far = np.diff(all_places[order]) >= self._least
        again = order[1:][same & far]
        return int(np.count_nonzero(again >= len(all_hashes) - new)) / new


def _chosen(bits: npt.NDArray[np.uint32]) -> npt.NDArray[np.int64]:
    """Where the stretches begin that are remembered: wherever the same samples come, they are chosen again."""
    count = len(bits) - _WINDOW + 1
    mixed = bits[:count] * _FIRST[0]
    for step in range(1, len(_FIRST)):
        mixed ^= bits[step : step + count] * _FIRST[step]
    found = np.flatnonzero(mixed >> np.uint32(32 - _ONE_IN_BITS) == 0)
    changing: npt.NDArray[np.int64] = found[bits[found] != bits[found + 1]]
    return changing
