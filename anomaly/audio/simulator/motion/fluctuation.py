"""Slow random change: speed wander, gusts, turbulence, drifting levels."""

from __future__ import annotations

import numpy as np
from scipy.signal import lfilter

from anomaly.audio.simulator.arrays import Curve

# Warm-up in periods of the corner frequency.
_WARM_UP = 5


def wander(rng: np.random.Generator, points: int, rate_hz: float, corner_hz: float) -> Curve:
    """Draw a first-order random process (Ornstein and Uhlenbeck, 1930) of mean 0 and variance 1 [points].

    Args:
        rng: random numbers to draw from.
        points: length of the result.
        rate_hz: points per second.
        corner_hz: its spectrum falls by 6 dB an octave above this frequency.
    """
    keep = float(np.exp(-2.0 * np.pi * min(corner_hz, 0.45 * rate_hz) / rate_hz))
    # Warm-up, so that the process is stationary from its first point.
    before = min(points + 1, int(_WARM_UP * rate_hz / corner_hz)) if corner_hz > 0 else 0
    noise = rng.standard_normal(before + points) * np.sqrt(1.0 - keep**2)
    start = rng.standard_normal() * keep
    smooth, _ = lfilter([1.0], [1.0, -keep], noise, zi=np.array([start]))
    return np.asarray(smooth[before:], dtype=np.float64)


def gain(rng: np.random.Generator, points: int, rate_hz: float, corner_hz: float, depth: float) -> Curve:
    """Draw a positive gain of mean square about 1 [points], log-normal, of relative standard deviation ``depth``."""
    if depth <= 0.0:
        return np.ones(points)
    spread = np.sqrt(np.log1p(depth**2))
    level: Curve = np.exp(spread * wander(rng, points, rate_hz, corner_hz) - spread**2)
    return level
