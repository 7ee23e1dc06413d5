"""Remaining life as it is reported: the interval with the record of such intervals, or the reason for none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from anomaly.errors import InputError
from anomaly.prognosis.index.series import IndexSeries
from anomaly.prognosis.life.past_life import PastLife, life_of
from anomaly.prognosis.life.remaining_life import LEAST_LIVES, WIDEST, RemainingLife
from anomaly.prognosis.trend.past_intervals import PastIntervals
from anomaly.prognosis.trend.time_to_level import TimeInterval

# Below this share of intervals that held on lives left out, past lives say nothing about another.
_LEAST_HELD = 0.6


@dataclass(frozen=True, slots=True)
class LifeReport:
    """Remaining life of one machine.

    Args:
        interval: of the time left; None where there is none.
        record: of intervals on past lives left out.
        lives: number of past lives.
        no_interval: reason why there is none; empty where there is one.
    """

    interval: TimeInterval | None
    record: PastIntervals
    lives: int
    no_interval: str

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON object of the report."""
        ends = self.interval
        return {
            "lower_s": None if ends is None else round(ends.lower_s),
            "middle_s": None if ends is None else round(ends.middle_s),
            "upper_s": None if ends is None else round(ends.upper_s),
            "held": self.record.held,
            "of": self.record.of,
            "lives": self.lives,
            "no_interval": self.no_interval or None,
        }


def life_report(series: IndexSeries, lives: Sequence[PastLife]) -> LifeReport:
    """Estimate the remaining life of a machine from past lives.

    Args:
        series: index since the machine was new, or since its last reset.
        lives: others, recorded to their end with the same kind of index.

    Raises:
        InputError: a life has another kind of index.
    """
    for life in lives:
        if life.kind != series.kind:
            raise InputError(
                f"is an index of {life.kind}, that of {series.name} one of {series.kind}", where=life.name
            )
    current = series.since_reset()
    if len(lives) < LEAST_LIVES or len(current) == 0:
        reason = f"{len(lives)} past lives, {LEAST_LIVES} are needed" if len(current) else "no measurements"
        return LifeReport(None, PastIntervals(0, 0), len(lives), reason)
    model = RemainingLife(lives)
    record, interval = model.record(), model.interval(life_of(current))
    if record.held < _LEAST_HELD * record.of or not record.of:
        reason = f"only {record.held} of {record.of} such intervals held on past lives"
        return LifeReport(None, record, len(lives), reason)
    reason = "" if interval else f"the upper end would be more than {WIDEST:g} times the lower one"
    return LifeReport(interval, record, len(lives), reason)
