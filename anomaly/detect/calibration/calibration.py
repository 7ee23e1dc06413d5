"""Calibration: tail probabilities of scores, and limits of the decision, from held-out normal sound.

Up to the 90th percentile the tail probability is the conformal rank ``(1 + #{calibration >= s}) / (n + 1)``;
beyond it a fitted tail extrapolates (`anomaly.detect.calibration.tail`). Probabilities below ``1 / (n + 1)``
(`Calibration.supported_p`) are not supported by the data alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from anomaly.detect.calibration.excursions import Excursions, excursions, predicted_limit
from anomaly.detect.calibration.tail import Tail, fit_tail, tail_probabilities, tail_probability
from anomaly.detect.decision import Limit, highest_sum, limit_for
from anomaly.detect.pooling import Levels, Pooling
from anomaly.errors import ModelError

_DAY_S = 86_400.0


@dataclass(frozen=True, eq=False)
class Calibration:
    """Scores of held-out normal seconds, the tail beyond them, and the excursions of the CUSUM on them.

    Args:
        pooling: standardisation behind the scores.
        scores: score of each held-out second, in ascending order.
        tail: distribution of the excesses over their 90th percentile.
        recordings: number of recordings, or of 60 s blocks of long ones.
        dependence: largest value of the CUSUM on the held-out recordings, in order.
        order: index into ``scores`` of each second in the order of time; None in older bundles.
        lengths: seconds of each recording, in that order; None in older bundles.
        excursions: of the CUSUM on them; None in older bundles, whose limit rests on ``dependence``.
        floor: largest value of the CUSUM on sound that feedback has marked as normal.
    """

    pooling: Pooling
    scores: Levels
    tail: Tail
    recordings: int
    dependence: float
    order: tuple[int, ...] | None = None
    lengths: tuple[int, ...] | None = None
    excursions: Excursions | None = None
    floor: float = 0.0

    @property
    def supported_p(self) -> float:
        """Smallest tail probability that the data support without extrapolation."""
        return 1.0 / (len(self.scores) + 1)

    @property
    def supported_per_day(self) -> float:
        """Upper 95 % bound on the false-alarm rate after this much sound without an alarm (rule of three)."""
        return 3.0 * _DAY_S / len(self.scores)

    @property
    def sequences(self) -> list[Levels]:
        """Scores of each held-out recording in the order of time; for older bundles all scores, sorted, as one."""
        if self.order is None or self.lengths is None:
            return [self.scores]
        return np.split(self.scores[list(self.order)], np.cumsum(self.lengths)[:-1])

    def p_value(self, score: float) -> float:
        """Return the probability that normal sound scores at least this high."""
        return tail_probability(score, self.scores, self.tail)

    def p_values(self, scores: Sequence[float]) -> list[float]:
        """Return `p_value` of each score."""
        return tail_probabilities(scores, self.scores, self.tail)

    def limit(self, false_alarms_per_day: float) -> Limit:
        """Return the limit of the decision for a budget.

        Raises:
            ConfigError: the budget cannot be kept.
        """
        if self.excursions is None:
            return limit_for(false_alarms_per_day, self.dependence)
        return predicted_limit(false_alarms_per_day, self.excursions, self.floor)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, for calibration.json."""
        values: dict[str, Any] = {
            "pooling": self.pooling.to_dict(),
            "scores": self.scores.tolist(),
            "tail_start": self.tail.start,
            "tail_scale": self.tail.scale,
            "tail_shape": self.tail.shape,
            "recordings": self.recordings,
            "dependence": self.dependence,
            "floor": self.floor,
        }
        if self.order is not None and self.lengths is not None:
            values |= {"order": list(self.order), "lengths": list(self.lengths)}
        return values

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Calibration:
        """Read back what `to_dict` wrote; the keys that older bundles lack may be missing.

        Raises:
            ModelError: a key is missing or a value makes no sense.
        """
        try:
            scores = np.array(values["scores"], dtype=np.float64)
            shape = float(values.get("tail_shape", 0.0))
            tail = Tail(float(values["tail_start"]), float(values["tail_scale"]), shape)
            recordings, dependence = int(values["recordings"]), float(values["dependence"])
            floor = float(values.get("floor", 0.0))
            pooling = Pooling.from_dict(values["pooling"])
            order, lengths = _order(values, len(scores))
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise ModelError(f"unreadable calibration: {error}", where="calibration.json") from error
        numbers = [tail.start, tail.scale, shape, dependence, floor]
        if not (scores.ndim == 1 and scores.size > 0 and bool(np.isfinite([*scores, *numbers]).all())):
            raise ModelError("calibration scores are not finite and sorted", where="calibration.json")
        if (np.diff(scores) < 0).any():
            raise ModelError("calibration scores are not finite and sorted", where="calibration.json")
        if tail.scale <= 0 or not 0 <= shape < 1 or recordings < 1 or dependence < 0 or floor < 0:
            raise ModelError(
                "the tail, the recordings or the dependence of the calibration is off",
                where="calibration.json",
            )
        read = cls(pooling, scores, tail, recordings, dependence, order, lengths, None, floor)
        return read if order is None else replace(read, excursions=excursions(_p_values(read)))


def calibrate(
    pooling: Pooling, recordings: Sequence[Sequence[float] | Levels], *, normal: Sequence[Levels] = ()
) -> Calibration:
    """Calibrate on the scores per second of held-out recordings.

    Args:
        pooling: standardisation behind the scores.
        recordings: scores of each held-out recording in order of time; at least one second in all.
        normal: scores of sound that raised an alarm and that feedback has marked as normal.
    """
    sequences = [np.asarray(r, dtype=np.float64) for r in (*recordings, *normal) if len(r)]
    joined = np.concatenate(sequences)
    by_size = np.argsort(joined, kind="stable")
    order = np.empty(len(joined), dtype=np.int64)
    order[by_size] = np.arange(len(joined))
    scores = joined[by_size]
    tail = fit_tail(scores)
    p_values = [[tail_probability(float(s), scores, tail) for s in recording] for recording in sequences]
    marked = p_values[len(sequences) - len([r for r in normal if len(r)]) :] if normal else []
    return Calibration(
        pooling,
        scores,
        tail,
        len(sequences),
        highest_sum(p for recording in p_values for p in recording),
        tuple(order.tolist()),
        tuple(len(recording) for recording in sequences),
        excursions(p_values),
        max((highest_sum(recording) for recording in marked), default=0.0),
    )


def _order(values: dict[str, Any], count: int) -> tuple[tuple[int, ...] | None, tuple[int, ...] | None]:
    """Return order and lengths of the recordings, or None for both in an older bundle."""
    if "order" not in values:
        return None, None
    order, lengths = (tuple(int(k) for k in values[name]) for name in ("order", "lengths"))
    if sorted(order) != list(range(count)) or sum(lengths) != count or min(lengths) < 1:
        raise ValueError("order and lengths do not go with the scores")
    return order, lengths


def _p_values(calibration: Calibration) -> list[list[float]]:
    """Return the tail probabilities of the held-out recordings in the order of time."""
    return [[calibration.p_value(float(score)) for score in part] for part in calibration.sequences]
