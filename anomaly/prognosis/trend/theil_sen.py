"""Robust slope: the median of the slopes of all pairs (Theil, 1950; Sen, 1968), with an interval by ranks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from anomaly.prognosis.index.series import Values

# Pairs beyond this number are thinned: at most so many values enter.
_MOST_VALUES = 150


@dataclass(frozen=True, slots=True)
class Slope:
    """Slope of an index.

    Args:
        per_s: median slope of all pairs.
        low_per_s: lower end of its interval.
        high_per_s: upper end.
        level: value of the line at the last time.
    """

    per_s: float
    low_per_s: float
    high_per_s: float
    level: float


def theil_sen(times_s: Values, values: Values, *, inflation: float = 1.0, coverage: float = 0.8) -> Slope:
    """Return the Theil-Sen slope with Sen's interval.

    Args:
        times_s: [n], ascending, at least two different ones.
        values: [n].
        inflation: factor on the variance of Kendall's statistic for correlated values, see ``Noise.inflation``.
        coverage: of the interval.
    """
    keep = np.unique(np.linspace(0, len(values) - 1, min(len(values), _MOST_VALUES)).astype(int))
    t, x = times_s[keep], values[keep]
    first, second = np.triu_indices(len(t), k=1)
    spans = t[second] - t[first]
    apart = spans > 0
    slopes = np.sort((x[second] - x[first])[apart] / spans[apart])
    n = len(t)
    kendall = np.sqrt(inflation * len(values) / n * n * (n - 1) * (2 * n + 5) / 18.0)
    reach = float(ndtri(0.5 + 0.5 * coverage)) * kendall / len(slopes)
    low, middle, high = np.quantile(slopes, np.clip([0.5 - 0.5 * reach, 0.5, 0.5 + 0.5 * reach], 0.0, 1.0))
    level = float(np.median(values - middle * (times_s - times_s[-1])))
    return Slope(float(middle), float(low), float(high), level)
