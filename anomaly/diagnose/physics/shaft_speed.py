"""Speed of the shaft, stated or estimated from the harmonics in a spectrum."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.fft import next_fast_len
from scipy.ndimage import median_filter

from anomaly.diagnose.physics.envelope import Curve

LOWEST_HZ, HIGHEST_HZ = 5.0, 110.0
"""Speeds that are searched where nothing is known: 300 to 6,600 rpm."""
_TOP_HZ = 1200.0
_MOST_HARMONICS = 40
_FLOOR_HZ = 25.0
_MOST_EXCESS = 4.0
"""Cap of the logarithm of excess, so that one loud tone does not decide."""
_NOISE = 0.7
_TOOTH_EXPONENT = 0.6
_MOST_PADDING, _FINEST_HZ = 8, 0.1
_STATED_UNCERTAINTY = 0.02
_CONFIDENT = 0.08
"""Share by which the best comb must beat the others for its speed to be trusted."""


@dataclass(frozen=True)
class ShaftSpeed:
    """Speed of the main shaft.

    Args:
        hz: turns per second.
        uncertainty_hz: half width in which it lies in about 90 of 100 cases.
        source: ``given``, ``estimated in the range given`` or ``estimated``.
        is_certain: whether another speed fits clearly worse.
    """

    hz: float
    uncertainty_hz: float
    source: str
    is_certain: bool = True


def stated_speed(hz: float) -> ShaftSpeed:
    """Return a speed that was given; drives run up to 2 percent off their plate."""
    return ShaftSpeed(hz, _STATED_UNCERTAINTY * hz, "given")


def estimate_speed(
    samples: Curve, rate_hz: float, range_hz: tuple[float, float] | None = None
) -> ShaftSpeed | None:
    """Estimate the speed by the comb of harmonics that explains most lines of the spectrum.

    Each harmonic counts by the logarithm of its excess over the surroundings. A comb with half the speed meets the
    same lines with every second tooth and noise with the others, so the sum is divided by a power of the number of
    teeth.

    Args:
        samples: [n], one channel.
        rate_hz: sample rate.
        range_hz: lowest and highest speed, if known.

    Returns:
        The speed; None if the recording is shorter than three turns.
    """
    low, high = range_hz or (LOWEST_HZ, HIGHEST_HZ)
    if len(samples) / rate_hz * high < 3 or high >= rate_hz / 4:
        return None
    top_hz = min(_TOP_HZ, 0.45 * rate_hz)
    excess, step_hz = _log_excess(samples, rate_hz, top_hz)
    grid = _grid(low, high, step_hz, top_hz)
    gains = _gains(excess, grid, step_hz, top_hz)
    best = int(gains.argmax())
    apart = np.abs(grid / grid[best] - 1) > 0.01
    others = float(gains[apart].max()) if apart.any() else 0.0
    certain = gains[best] > 0 and others < (1 - _CONFIDENT) * gains[best]
    harmonics = min(_MOST_HARMONICS, top_hz / grid[best])
    uncertainty = max(2 * step_hz / harmonics, 0.001 * grid[best])
    if not certain:
        uncertainty = max(uncertainty, 0.5 * float(high - low) if range_hz else 0.5 * float(grid[best]))
    source = "estimated" if range_hz is None else "estimated in the range given"
    return ShaftSpeed(float(grid[best]), float(uncertainty), source, bool(certain))


def _log_excess(samples: Curve, rate_hz: float, top_hz: float) -> tuple[Curve, float]:
    """Return the logarithm of power over its surroundings, and the step of its frequencies (padded with zeros)."""
    count = len(samples)
    padded = next_fast_len(int(max(count, min(_MOST_PADDING * count, rate_hz / _FINEST_HZ))), real=True)
    windowed = (samples - samples.mean()) * np.hanning(count)
    step_hz = rate_hz / padded
    power = np.abs(np.fft.rfft(windowed, padded))[: int(top_hz * 1.03 / step_hz) + 2] ** 2
    floor = median_filter(power, max(5, round(_FLOOR_HZ / step_hz)) | 1, mode="nearest")
    return np.clip(np.log(power / (floor + 1e-30) + 1e-3) - _NOISE, 0.0, _MOST_EXCESS), step_hz


def _grid(low: float, high: float, step_hz: float, top_hz: float) -> Curve:
    """Return speeds so dense that the highest harmonic moves by less than a bin."""
    values = [low]
    while values[-1] < high:
        values.append(values[-1] + 0.7 * step_hz / min(_MOST_HARMONICS, max(1.0, top_hz / values[-1])))
    return np.asarray(values)


def _gains(excess: Curve, grid: Curve, step_hz: float, top_hz: float) -> Curve:
    counts = np.minimum(_MOST_HARMONICS, (top_hz / grid).astype(int))
    gains = np.zeros(len(grid))
    for number in range(1, _MOST_HARMONICS + 1):
        within = counts >= number
        gains[within] += excess[np.round(number * grid[within] / step_hz).astype(int)]
    return np.asarray(gains / counts**_TOOTH_EXPONENT)
