"""Buffers that a driver delivers twice: samples that repeat bit by bit, as those of a microphone never do."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from anomaly.audio.channels import Samples

# Windows of 32 samples are compared; one in 2^5 of them, selected by a hash of its first samples, is remembered.
_WINDOW, _SELECTED_BITS = 32, 5
# Longest and shortest distance of a repetition: a pure tone repeats after each of its periods.
_MAX_DISTANCE_S, _MIN_DISTANCE_S = 1.0, 0.005
# Interval of the search: sorting costs nearly the same for a short block as for a long one.
_INTERVAL_S = 0.5
# Primes 1 to 4 of xxHash (32 bits); the first is 2^32 divided by the golden ratio, as in Knuth (TAOCP 3, 6.4).
_MULTIPLIERS = np.array([2654435761, 2246822519, 3266489917, 668265263], np.uint32)
# Coefficients of the hash of a window: random odd 64-bit numbers, the same in every run.
_WEIGHTS = np.random.default_rng(32).integers(1, 2**63, _WINDOW, dtype=np.uint64) * np.uint64(2) + np.uint64(
    1
)

_Hashes = npt.NDArray[np.uint64]


class RepeatDetector:
    """Finds samples that occurred before, to the last bit, within the last second.

    Samples that do not change (digital silence, a constant) are not counted: `anomaly.audio.sensor.health` finds them.

    Args:
        rate_hz: of the samples, which must come straight from the device: a resampler changes their bits.
    """

    def __init__(self, rate_hz: int) -> None:
        self.share = 0.0
        """Share of the last half second, 0 to 1, that had occurred before."""
        self._parts: list[Samples] = []
        self._waiting, self._interval = 0, round(_INTERVAL_S * rate_hz)
        self._max_distance = round(_MAX_DISTANCE_S * rate_hz)
        self._min_distance = round(_MIN_DISTANCE_S * rate_hz)
        self._position = 0
        self._hashes: _Hashes = np.zeros(0, np.uint64)
        self._positions: npt.NDArray[np.int64] = np.zeros(0, np.int64)

    def push(self, samples: Samples) -> float:
        """Add samples, float32 [n]; return ``share``."""
        self._parts.append(samples)
        self._waiting += len(samples)
        if self._waiting >= max(self._interval, _WINDOW):
            joined = np.concatenate(self._parts)
            self._parts = [joined[len(joined) - _WINDOW + 1 :]]
            self._waiting = 0
            self.share = self._search(joined)
        return self.share

    def _search(self, joined: Samples) -> float:
        bits = np.ascontiguousarray(joined, dtype=np.float32).view(np.uint32)
        positions = _selected(bits)
        windows = np.lib.stride_tricks.sliding_window_view(bits, _WINDOW)[positions].astype(np.uint64)
        positions += self._position
        self._position += len(joined) - _WINDOW + 1
        return self._repeated_share(windows @ _WEIGHTS, positions)

    def _repeated_share(self, hashes: _Hashes, positions: npt.NDArray[np.int64]) -> float:
        new = len(hashes)
        all_hashes = np.concatenate([self._hashes, hashes])
        all_positions = np.concatenate([self._positions, positions])
        kept = all_positions >= self._position - self._max_distance
        self._hashes, self._positions = all_hashes[kept], all_positions[kept]
        in_order = np.sort(all_hashes)
        # Sound without repetitions holds no hash twice, and this costs a third of sorting by position as well.
        if new == 0 or not (in_order[1:] == in_order[:-1]).any():
            return 0.0
        order = np.lexsort((all_positions, all_hashes))
        same = all_hashes[order][1:] == all_hashes[order][:-1]
        distant = np.diff(all_positions[order]) >= self._min_distance
        again = order[1:][same & distant]
        return int(np.count_nonzero(again >= len(all_hashes) - new)) / new


def _selected(bits: npt.NDArray[np.uint32]) -> npt.NDArray[np.int64]:
    """Select the starts of windows to remember, by their samples alone: where they repeat, they are selected again."""
    count = len(bits) - _WINDOW + 1
    mixed = bits[:count] * _MULTIPLIERS[0]
    for step in range(1, len(_MULTIPLIERS)):
        mixed ^= bits[step : step + count] * _MULTIPLIERS[step]
    found = np.flatnonzero(mixed >> np.uint32(32 - _SELECTED_BITS) == 0)
    changing: npt.NDArray[np.int64] = found[bits[found] != bits[found + 1]]
    return changing
