"""Noise of an index: its standard deviation and its memory, from differences, so that trends and steps do not count."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from anomaly.prognosis.index.series import Values

# Median of |x| of a normal variable in standard deviations.
_MAD = 0.6745
# More memory than this cannot be told from a drift.
_LARGEST_CORRELATION = 0.9
# Values farther than this from the median of their neighbours are replaced by it.
_OUTLIER_DEVIATIONS, _NEIGHBOURS = 4.0, 7


@dataclass(frozen=True, slots=True)
class Noise:
    """Noise of an index.

    Args:
        deviation: standard deviation of one value around the trend.
        correlation: of neighbouring values, 0 to 0.9.
    """

    deviation: float
    correlation: float

    @property
    def inflation(self) -> float:
        """Factor by which correlation raises the variance of a mean of many values."""
        return (1.0 + self.correlation) / (1.0 - self.correlation)

    @property
    def slow_deviation(self) -> float:
        """Standard deviation that gives the right variance of means as if values were independent."""
        return self.deviation * float(np.sqrt(self.inflation))


def noise_of(values: Values) -> Noise:
    """Estimate the noise of an index from its first and second differences in time.

    For a first-order autoregression differences over k values have variance ``2 s^2 (1 - r^k)``; their ratio gives r.
    Medians of absolute values keep single outliers and steps out.

    Args:
        values: [n], at least 4.
    """
    one, two = (_scale(values[lag:] - values[:-lag]) for lag in (1, 2))
    if one <= 0.0:
        return Noise(max(float(np.std(np.diff(values))), 1e-9), 0.0)
    correlation = float(np.clip((two / one) ** 2 - 1.0, 0.0, _LARGEST_CORRELATION))
    return Noise(one / float(np.sqrt(2.0 * (1.0 - correlation))), correlation)


def without_outliers(values: Values, deviation: float) -> Values:
    """Return the values with single outliers replaced by the median of their neighbours (Hampel filter)."""
    if len(values) < _NEIGHBOURS:
        return values.copy()
    half = _NEIGHBOURS // 2
    padded = np.pad(values, half, mode="edge")
    medians = np.median(np.lib.stride_tricks.sliding_window_view(padded, _NEIGHBOURS), axis=1)
    far = np.abs(values - medians) > _OUTLIER_DEVIATIONS * deviation
    return np.where(far, medians, values)


def _scale(differences: Values) -> float:
    """Return a robust standard deviation around the median."""
    return float(np.median(np.abs(differences - np.median(differences)))) / _MAD
