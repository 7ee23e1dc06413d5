"""Tail of the distribution of normal scores: extrapolation beyond the held-out data.

Excesses over a high quantile follow a generalised Pareto distribution (Pickands, 1975): exponential if its shape is 0,
heavier above. Shape and scale are estimated by probability-weighted moments (Hosking and Wallis, Technometrics 29,
1987). With fewer than fifty excesses, or where the distribution does not fit them, the exponential is used.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float64]
TailKind = Literal["exponential", "generalised-pareto"]

# Quantile of the scores at which the tail starts.
_TAIL_QUANTILE = 0.9
# Smallest scale, in standard deviations of normal sound: a narrower tail would make every new maximum impossible.
_LEAST_SCALE = 0.05
# Tail probabilities are not reported below this: no held-out sound supports a smaller one.
_LEAST_P = 1e-12
# Excesses from which the shape is estimated; with fewer, its standard error exceeds 0.16.
_LEAST_EXCESSES = 50
# Largest shape. Below 0 the tail would have an end point; from 0.5 on its variance is infinite.
_MOST_SHAPE = 0.5
# 95 % point of the Kolmogorov-Smirnov distance times sqrt(n), two parameters fitted (simulated, n = 50 to 500).
_MOST_KS_DISTANCE = 0.9


@dataclass(frozen=True)
class Tail:
    """Distribution of the excesses over a threshold.

    Args:
        start: the threshold, a score.
        scale: of the excesses over it.
        shape: 0 for the exponential distribution, above for heavier tails.
    """

    start: float
    scale: float
    shape: float = 0.0

    @property
    def kind(self) -> TailKind:
        """Name of the distribution."""
        return "generalised-pareto" if self.shape > 0 else "exponential"

    def survival(self, excess: float) -> float:
        """Return the probability that an excess is larger than this one."""
        if self.shape > 0:
            return math.exp(-math.log1p(self.shape * excess / self.scale) / self.shape)
        return math.exp(-excess / self.scale)


def fit_tail(scores: Values) -> Tail:
    """Fit the tail of sorted scores beyond their 90th percentile."""
    start = float(np.quantile(scores, _TAIL_QUANTILE))
    excess = np.sort(scores[scores > start] - start)
    exponential = Tail(start, max(float(excess.mean()) if excess.size else 0.0, _LEAST_SCALE))
    if len(excess) < _LEAST_EXCESSES:
        return exponential
    pareto = _weighted_moments(excess, start)
    fits = _distance(excess, pareto) * math.sqrt(len(excess)) <= _MOST_KS_DISTANCE
    return pareto if fits and pareto.scale >= _LEAST_SCALE else exponential


def tail_probability(score: float, scores: Values, tail: Tail) -> float:
    """Return the conformal rank among sorted scores up to the start of the tail, the tail above; at least 1e-12."""
    if score <= tail.start:
        above = len(scores) - int(np.searchsorted(scores, score, side="left"))
        return (1 + above) / (len(scores) + 1)
    above = len(scores) - int(np.searchsorted(scores, tail.start, side="left"))
    at_start = (1 + above) / (len(scores) + 1)
    return max(_LEAST_P, at_start * tail.survival(score - tail.start))


def tail_probabilities(scores: Sequence[float], normal: Values, tail: Tail) -> list[float]:
    """Return `tail_probability` of each score."""
    count = len(normal)
    at_start = (1 + count - int(np.searchsorted(normal, tail.start, side="left"))) / (count + 1)
    ranks = np.searchsorted(normal, np.array(scores), side="left").tolist()
    return [
        (1 + count - rank) / (count + 1)
        if score <= tail.start
        else max(_LEAST_P, at_start * tail.survival(score - tail.start))
        for score, rank in zip(scores, ranks, strict=True)
    ]


def _weighted_moments(excess: Values, start: float) -> Tail:
    """Fit a generalised Pareto distribution to sorted excesses by probability-weighted moments."""
    # Plotting positions of Hosking and Wallis.
    rank = (np.arange(1, len(excess) + 1) - 0.35) / len(excess)
    mean, weighted = float(excess.mean()), float(((1.0 - rank) * excess).mean())
    shape = 2.0 - mean / max(mean - 2.0 * weighted, 1e-12)
    if not 0.0 < shape <= _MOST_SHAPE:
        # With the shape at its bound, the scale follows from the mean.
        shape = min(max(shape, 0.0), _MOST_SHAPE)
        return Tail(start, mean * (1.0 - shape), shape)
    return Tail(start, 2.0 * mean * weighted / (mean - 2.0 * weighted), shape)


def _distance(excess: Values, tail: Tail) -> float:
    """Return the Kolmogorov-Smirnov distance between sorted excesses and the fitted distribution."""
    below = np.array([1.0 - tail.survival(float(value)) for value in excess])
    steps = np.arange(len(excess) + 1) / len(excess)
    return float(max((steps[1:] - below).max(), (below - steps[:-1]).max()))
