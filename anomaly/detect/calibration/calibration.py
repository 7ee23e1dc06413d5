"""How surprising a score is: tail probabilities from held-out normal sound.

Up to the 90th percentile the probability is the conformal rank ``(1 + #{calibration >= s}) / (n + 1)``;
beyond it the fitted tail goes on where the data end (`anomaly.detect.calibration.tail`). What lies beyond
``1 / (n + 1)`` is extrapolation, and is called so in `Calibration.supported_p`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from anomaly.detect.calibration.excursions import Excursions, excursions, predicted_limit
from anomaly.detect.calibration.tail import Tail, fit_tail, tail_probability
from anomaly.detect.decision import Limit, highest_sum, limit_for
from anomaly.detect.pooling import Levels, Pooling
from anomaly.errors import ModelError

_DAY_S = 86_400.0


@dataclass(frozen=True, eq=False)
class Calibration:
    """Scores of held-out normal seconds, the tail beyond them, and what the decision's sum did on them.

    Args:
        pooling: the standardisation the scores were made with.
        scores: score of each held-out second, sorted upwards.
        tail: what goes on where they end.
        recordings: how many recordings, or 60 s blocks of long ones, the seconds come from.
        dependence: highest value the decision's sum reached on the held-out recordings in a row.
        order: place in ``scores`` of each second in the order of time; None in bundles before this was kept.
        lengths: seconds of each recording, in that order; None likewise.
        excursions: what the sum did on them; None likewise, and the limit then rests on ``dependence``.
        floor: the highest that the sum rose on sound that a person has called normal.
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
        """The smallest tail probability that data, not extrapolation, stand behind."""
        return 1.0 / (len(self.scores) + 1)

    @property
    def supported_per_day(self) -> float:
        """The rate of false alarms that so much sound without an alarm would bound (95 %, rule of three)."""
        return 3.0 * _DAY_S / len(self.scores)

    @property
    def sequences(self) -> list[Levels]:
        """Scores of each held-out recording in the order of time; of old bundles one, sorted."""
        if self.order is None or self.lengths is None:
            return [self.scores]
        return np.split(self.scores[list(self.order)], np.cumsum(self.lengths)[:-1])

    def p_value(self, score: float) -> float:
        """Probability that normal sound scores at least this high."""
        return tail_probability(score, self.scores, self.tail)

    def limit(self, false_alarms_per_day: float) -> Limit:
        """The limit of the decision for a budget.

        Raises:
            ConfigError: the budget cannot be kept.
        """
        if self.excursions is None:
            return limit_for(false_alarms_per_day, self.dependence)
        return predicted_limit(false_alarms_per_day, self.excursions, self.floor)

    def to_dict(self) -> dict[str, Any]:
        """For calibration.json."""
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
        pooling: what made the scores.
        recordings: scores of each held-out recording in order of time; at least one second in all.
        normal: those of sound that raised an alarm and that a person has called normal since.
    """
    every = [np.asarray(r, dtype=np.float64) for r in (*recordings, *normal) if len(r)]
    joined = np.concatenate(every)
    by_size = np.argsort(joined, kind="stable")
    order = np.empty(len(joined), dtype=np.int64)
    order[by_size] = np.arange(len(joined))
    scores = joined[by_size]
    tail = fit_tail(scores)
    p_values = [[tail_probability(float(s), scores, tail) for s in recording] for recording in every]
    called = p_values[len(every) - len([r for r in normal if len(r)]) :] if normal else []
    return Calibration(
        pooling,
        scores,
        tail,
        len(every),
        highest_sum(p for recording in p_values for p in recording),
        tuple(order.tolist()),
        tuple(len(recording) for recording in every),
        excursions(p_values),
        max((highest_sum(recording) for recording in called), default=0.0),
    )


def _order(values: dict[str, Any], count: int) -> tuple[tuple[int, ...] | None, tuple[int, ...] | None]:
    """Order and lengths of the recordings, or None for both where an older bundle has none of them."""
    if "order" not in values:
        return None, None
    order, lengths = (tuple(int(k) for k in values[name]) for name in ("order", "lengths"))
    if sorted(order) != list(range(count)) or sum(lengths) != count or min(lengths) < 1:
        raise ValueError("order and lengths do not go with the scores")
    return order, lengths


def _p_values(calibration: Calibration) -> list[list[float]]:
    """Tail probabilities of the held-out recordings in the order of time."""
    return [[calibration.p_value(float(score)) for score in part] for part in calibration.sequences]
