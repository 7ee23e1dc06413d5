"""Change points of an index: the best division into straight pieces under a penalty for each piece.

Optimal partitioning (Jackson and others, 2005) over least squares of lines; the values come without outliers, the
penalty is that of the Bayesian information criterion for correlated noise.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from anomaly.prognosis.index.series import Values

LEAST_PIECE = 5
# Level, slope and place of each further piece; the factor allows for the search over places.
_PARAMETERS, _PENALTY_FACTOR = 3.0, 1.5


@dataclass(frozen=True, slots=True)
class Piece:
    """Straight piece of an index.

    Args:
        first: index of its first value.
        last: index of its last value.
        begin: value of the line at the first one.
        end: value of the line at the last one.
        slope_per_s: slope of the line.
        z: slope in its standard errors.
    """

    first: int
    last: int
    begin: float
    end: float
    slope_per_s: float
    z: float


def straight_pieces(times_s: Values, values: Values, slow_deviation: float) -> list[Piece]:
    """Divide an index into straight pieces.

    Args:
        times_s: [n], ascending.
        values: [n], without outliers.
        slow_deviation: see `anomaly.prognosis.trend.noise.Noise`.

    Returns:
        Pieces in order, each of at least 5 values; one piece if there are fewer than 10.
    """
    n, scale_s = len(values), max(float(times_s[-1] - times_s[0]), 1e-9)
    t = (times_s - times_s[0]) / scale_s
    costs = _LineCosts(t, values)
    penalty = _PENALTY_FACTOR * _PARAMETERS * np.log(max(n, 2)) * slow_deviation**2
    best, previous = np.full(n + 1, np.inf), np.zeros(n + 1, dtype=int)
    best[0] = -penalty
    for end in range(min(LEAST_PIECE, n), n + 1):
        begins = max(end - LEAST_PIECE, 0) + 1
        totals = best[:begins] + costs.residual(begins, end)
        previous[end] = int(np.argmin(totals))
        best[end] = totals[previous[end]] + penalty
    bounds = [n]
    while bounds[-1] > 0:
        bounds.append(int(previous[bounds[-1]]))
    pairs = list(zip(bounds[:0:-1], bounds[-2::-1], strict=True))
    return [_piece(t, values, begin, end, slow_deviation, scale_s) for begin, end in pairs]


class _LineCosts:
    """Residual sums of squares of lines over any range, from cumulative sums."""

    def __init__(self, t: Values, x: Values) -> None:
        x = x - x.mean()
        parts = np.stack([np.ones_like(t), t, x, t * t, t * x, x * x])
        self._sums = np.concatenate([np.zeros((6, 1)), np.cumsum(parts, axis=1)], axis=1)

    def residual(self, begins: int, end: int) -> Values:
        """Return the costs of the ranges that begin at the first values, so many, and end before ``end``."""
        n, t, x, tt, tx, xx = self._sums[:, end, None] - self._sums[:, :begins]
        var_t, cov, var_x = tt - t * t / n, tx - t * x / n, xx - x * x / n
        explained = cov * cov / np.maximum(var_t, 1e-15)
        return np.asarray(np.maximum(var_x - explained, 0.0))


def _piece(t: Values, x: Values, begin: int, end: int, slow_deviation: float, scale_s: float) -> Piece:
    """Fit the line of one piece; ``t`` is time in units of ``scale_s``."""
    t, x = t[begin:end], x[begin:end]
    centred = t - t.mean()
    spread = max(float(centred @ centred), 1e-15)
    slope = float(centred @ x) / spread
    line = x.mean() + slope * centred
    error = slow_deviation / np.sqrt(spread)
    return Piece(begin, end - 1, float(line[0]), float(line[-1]), slope / scale_s, slope / max(error, 1e-300))
