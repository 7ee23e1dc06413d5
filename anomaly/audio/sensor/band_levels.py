"""Spectrum of a second in 32 bands, coarse enough that it depends on the microphone more than on the machine."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import fft

from anomaly.audio import SAMPLE_RATE_HZ
from anomaly.audio.channels import Samples
from anomaly.audio.compiled import compiled_kernels

Decibels = npt.NDArray[np.float64]

BANDS = 32
# Above the rounding of 24-bit sound, about -150 dB per band, and below the noise of any microphone.
FLOOR_DB = -130.0
# Window of 0.1 s: long enough for bands of 40 Hz, short enough to show a noise gate that closes.
_WINDOW = SAMPLE_RATE_HZ // 10
# From so many samples on compiled code is worth its call.
_COMPILED_SAMPLES, _COMPILED_VALUES = SAMPLE_RATE_HZ, 10 * BANDS
# Edges of equal width from the lowest to the knee, of a constant ratio above it.
_LOWEST_HZ, _KNEE_HZ, _LINEAR_BANDS = 40, 1_000, 8


@functools.cache
def edges_hz() -> npt.NDArray[np.int64]:
    """Return the band edges, [BANDS + 1], whole tens of Hz: equal widths up to 1 kHz, a constant ratio above it."""
    low = np.linspace(_LOWEST_HZ, _KNEE_HZ, _LINEAR_BANDS + 1)
    high = np.geomspace(_KNEE_HZ, SAMPLE_RATE_HZ / 2, BANDS - _LINEAR_BANDS + 1)
    return (np.round(np.concatenate([low, high[1:]]) / 10) * 10).astype(np.int64)


@dataclass(frozen=True, eq=False)
class BandLevels:
    """Levels of one second, in dB relative to a full-scale sine.

    Args:
        mean: mean power over the second per band, [BANDS].
        flutter_db: median over the bands of the deepest drop below the mean within a tenth of a second, relative to
            the change that all bands have in common: a noise gate closes bands one by one, a machine stops them all.
    """

    mean: Decibels
    flutter_db: float


def band_levels(samples: Samples) -> BandLevels:
    """Measure the levels of a second, float32 [n >= 1600]."""
    count = len(samples) // _WINDOW
    means, flutter_db = _levels(_band_power(samples[: count * _WINDOW]).reshape(1, count, BANDS))
    return BandLevels(means[0], float(flutter_db[0]))


def many_band_levels(samples: Samples) -> tuple[Decibels, Decibels]:
    """Measure the levels of whole seconds that follow each other, to the same bits.

    Args:
        samples: float32 [n * 16000].

    Returns:
        The mean levels [n, BANDS], and the flutter [n], as `BandLevels` holds them.
    """
    return _levels(_band_power(samples).reshape(-1, SAMPLE_RATE_HZ // _WINDOW, BANDS))


def _levels(power: Decibels) -> tuple[Decibels, Decibels]:
    """Return mean levels and flutter of seconds from the power of their windows, [seconds, windows, BANDS]."""
    # The mean square of the Hann window is 3/8; that of a full-scale sine is 1/2.
    scale, floor = 2 * 2 / (0.375 * _WINDOW**2), 10 ** (FLOOR_DB / 10)
    mean = 10 * np.log10(power.mean(axis=1) * scale + floor)
    deviation = 10 * np.log10(power * scale + floor) - mean[:, None]
    alone = deviation - median_over_bands(deviation)[:, :, None]
    return mean, median_over_bands(-alone.min(axis=1))


def _band_power(samples: Samples) -> Decibels:
    """Return the power per band of windows that follow each other, [windows, BANDS]."""
    edges = edges_hz() // 10
    if len(samples) >= _COMPILED_SAMPLES and compiled_kernels.are_loaded():
        return compiled_kernels.band_power(samples, _hann(), edges)
    windows = samples.reshape(-1, _WINDOW).astype(np.float32)
    # SciPy's, whose bits do not depend on the number of windows.
    spectrum = fft.rfft(windows * _hann(), axis=1)
    energy = np.cumsum(spectrum.real**2 + spectrum.imag**2, axis=1, dtype=np.float64)
    power: Decibels = np.maximum(energy[:, edges[1:]] - energy[:, edges[:-1]], 0.0)
    return power


def median_over_bands(values: Decibels) -> Decibels:
    """Compute the median over the last axis, [..., BANDS]; the bits of ``np.median`` in less time."""
    if values.size >= _COMPILED_VALUES and compiled_kernels.are_loaded():
        return compiled_kernels.medians(values)
    inner = np.partition(values, (BANDS // 2 - 1, BANDS // 2))
    median: Decibels = (inner[..., BANDS // 2 - 1] + inner[..., BANDS // 2]) / 2
    return median


@functools.cache
def _hann() -> Samples:
    return np.hanning(_WINDOW).astype(np.float32)


def hum_share(samples: Samples, mains_hz: int) -> float:
    """Compute the share of the power of a second that lies within 1.5 Hz of a harmonic of the mains.

    Args:
        samples: float32 [16000].
        mains_hz: 50 or 60.
    """
    power = np.abs(np.fft.rfft(samples.astype(np.float64) * np.hanning(len(samples)))) ** 2
    power[:2] = 0.0
    total = float(power.sum())
    lines = np.arange(mains_hz, len(power) - 1, mains_hz)
    near = power[lines - 1] + power[lines] + power[lines + 1]
    return float(near.sum()) / total if total else 0.0
