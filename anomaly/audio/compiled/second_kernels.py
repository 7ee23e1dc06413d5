"""Compiled sums over seconds of sound: bands of the spectrum, mean, deviation and peak, with the bits of NumPy.

This file is imported only where Numba is installed.
"""

from __future__ import annotations

import functools
from typing import Any

import numba
import numpy as np
import numpy.typing as npt

from anomaly.audio.compiled.float_lanes import LANES, Rows, empty_rows, transpose, vector_intrinsic
from anomaly.audio.compiled.pairwise import sum_of_samples, sum_of_squares
from anomaly.audio.compiled.real_fft import transform_1600, twiddles

__all__ = [
    "compiled_band_power",
    "compiled_distances",
    "compiled_energy",
    "compiled_medians",
    "compiled_statistics",
]

_WINDOW = 1600
_BINS = _WINDOW // 2 + 1

Numbers = npt.NDArray[np.float64]


def _windowed(arrays: list[Rows], numbers: list[Any]) -> None:
    """Transpose sixteen samples of sixteen windows, and multiply them with the window function."""
    samples, window, target = arrays
    first, row = numbers
    loaded, at = [], first
    for _ in range(LANES):
        loaded.append(samples.load_at(at))
        at = samples.plus(at, _WINDOW)
    for number, values in enumerate(transpose(loaded)):
        place = target.plus(row, number)
        target.store(place, values * window.broadcast(place))


_window_block = vector_intrinsic(3, 2, _windowed)


@numba.njit(cache=True)
def _band_power(
    samples: Any, windows: int, window: Any, factors: Any, edges: Any, rows: Any, work: Any, power: Any
) -> None:
    total = np.zeros(LANES, np.float64)
    before = np.zeros(LANES, np.float64)
    for first in range(0, windows, LANES):
        for block in range(0, _WINDOW, LANES):
            _window_block(samples, window, rows, first * _WINDOW + block, block)
        transform_1600(rows, work, factors)
        total[:] = 0.0
        edge = 0
        count = min(LANES, windows - first)
        for number in range(edges[-1] + 1):
            if number in (0, _BINS - 1):
                at = 0 if number == 0 else (_WINDOW - 1) * LANES
                for lane in range(LANES):
                    total[lane] += np.float64(work[at + lane] * work[at + lane])
            else:
                at = (2 * number - 1) * LANES
                for lane in range(LANES):
                    real, imaginary = work[at + lane], work[at + LANES + lane]
                    total[lane] += np.float64(real * real + imaginary * imaginary)
            if number == edges[edge]:
                if edge > 0:
                    for lane in range(count):
                        power[first + lane, edge - 1] = max(total[lane] - before[lane], 0.0)
                before[:] = total
                edge += 1


@functools.cache
def _buffers() -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    return empty_rows(_WINDOW), empty_rows(_WINDOW), empty_rows(_WINDOW)


def compiled_band_power(
    samples: npt.NDArray[np.float32], window: npt.NDArray[np.float32], edges: npt.NDArray[np.int64]
) -> Numbers:
    """Return the energy between the edges of each window of 1,600 samples, [windows, bands].

    Args:
        samples: float32 [n], n a multiple of 1,600.
        window: the window function.
        edges: first bin of each band, and the end of the last, ascending.
    """
    windows = len(samples) // _WINDOW
    whole = windows - windows % LANES
    power = np.empty((windows, len(edges) - 1))
    factors = twiddles(_WINDOW)
    _band_power(samples, whole, window, factors, edges, *_buffers()[:2], power)
    if whole < windows:
        rest = _buffers()[2]
        rest[:] = 0.0
        rest[: (windows - whole) * _WINDOW] = samples[whole * _WINDOW : windows * _WINDOW]
        _band_power(rest, windows - whole, window, factors, edges, *_buffers()[:2], power[whole:])
    return power


def compiled_energy(samples: npt.NDArray[np.float32]) -> float:
    """Return the sum of the squares of samples, with the bits of NumPy's sum of float64 squares."""
    return float(sum_of_squares(samples, 0, len(samples), 0.0, np.empty(8)))


@numba.njit(cache=True)
def _statistics(samples: Any, length: int, clip_level: float, found: Any) -> None:
    """Write mean, deviation and share of clipped samples to ``found`` [n, 4], whose third column holds the peaks."""
    sums = np.empty(8)
    for second in range(found.shape[0]):
        begin = second * length
        mean = sum_of_samples(samples, begin, length, sums) / length
        variance = sum_of_squares(samples, begin, length, mean, sums) / length
        clipped = 0
        if found[second, 2] >= clip_level:
            for at in range(begin, begin + length):
                if abs(np.float64(samples[at])) >= clip_level:
                    clipped += 1
        found[second, 0], found[second, 1], found[second, 3] = mean, np.sqrt(variance), clipped / length


def compiled_statistics(samples: npt.NDArray[np.float32], length: int, clip_level: float) -> Numbers:
    """Return mean, standard deviation, largest magnitude and share of clipped samples of each stretch, [n, 4].

    Args:
        samples: float32, a multiple of ``length``.
        length: samples of a stretch, at least 8.
        clip_level: magnitude that counts as clipped.
    """
    found = np.empty((len(samples) // length, 4))
    seconds = samples[: len(found) * length].reshape(-1, length)
    found[:, 2] = np.maximum(seconds.max(axis=1), -seconds.min(axis=1))
    _statistics(np.ascontiguousarray(samples), length, clip_level, found)
    return found


@numba.njit(cache=True)
def _median(values: Any) -> float:
    """Return the mean of the two middle values of an even number."""
    middle = values.size // 2
    low, high = 0.0, 0.0
    for k in range(values.size):
        value, less, equal = values[k], 0, 0
        for other in range(values.size):
            less += values[other] < value
            equal += values[other] == value
        if less < middle <= less + equal:
            low = value
        if less <= middle < less + equal:
            high = value
    median: float = (low + high) / 2
    return median


@numba.njit(cache=True)
def _mean_magnitude(values: Any, shift: float) -> float:
    """Return the mean of |value - shift| of a multiple of eight values, at most 128, in the order of NumPy."""
    sums = np.zeros(8)
    for at in range(0, values.size, 8):
        for k in range(8):
            sums[k] += abs(values[at + k] - shift)
    total = ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]))
    mean: float = total / values.size
    return mean


@numba.njit(cache=True)
def compiled_distances(levels: Any, spectra: Any, found: Any) -> None:
    """Write distance, shape distance and gain of each second to ``found`` [3, n].

    Args:
        levels: of the seconds, [n, bands]; the number of bands is a multiple of eight.
        spectra: [m, bands].
        found: see `anomaly.audio.sensor.reference.distances`.
    """
    difference = np.empty(levels.shape[1])
    for second in range(levels.shape[0]):
        raw, shape, gain = np.inf, np.inf, 0.0
        for spectrum in range(spectra.shape[0]):
            difference[:] = levels[second] - spectra[spectrum]
            raw = min(raw, _mean_magnitude(difference, 0.0))
            median = _median(difference)
            own = _mean_magnitude(difference, median)
            if own < shape:
                shape, gain = own, median
        found[0, second], found[1, second], found[2, second] = raw, shape, gain


@numba.njit(cache=True)
def compiled_medians(values: Any, found: Any) -> None:
    """Write the median of each row of ``values`` [n, even number] to ``found`` [n]."""
    for row in range(values.shape[0]):
        found[row] = _median(values[row])
