"""The spectrum of a second as a microphone is judged by it: 32 bands, coarse on purpose."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from anomaly.audio import SAMPLE_RATE_HZ
from anomaly.audio.channels import Samples

Decibels = npt.NDArray[np.float64]

BANDS = 32
# Nothing real is quieter: 24-bit rounding of a whole second lies at about -150 dB a band.
FLOOR_DB = -130.0
# A second is cut into pieces of 0.1 s: long enough for bands of 40 Hz, short enough to see a gate close.
_PIECE = SAMPLE_RATE_HZ // 10
_LOWEST_HZ, _KNEE_HZ, _LINEAR = 40, 1_000, 8


@functools.cache
def edges_hz() -> npt.NDArray[np.int64]:
    """Corners of the bands, [BANDS + 1], whole tens of Hz: even up to 1 kHz, a constant ratio above it."""
    low = np.linspace(_LOWEST_HZ, _KNEE_HZ, _LINEAR + 1)
    high = np.geomspace(_KNEE_HZ, SAMPLE_RATE_HZ / 2, BANDS - _LINEAR + 1)
    return (np.round(np.concatenate([low, high[1:]]) / 10) * 10).astype(np.int64)


@dataclass(frozen=True, eq=False)
class BandLevels:
    """One second, in dB below a full-scale sine.

    Args:
        mean: mean over the second per band, [BANDS].
        flutter_db: how far the median band falls below its mean for a tenth of a second, when what all bands do
            together is taken off: a gate closes them one by one, a machine stops them all.
    """

    mean: Decibels
    flutter_db: float


def band_levels(samples: Samples) -> BandLevels:
    """Levels of a second, float32 [n >= 1600]."""
    count = len(samples) // _PIECE
    pieces = samples[: count * _PIECE].reshape(count, _PIECE).astype(np.float32)
    spectrum = np.fft.rfft(pieces * _window(), axis=1)
    energy = np.cumsum(spectrum.real**2 + spectrum.imag**2, axis=1, dtype=np.float64)
    corners = edges_hz() // 10
    power = np.maximum(energy[:, corners[1:]] - energy[:, corners[:-1]], 0.0)
    # The window holds 3/8 of the power; a full-scale sine has 1/2.
    scale, floor = 2 * 2 / (0.375 * _PIECE**2), 10 ** (FLOOR_DB / 10)
    mean = 10 * np.log10(power.mean(axis=0) * scale + floor)
    apart = 10 * np.log10(power * scale + floor) - mean
    alone = apart - middle(apart)[:, None]
    return BandLevels(mean, float(middle(-alone.min(axis=0))))


def middle(values: Decibels) -> Decibels:
    """Median over the bands, which are even in number: what ``np.median`` gives, in a fraction of its time."""
    inner = np.partition(values, (BANDS // 2 - 1, BANDS // 2))
    middle: Decibels = (inner[..., BANDS // 2 - 1] + inner[..., BANDS // 2]) / 2
    return middle


@functools.cache
def _window() -> Samples:
    return np.hanning(_PIECE).astype(np.float32)


def hum_share(samples: Samples, mains_hz: int) -> float:
    """Share of the power of a second that lies within 1.5 Hz of a harmonic of the mains.

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
