"""Simulated degradations and healthy machines, as hourly health indices whose time of the alarm level is known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.signal import lfilter

from anomaly.prognosis.index.series import HOUR_S, IndexSeries

Values = npt.NDArray[np.float64]
Random = np.random.Generator

SHAPES = ("line", "power", "exponential", "wiener", "gamma")
_LEVEL = 5.0
_LEAST_HOURS, _MOST_HOURS = 60, 900
# The alarm level in standard deviations of the noise.
_LEVEL_DEVIATIONS = (6.0, 40.0)


@dataclass(frozen=True, eq=False)
class Degradation:
    """Simulated degradation.

    Args:
        series: index by the hour, until it passes the alarm level.
        onset_s: time at which it begins to rise.
        reached_s: first time at which the index without noise is at the alarm level.
        shape: of the rise.
    """

    series: IndexSeries
    onset_s: float
    reached_s: float
    shape: str

    def at_life(self, share: float) -> IndexSeries:
        """Return the index up to a share of the way in time from the onset to the alarm level."""
        return self.series.until(self.onset_s + share * (self.reached_s - self.onset_s))


def degradation(random: Random, shape: str | None = None) -> Degradation:
    """Simulate one degradation.

    Args:
        random: source of all draws.
        shape: one of ``SHAPES``; default: drawn.
    """
    shape = str(random.choice(SHAPES)) if shape is None else shape
    hours = int(np.exp(random.uniform(np.log(_LEAST_HOURS), np.log(_MOST_HOURS))))
    quiet = int(hours * random.uniform(0.0, 2.0))
    path: Values = np.concatenate([np.zeros(quiet), _LEVEL * _rise(random, shape, hours)])
    reached = quiet + int(np.argmax(path[quiet:] >= _LEVEL))
    deviation = _LEVEL / float(np.exp(random.uniform(*np.log(_LEVEL_DEVIATIONS))))
    values: Values = path[: reached + 1] + noise(random, reached + 1, deviation)
    times = np.arange(reached + 1, dtype=np.float64) * HOUR_S
    series = IndexSeries(shape, "score", times, values, _LEVEL, "simulated")
    return Degradation(series, quiet * HOUR_S, reached * HOUR_S, shape)


def healthy(random: Random, hours: int = 720) -> IndexSeries:
    """Simulate the index of a healthy machine: noise with memory, a daily cycle, changes of load, single outliers."""
    values: Values = noise(random, hours, 1.0)
    values += random.uniform(0.0, 1.0) * np.sin(2 * np.pi * (np.arange(hours) / 24.0 + random.uniform()))
    for _ in range(random.poisson(1.5)):
        values[random.integers(hours) :] += random.normal(0.0, 1.5)
    outliers = random.random(hours) < 0.01
    values += outliers * random.uniform(2.0, 8.0, hours)
    return IndexSeries(
        "healthy", "score", np.arange(hours, dtype=np.float64) * HOUR_S, values, 6.0, "simulated"
    )


def noise(random: Random, count: int, deviation: float) -> Values:
    """Return autoregressive noise of first order, its correlation drawn from 0 to 0.8."""
    correlation = random.uniform(0.0, 0.8)
    steps = random.normal(0.0, deviation * np.sqrt(1.0 - correlation**2), count)
    steps[0] = random.normal(0.0, deviation)
    return np.asarray(lfilter([1.0], [1.0, -correlation], steps))


def _rise(random: Random, shape: str, hours: int) -> Values:
    """Return a rise from 0 that reaches 1, about after so many hours."""
    t = np.arange(1, 4 * hours + 1) / hours
    if shape == "power":
        return np.asarray(t ** random.uniform(0.7, 3.0))
    if shape == "exponential":
        rate = random.uniform(1.0, 5.0)
        return np.asarray(np.expm1(rate * np.minimum(t, 1.5)) / np.expm1(rate))
    if shape == "wiener":
        steps = random.normal(1.0 / hours, random.uniform(0.05, 0.4) / np.sqrt(hours), len(t))
        return _reaching(np.cumsum(steps))
    if shape == "gamma":
        jumps = random.uniform(5.0, 60.0)
        return _reaching(np.cumsum(random.gamma(jumps / hours, 1.0 / jumps, len(t))))
    return t


def _reaching(path: Values) -> Values:
    """Return a path, raised at its end so that it reaches 1 in any case."""
    path[-1] = max(path[-1], 1.0)
    return path
