"""Time until a rising index reaches the alarm level, as an interval that was calibrated on simulated degradations.

The ratio of the true time to the time by the mean slope of the rise does not depend on units. Its quantiles are those
of the simulated rises that are most like this one (nearest neighbours), stretched on further simulations until 80 %
are inside (conformal; Lei and others, 2018). ``simulated_rises.csv`` holds them, as `benchmarks/lib/trend/ratio_fit.py`
writes it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from anomaly.prognosis.index.series import Values
from anomaly.prognosis.trend.rise import Rise

COVERAGE = 0.8
# Below this share of the way to the alarm level a rise says nothing about the time left.
LEAST_SHARE = 0.15
# An interval wider than this factor, upper over lower end, is none.
_WIDEST = 30.0
# Slope of the last piece over the mean slope: less or more than this is no more than that.
_BEND_BOUNDS = (0.25, 8.0)
_NEIGHBOURS = 150
_LEAST_SCATTER = 1e-3


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


@dataclass(frozen=True, eq=False)
class RatioModel:
    """Simulated rises, and the logarithms of true time over time by the mean slope.

    Args:
        figures: of each rise, see `rise_figures`, [rises, 4].
        ratios: [rises].
        stretch: factor on both sides of the median.
    """

    figures: Values
    ratios: Values
    stretch: float = 1.0

    def quantiles(self, figures: Values) -> tuple[float, float, float]:
        """Return the lower, middle and upper quantile for a rise."""
        spread = np.maximum(self.figures.std(axis=0), 1e-9)
        far = (((self.figures - figures) / spread) ** 2).sum(axis=1)
        nearest = self.ratios[np.argsort(far, kind="stable")[:_NEIGHBOURS]]
        tail = (1.0 - COVERAGE) / 2.0
        low, middle, high = (float(q) for q in np.quantile(nearest, (tail, 0.5, 1.0 - tail)))
        return middle - self.stretch * (middle - low), middle, middle + self.stretch * (high - middle)


def share_of_way(rise: Rise, alarm_level: float) -> float:
    """Return the share of the way from the beginning of a rise to the alarm level that is behind it."""
    return (rise.end - rise.begin) / max(alarm_level - rise.begin, 1e-300)


def mean_slope_time_s(rise: Rise, alarm_level: float) -> float:
    """Return the time left by the mean slope of a rise."""
    return rise.duration_s * (alarm_level - rise.end) / (rise.end - rise.begin)


def rise_figures(rise: Rise, alarm_level: float) -> Values:
    """Return the figures by which rises are alike, [4].

    Bend (logarithm of the last slope over the mean slope), share of the way, logarithm of the slope in standard errors,
    and logarithm of the scatter around the straight line over the height.
    """
    mean_slope = (rise.end - rise.begin) / rise.duration_s
    bend = float(np.log(np.clip(rise.slope.per_s / mean_slope, *_BEND_BOUNDS)))
    scatter = max(rise.scatter / (rise.end - rise.begin), _LEAST_SCATTER)
    return np.array([bend, share_of_way(rise, alarm_level), float(np.log(rise.z)), float(np.log(scatter))])


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
    mean_s = mean_slope_time_s(rise, alarm_level)
    low, middle, high = model.quantiles(rise_figures(rise, alarm_level))
    if high - low > np.log(_WIDEST):
        return None
    return TimeInterval(*(mean_s * float(np.exp(q)) for q in (low, middle, high)))


@cache
def ratio_model() -> RatioModel:
    """Return the model of the package."""
    path = Path(__file__).with_name("simulated_rises.csv")
    table = np.loadtxt(path, delimiter=",", skiprows=2)
    with path.open(encoding="ascii") as file:
        stretch = float(file.readline().removeprefix("# stretch "))
    return RatioModel(table[:, :-1], table[:, -1], stretch)
