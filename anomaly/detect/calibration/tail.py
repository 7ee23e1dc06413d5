"""The upper tail of the scores of normal sound, where the data thin out and end.

Excesses over a high quantile follow a generalised Pareto law (Pickands, 1975): exponential if its shape is 0,
heavier above. Shape and scale come from probability-weighted moments (Hosking and Wallis, Technometrics 29,
1987). Fewer than fifty excesses, or a law that does not fit them, leave the exponential.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float64]
TailKind = Literal["exponential", "generalised-pareto"]

_FROM = 0.9
# A tail of no width would call every new maximum impossible.
_LEAST_SCALE = 0.05
_LEAST_P = 1e-12
_LEAST_EXCESSES = 50
# A shape below 0 would set an end to what normal sound may score; above this, nothing would be unusual.
_MOST_SHAPE = 0.5
# 95 % point of the Kolmogorov-Smirnov distance times sqrt(n), two parameters fitted (simulated, n = 50 to 500).
_MISFIT = 0.9


@dataclass(frozen=True)
class Tail:
    """What goes on where the conformal rank ends.

    Args:
        start: score at which it takes over.
        scale: of the excesses over it.
        shape: 0 for the exponential, above for heavier tails.
    """

    start: float
    scale: float
    shape: float = 0.0

    @property
    def kind(self) -> TailKind:
        """Which law it is."""
        return "generalised-pareto" if self.shape > 0 else "exponential"

    def survival(self, excess: float) -> float:
        """Share of the excesses that are larger than this one."""
        if self.shape > 0:
            return math.exp(-math.log1p(self.shape * excess / self.scale) / self.shape)
        return math.exp(-excess / self.scale)


def fit_tail(scores: Values) -> Tail:
    """Fit the tail of sorted scores beyond their 90th percentile."""
    start = float(np.quantile(scores, _FROM))
    excess = np.sort(scores[scores > start] - start)
    exponential = Tail(start, max(float(excess.mean()) if excess.size else 0.0, _LEAST_SCALE))
    if len(excess) < _LEAST_EXCESSES:
        return exponential
    pareto = _weighted_moments(excess, start)
    fits = _distance(excess, pareto) * math.sqrt(len(excess)) <= _MISFIT
    return pareto if fits and pareto.scale >= _LEAST_SCALE else exponential


def tail_probability(score: float, scores: Values, tail: Tail) -> float:
    """Conformal rank among sorted scores up to the start of the tail, the tail above; never below 1e-12."""
    if score <= tail.start:
        above = len(scores) - int(np.searchsorted(scores, score, side="left"))
        return (1 + above) / (len(scores) + 1)
    above = len(scores) - int(np.searchsorted(scores, tail.start, side="left"))
    at_start = (1 + above) / (len(scores) + 1)
    return max(_LEAST_P, at_start * tail.survival(score - tail.start))


def _weighted_moments(excess: Values, start: float) -> Tail:
    rank = (np.arange(1, len(excess) + 1) - 0.35) / len(excess)
    mean, weighted = float(excess.mean()), float(((1.0 - rank) * excess).mean())
    shape = 2.0 - mean / max(mean - 2.0 * weighted, 1e-12)
    if not 0.0 < shape <= _MOST_SHAPE:
        # With the shape at its bound, the mean alone sets the scale.
        shape = min(max(shape, 0.0), _MOST_SHAPE)
        return Tail(start, mean * (1.0 - shape), shape)
    return Tail(start, 2.0 * mean * weighted / (mean - 2.0 * weighted), shape)


def _distance(excess: Values, tail: Tail) -> float:
    """Kolmogorov-Smirnov distance between the excesses and the fitted law."""
    below = np.array([1.0 - tail.survival(float(value)) for value in excess])
    steps = np.arange(len(excess) + 1) / len(excess)
    return float(max((steps[1:] - below).max(), (below - steps[:-1]).max()))
