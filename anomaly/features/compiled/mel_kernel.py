"""Compiled mel spectra of a recording: the bits of `anomaly.features.mel` in a tenth of the time.

Sixteen frames stand side by side; each step is the same sequence of roundings as in NumPy and SciPy. This file is
imported only where Numba is installed.
"""

from __future__ import annotations

import functools
from typing import Any

import numba
import numpy as np
import numpy.typing as npt

from anomaly.audio.compiled.float_lanes import LANES, Rows, empty_rows, transpose, vector_intrinsic
from anomaly.audio.compiled.real_fft import transform_1024, twiddles
from anomaly.features.mel import (
    FLOOR,
    HOP,
    N_FFT,
    N_MELS,
    Centibels,
    Samples,
    mel_matrix,
    mel_window,
    n_frames,
)

__all__ = ["compiled_levels"]

_BINS = N_FFT // 2 + 1


def _windowed(arrays: list[Rows], numbers: list[Any]) -> None:
    """Transpose sixteen samples of sixteen frames, and multiply them with the window."""
    samples, window, target = arrays
    first, stride, row = numbers
    loaded, at = [], first
    for _ in range(LANES):
        loaded.append(samples.load_at(at))
        at = samples.plus(at, stride)
    for number, values in enumerate(transpose(loaded)):
        place = target.plus(row, number)
        target.store(place, values * window.broadcast(place))


def _energy(arrays: list[Rows], numbers: list[Any]) -> None:
    spectrum, energy = arrays
    real_row, bin_row = numbers
    real, imaginary = spectrum.load(real_row), spectrum.load(spectrum.plus(real_row, 1))
    energy.store(bin_row, real * real + imaginary * imaginary)


def _single_energy(arrays: list[Rows], numbers: list[Any]) -> None:
    spectrum, energy = arrays
    row, bin_row = numbers
    value = spectrum.load(row)
    energy.store(bin_row, value * value)


def _add_product(arrays: list[Rows], numbers: list[Any]) -> None:
    energy, weights, bands = arrays
    bin_row, at, band_row = numbers
    bands.store(band_row, bands.load(band_row) + weights.broadcast(at) * energy.load(bin_row))


def _add_row(arrays: list[Rows], numbers: list[Any]) -> None:
    source, target = arrays
    row, target_row = numbers
    target.store(target_row, target.load(target_row) + source.load(row))


def _copy_row(arrays: list[Rows], numbers: list[Any]) -> None:
    source, target = arrays
    row, target_row = numbers
    target.store(target_row, source.load(row))


_window_block = vector_intrinsic(3, 3, _windowed)
_energy_of_bin, _energy_of_end = vector_intrinsic(2, 2, _energy), vector_intrinsic(2, 2, _single_energy)
_weigh = vector_intrinsic(3, 3, _add_product)
_add, _copy = vector_intrinsic(2, 2, _add_row), vector_intrinsic(2, 2, _copy_row)


@numba.njit(cache=True)
def _pooled_frames(
    samples: Any,
    frames: int,
    window: Any,
    factors: Any,
    row_begin: Any,
    bins: Any,
    weights: Any,
    buffers: Any,
    per_band: int,
    pooled: Any,
) -> None:
    """Write the sum of neighbouring mel bands of each frame to ``pooled`` [frames, bands]."""
    rows, work, energy, bands, sums = buffers
    for first in range(0, frames, LANES):
        for block in range(0, N_FFT, LANES):
            _window_block(samples, window, rows, first * HOP + block, HOP, block)
        transform_1024(rows, work, factors)
        _energy_of_end(work, energy, 0, 0)
        _energy_of_end(work, energy, N_FFT - 1, _BINS - 1)
        for number in range(1, _BINS - 1):
            _energy_of_bin(work, energy, 2 * number - 1, number)
        bands[:] = 0.0
        for band in range(N_MELS):
            for at in range(row_begin[band], row_begin[band + 1]):
                _weigh(energy, weights, bands, bins[at], at, band)
        count = N_MELS // per_band
        for band in range(count):
            _copy(bands, sums, band * per_band, band)
            for other in range(1, per_band):
                _add(bands, sums, band * per_band + other, band)
        for frame in range(min(LANES, frames - first)):
            for band in range(count):
                pooled[first + frame, band] = sums[band * LANES + frame]


@functools.cache
def _tables() -> tuple[Any, ...]:
    matrix = mel_matrix()
    order = np.asarray(matrix.indptr, np.int64), np.asarray(matrix.indices, np.int64)
    return (mel_window(), twiddles(N_FFT), *order, np.asarray(matrix.data, np.float32))


@functools.cache
def _buffers() -> tuple[npt.NDArray[np.float32], ...]:
    return tuple(empty_rows(count) for count in (N_FFT, N_FFT, _BINS, N_MELS, N_MELS))


@functools.cache
def _rest() -> npt.NDArray[np.float32]:
    return np.empty((LANES - 1) * HOP + N_FFT, np.float32)


def compiled_levels(samples: Samples, bands: int) -> Centibels:
    """Return the pooled levels of every whole frame of a recording, as ``pool(mel_power(samples), bands)`` does.

    Args:
        samples: float32 [n], 16 kHz.
        bands: a divisor of 128.

    Returns:
        Hundredths of a decibel, int32 [frames, bands].
    """
    frames = n_frames(len(samples))
    pooled = np.empty((frames, bands), np.float32)
    kernel: Any = _pooled_frames
    whole = frames - frames % LANES
    fixed, per_band = (*_tables(), _buffers()), N_MELS // bands
    kernel(samples, whole, *fixed, per_band, pooled)
    if whole < frames:
        # The last group of frames would read beyond the end.
        rest = _rest()
        used = (frames - whole - 1) * HOP + N_FFT
        rest[:used] = samples[whole * HOP : whole * HOP + used]
        rest[used:] = 0.0
        kernel(rest, frames - whole, *fixed, per_band, pooled[whole:])
    mean = pooled * np.float32(bands / N_MELS) + FLOOR
    return np.rint(1000.0 * np.log10(mean.astype(np.float64))).astype(np.int32)
