"""How surprising a score is: tail probabilities from held-out normal sound.

Up to the 90th percentile the probability is the conformal rank ``(1 + #{calibration >= s}) / (n + 1)``;
beyond it an exponential tail, fitted to the excesses, goes on where the data end. What lies beyond
``1 / (n + 1)`` is extrapolation, and is called so in `Calibration.supported_p`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from anomaly.detect.pooling import Levels, Pooling
from anomaly.errors import ModelError

_TAIL_FROM = 0.9
# A tail of no width would call every new maximum impossible.
_LEAST_TAIL = 0.05
_LEAST_P = 1e-12


@dataclass(frozen=True, eq=False)
class Calibration:
    """Scores of held-out normal seconds and the tail beyond them.

    Args:
        pooling: the standardisation the scores were made with.
        scores: score of each held-out second, sorted upwards.
        tail_start: score at which the exponential tail takes over.
        tail_scale: mean excess over it.
        recordings: how many recordings, or 60 s blocks of long ones, the seconds come from.
        dependence: highest value the decision's CUSUM reached on the held-out recordings in a row.
    """

    pooling: Pooling
    scores: Levels
    tail_start: float
    tail_scale: float
    recordings: int
    dependence: float

    @property
    def supported_p(self) -> float:
        """The smallest tail probability that data, not extrapolation, stand behind."""
        return 1.0 / (len(self.scores) + 1)

    def p_value(self, score: float) -> float:
        """Probability that normal sound scores at least this high."""
        return tail_probability(score, self.scores, self.tail_start, self.tail_scale)

    def to_dict(self) -> dict[str, Any]:
        """For calibration.json."""
        return {
            "pooling": self.pooling.to_dict(),
            "scores": self.scores.tolist(),
            "tail_start": self.tail_start,
            "tail_scale": self.tail_scale,
            "recordings": self.recordings,
            "dependence": self.dependence,
        }

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Calibration:
        """Read back what `to_dict` wrote.

        Raises:
            ModelError: a key is missing or a value makes no sense.
        """
        try:
            scores = np.array(values["scores"], dtype=np.float64)
            start, scale = float(values["tail_start"]), float(values["tail_scale"])
            recordings, dependence = int(values["recordings"]), float(values["dependence"])
            pooling = Pooling.from_dict(values["pooling"])
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise ModelError(f"unreadable calibration: {error}", where="calibration.json") from error
        finite = (
            scores.ndim == 1
            and scores.size > 0
            and bool(np.isfinite([*scores, start, scale, dependence]).all())
        )
        if not finite or (np.diff(scores) < 0).any():
            raise ModelError("calibration scores are not finite and sorted", where="calibration.json")
        if scale <= 0 or recordings < 1 or dependence < 0:
            raise ModelError(
                "the tail, the recordings or the dependence of the calibration is off",
                where="calibration.json",
            )
        return cls(pooling, scores, start, scale, recordings, dependence)


def tail_probability(score: float, scores: Levels, tail_start: float, tail_scale: float) -> float:
    """Conformal rank below ``tail_start``, exponential tail above; never below 1e-12."""
    if score <= tail_start:
        above = len(scores) - int(np.searchsorted(scores, score, side="left"))
        return (1 + above) / (len(scores) + 1)
    above = len(scores) - int(np.searchsorted(scores, tail_start, side="left"))
    at_start = (1 + above) / (len(scores) + 1)
    return max(_LEAST_P, at_start * math.exp(-(score - tail_start) / tail_scale))


def fit_tail(scores: Levels) -> tuple[float, float]:
    """Start and scale of the exponential tail of sorted scores: mean excess over the 90th percentile."""
    start = float(np.quantile(scores, _TAIL_FROM))
    excess = scores[scores > start] - start
    scale = float(excess.mean()) if excess.size else 0.0
    return start, max(scale, _LEAST_TAIL)


def calibrate(pooling: Pooling, recordings: Sequence[Sequence[float]]) -> Calibration:
    """Calibrate on the scores per second of held-out recordings.

    Args:
        pooling: what made the scores.
        recordings: scores of each held-out recording in order of time; at least one second in all.
    """
    from anomaly.detect.decision import highest_sum

    scores = np.sort(np.concatenate([np.asarray(r, dtype=np.float64) for r in recordings]))
    start, scale = fit_tail(scores)
    p_values = [tail_probability(s, scores, start, scale) for r in recordings for s in r]
    return Calibration(pooling, scores, start, scale, len(recordings), highest_sum(p_values))
