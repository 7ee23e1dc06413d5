"""Time until a rising index reaches the alarm level, as an interval that was calibrated on simulated degradations.

The ratio of the true time to the time by the mean slope of the rise does not depend on units. Its 10 %, 50 % and 90 %
quantiles are linear in four figures of the rise (quantile regression; Koenker and Bassett, 1978), widened on further
simulations until 80 % are inside (conformalised; Romano and others, 2019). ``time_to_level.yaml`` holds the figures,
`benchmarks/trend_calibration.py` makes them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from anomaly.prognosis.index.series import Values
from anomaly.prognosis.trend.rise import Rise
from anomaly.strict_yaml import load

COVERAGE = 0.8
# Below this share of the way to the alarm level a rise says nothing about the time left.
LEAST_SHARE = 0.15
# An interval wider than this factor, upper over lower end, is none.
_WIDEST = 30.0
# Slope of the last piece over the mean slope: less or more than this is no more than that.
_BEND_BOUNDS = (0.25, 8.0)
# Rest of the way to the level that still counts.
_LEAST_REST = 0.02


@dataclass(frozen=True, slots=True)
class TimeInterval:
    """Interval of a time that is still to pass, in seconds.

    Args:
        lower_s: lower end.
        middle_s: median.
        upper_s: upper end.
        coverage: share of such intervals that should hold the true time.
    """

    lower_s: float
    middle_s: float
    upper_s: float
    coverage: float = COVERAGE

    def holds(self, seconds: float) -> bool:
        """Return whether a time lies in the interval."""
        return self.lower_s <= seconds <= self.upper_s


@dataclass(frozen=True, slots=True)
class RatioModel:
    """Quantiles of the logarithm of true time over time by the mean slope.

    Args:
        lower: coefficients of the lower quantile.
        middle: of the median.
        upper: of the upper quantile.
        widening: added to both sides.
    """

    lower: tuple[float, ...]
    middle: tuple[float, ...]
    upper: tuple[float, ...]
    widening: float


def share_of_way(rise: Rise, alarm_level: float) -> float:
    """Return the share of the way from the beginning of a rise to the alarm level that is behind it."""
    return (rise.end - rise.begin) / max(alarm_level - rise.begin, 1e-300)


def mean_slope_time_s(rise: Rise, alarm_level: float) -> float:
    """Return the time left by the mean slope of a rise."""
    return rise.duration_s * (alarm_level - rise.end) / (rise.end - rise.begin)


def rise_figures(rise: Rise, alarm_level: float) -> Values:
    """Return the figures that the quantiles are linear in, [11].

    Constant; bend (logarithm of the last slope over the mean slope), share of the way, its square, scatter, bend times
    share, scatter times share, logarithm of the rest of the way, bend squared, bend times scatter, scatter squared.
    """
    share = share_of_way(rise, alarm_level)
    mean_slope = (rise.end - rise.begin) / rise.duration_s
    bend = float(np.log(np.clip(rise.slope.per_s / mean_slope, *_BEND_BOUNDS)))
    scatter = 1.0 / np.sqrt(rise.z)
    rest = float(np.log(max(1.0 - share, _LEAST_REST)))
    products = (bend * share, scatter * share, rest, bend**2, scatter * bend, scatter**2)
    return np.array([1.0, bend, share, share**2, scatter, *products])


def time_to_level(rise: Rise, alarm_level: float, model: RatioModel | None = None) -> TimeInterval | None:
    """Return the interval of the time to the alarm level, or None where the rise says too little.

    Args:
        rise: at the end of the index.
        alarm_level: above the level now.
        model: of the ratios; default: the one of the package.
    """
    share = share_of_way(rise, alarm_level)
    if not LEAST_SHARE <= share < 1.0:
        return None
    model = ratio_model() if model is None else model
    figures, mean_s = rise_figures(rise, alarm_level), mean_slope_time_s(rise, alarm_level)
    low, middle, high = (float(figures @ np.array(q)) for q in (model.lower, model.middle, model.upper))
    low, high = min(low, middle) - model.widening, max(high, middle) + model.widening
    if high - low > np.log(_WIDEST):
        return None
    return TimeInterval(*(mean_s * float(np.exp(q)) for q in (low, middle, high)))


@cache
def ratio_model() -> RatioModel:
    """Return the model of the package."""
    found, _ = load(Path(__file__).with_name("time_to_level.yaml"))
    lower, middle, upper = (tuple(map(float, found[name])) for name in ("lower", "middle", "upper"))
    return RatioModel(lower, middle, upper, float(found["widening"]))
