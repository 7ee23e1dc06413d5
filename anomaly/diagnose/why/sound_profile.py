"""Profile of a sound: levels, impulsiveness and modulation by band."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.ndimage import uniform_filter1d
from scipy.signal import welch

from anomaly.diagnose.physics.envelope import Curve

LOWEST_HZ = 50.0
LEVELS_PER_OCTAVE = 12
SHAPES_PER_OCTAVE = 3
_SHAPES_FROM_HZ = 200.0
_FFT_S = 0.25
_AGC_S = 0.05
"""Impulses are judged after the sound is divided by its level over so long, so that slow changes do not count."""
_SLOW_S = 0.03
_HIGHEST_SHARE = 0.47


@dataclass(frozen=True, eq=False)
class SoundProfile:
    """Profile of one recording.

    Args:
        hz: frequencies of the fine spectrum, [bins].
        power: power density there, [bins].
        levels_db: levels of twelfth octaves, [bands].
        kurtosis: excess kurtosis of third octaves after slow level changes are taken out, [shapes].
        modulation: relative standard deviation of the slow envelope of third octaves, [shapes].
    """

    hz: Curve
    power: Curve
    levels_db: Curve
    kurtosis: Curve
    modulation: Curve


@lru_cache(maxsize=16)
def band_edges(rate_hz: float, per_octave: int) -> tuple[float, ...]:
    """Return edges of bands of equal relative width below half the sample rate."""
    low = LOWEST_HZ if per_octave == LEVELS_PER_OCTAVE else _SHAPES_FROM_HZ
    count = int(np.log2(_HIGHEST_SHARE * rate_hz / low) * per_octave)
    return tuple(float(low * 2 ** (n / per_octave)) for n in range(count + 1))


def profile(samples: Curve, rate_hz: float) -> SoundProfile:
    """Measure the profile of a recording of at least half a second.

    Args:
        samples: [n], one channel.
        rate_hz: sample rate.
    """
    size = min(len(samples), int(_FFT_S * rate_hz))
    hz, power = welch(samples, rate_hz, nperseg=size, noverlap=size // 2, detrend="constant")
    edges = band_edges(rate_hz, LEVELS_PER_OCTAVE)
    shapes = band_edges(rate_hz, SHAPES_PER_OCTAVE)
    kurtosis, modulation = _shapes(samples, rate_hz, shapes)
    return SoundProfile(hz, power, _levels(hz, power, edges), kurtosis, modulation)


def mean_profile(profiles: Sequence[SoundProfile]) -> SoundProfile:
    """Return the mean of several profiles: of power and of shapes."""
    power = np.mean([one.power for one in profiles], axis=0)
    levels = 10 * np.log10(np.mean([10 ** (one.levels_db / 10) for one in profiles], axis=0))
    kurtosis = np.mean([one.kurtosis for one in profiles], axis=0)
    return SoundProfile(
        profiles[0].hz, power, levels, kurtosis, np.mean([one.modulation for one in profiles], axis=0)
    )


def _levels(hz: Curve, power: Curve, edges: Sequence[float]) -> Curve:
    """Integrate a density over bands; a band narrower than a bin takes its share of the bin."""
    step = hz[1] - hz[0]
    total = np.concatenate([[0.0], np.cumsum(power) * step])
    at = np.interp(np.asarray(edges), np.append(hz - step / 2, hz[-1] + step / 2), total)
    return np.asarray(10 * np.log10(np.diff(at) + 1e-20))


def _shapes(samples: Curve, rate_hz: float, edges: Sequence[float]) -> tuple[Curve, Curve]:
    spectrum = np.fft.rfft(samples)
    hz = np.fft.rfftfreq(len(samples), 1 / rate_hz)
    kurtosis, modulation = [], []
    for low, high in itertools.pairwise(edges):
        # Sharp edges would ring on and hide impulses, so bands overlap: each is twice as wide, with round edges.
        apart = np.abs(np.log2(np.maximum(hz, 1.0) / np.sqrt(low * high))) * SHAPES_PER_OCTAVE
        inside = apart < 1
        analytic = np.zeros(len(samples), np.complex128)
        analytic[: len(spectrum)][inside] = spectrum[inside] * np.cos(0.5 * np.pi * apart[inside])
        energy = np.abs(np.fft.ifft(analytic)) ** 2
        level = uniform_filter1d(energy, max(3, int(_AGC_S * rate_hz)), mode="nearest") + 1e-30
        even = energy / level
        kurtosis.append(float(np.mean(even**2) / np.mean(even) ** 2 - 2))
        slow = uniform_filter1d(np.sqrt(energy), max(3, int(_SLOW_S * rate_hz)), mode="nearest")
        modulation.append(float(slow.std() / (slow.mean() + 1e-30)))
    return np.asarray(kurtosis), np.asarray(modulation)
