"""Fit of the quantiles of the time to the alarm level on simulated degradations."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linprog

from anomaly.prognosis.index.series import Values
from anomaly.prognosis.trend.analysis import find_trend
from anomaly.prognosis.trend.time_to_level import (
    COVERAGE,
    LEAST_SHARE,
    RatioModel,
    mean_slope_time_s,
    rise_figures,
    share_of_way,
)
from lib.trend.degradations import degradation

# Moments of the cuts, as shares of the time from the onset to the alarm level: quantiles are fitted over the whole
# rise, and widened around its middle, where most intervals are asked for.
FIT_CUTS, WIDEN_CUTS = (0.25, 0.95), (0.3, 0.7)


@dataclass(frozen=True, eq=False)
class Cuts:
    """Cuts of simulated degradations with a rise.

    Args:
        figures: [cuts, figures].
        ratios: logarithm of the true time over the time by the mean slope, [cuts].
    """

    figures: Values
    ratios: Values


def simulated_cuts(seed: int, count: int, moments: tuple[float, float]) -> Cuts:
    """Simulate degradations and cut each once; those without a rise at the cut are left out.

    Args:
        seed: of all draws.
        count: degradations.
        moments: range of the cuts, as shares of the time from the onset to the alarm level.
    """
    found = list(_cuts(np.random.default_rng(seed), count, moments))
    return Cuts(np.array([figures for figures, _ in found]), np.array([ratio for _, ratio in found]))


def _cuts(
    random: np.random.Generator, count: int, moments: tuple[float, float]
) -> Iterator[tuple[Values, float]]:
    for _ in range(count):
        life = degradation(random)
        part = life.at_life(random.uniform(*moments))
        rise, level = find_trend(part).rise, part.alarm_level
        if rise is None or level is None or not LEAST_SHARE <= share_of_way(rise, level) < 1.0:
            continue
        left_s = life.reached_s - part.times_s[-1]
        yield rise_figures(rise, level), float(np.log(left_s / mean_slope_time_s(rise, level)))


def fit(train: Cuts, widen: Cuts) -> RatioModel:
    """Fit the quantiles on some cuts and widen them on others until the interval covers what it should."""
    tail = (1.0 - COVERAGE) / 2.0
    low, middle, high = (_quantile(train, q) for q in (tail, 0.5, 1.0 - tail))
    lowest, highest = (
        np.minimum(widen.figures @ low, widen.figures @ middle),
        np.maximum(widen.figures @ high, widen.figures @ middle),
    )
    beyond = np.maximum(lowest - widen.ratios, widen.ratios - highest)
    rank = min(np.ceil((len(beyond) + 1) * COVERAGE) / len(beyond), 1.0)
    widening = float(np.quantile(beyond, rank, method="higher"))
    return RatioModel(_rounded(low), _rounded(middle), _rounded(high), round(widening, 4))


def _quantile(cuts: Cuts, share: float) -> Values:
    """Return the coefficients of a linear quantile, by linear programming."""
    n, k = cuts.figures.shape
    cost = np.concatenate([np.zeros(k), np.full(n, share), np.full(n, 1.0 - share)])
    equal = np.hstack([cuts.figures, np.eye(n), -np.eye(n)])
    bounds = [(None, None)] * k + [(0, None)] * (2 * n)
    found = linprog(cost, A_eq=equal, b_eq=cuts.ratios, bounds=bounds, method="highs")
    return np.asarray(found.x)[:k]


def _rounded(values: Sequence[float] | Values) -> tuple[float, ...]:
    return tuple(round(float(value), 4) for value in values)
