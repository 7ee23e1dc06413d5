"""Trend of one machine with everything that is reported of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from anomaly.alerts.wording.trend_text import trend_sentence
from anomaly.prognosis.index.series import DAY_S, HOUR_S, IndexSeries, aggregate
from anomaly.prognosis.life.life_report import LifeReport, life_report
from anomaly.prognosis.life.past_life import PastLife
from anomaly.prognosis.trend.analysis import TrendCore, TrendState, find_trend, suited
from anomaly.prognosis.trend.past_intervals import PastIntervals, past_intervals
from anomaly.store.cases.case import iso_utc

# An alarm level that is more likely than not reached within this time is near.
SOON_S = 7 * DAY_S


@dataclass(frozen=True, eq=False)
class TrendReport:
    """Trend of one machine.

    Args:
        source: index as it was read.
        series: index that the trend was found on: by the day, the hour or the measurement.
        step: name of its step.
        trend: at its last value.
        past: record of past intervals.
        life: remaining life; None where no past lives are given.
    """

    source: IndexSeries
    series: IndexSeries
    step: str
    trend: TrendCore
    past: PastIntervals
    life: LifeReport | None = None

    @property
    def is_failing_soon(self) -> bool:
        """True if the alarm level is more likely than not reached within a week."""
        return self.trend.interval is not None and self.trend.interval.middle_s <= SOON_S

    @property
    def rising_since_s(self) -> float | None:
        """UNIX time at which the rise began; None without one."""
        return None if self.trend.rise is None else float(self.trend.series.times_s[self.trend.rise.first])

    @property
    def hours(self) -> IndexSeries:
        """The index by the hour."""
        return aggregate(self.source, HOUR_S)

    @property
    def days(self) -> IndexSeries:
        """The index by the day (UTC)."""
        return aggregate(self.source, DAY_S)

    @property
    def sentence(self) -> str:
        """The trend in one sentence."""
        return trend_sentence(self.evidence())

    def evidence(self) -> dict[str, Any]:
        """Return the facts that a case keeps, and that the sentence is made of."""
        trend, interval, since_s = self.trend, self.trend.interval, self.rising_since_s
        return {
            "state": trend.state.value,
            "since": None if since_s is None else iso_utc(since_s),
            "until": iso_utc(float(self.series.times_s[-1])) if len(self.series) else None,
            "lower_s": None if interval is None else round(interval.lower_s),
            "upper_s": None if interval is None else round(interval.upper_s),
            "held": self.past.held,
            "of": self.past.of,
            "no_interval": trend.no_interval,
            "remaining_life": None if self.life is None else self.life.to_dict(),
        }

    def to_dict(self) -> Mapping[str, Any]:
        """Return the JSON object of the report."""
        trend, series, interval = self.trend, self.series, self.trend.interval
        return {
            "machine": self.source.name,
            "index": self.source.kind,
            "step": self.step,
            "values": len(series),
            "begin": iso_utc(float(series.times_s[0])) if len(series) else None,
            "end": iso_utc(float(series.times_s[-1])) if len(series) else None,
            "state": trend.state.value,
            "level": _level_now(trend),
            "alarm_level": _rounded(self.source.alarm_level),
            "alarm_level_source": self.source.level_source,
            "rising_since": None if self.rising_since_s is None else iso_utc(self.rising_since_s),
            "slope_per_day": _slope(trend),
            "change_points": _change_points(trend),
            "resets": [{"time": iso_utc(r.time_s), "reason": r.reason} for r in self.source.resets],
            "time_to_alarm": None
            if interval is None
            else {
                "lower_s": round(interval.lower_s),
                "middle_s": round(interval.middle_s),
                "upper_s": round(interval.upper_s),
                "coverage": interval.coverage,
            },
            "no_interval": trend.no_interval or None,
            "past_intervals": {"held": self.past.held, "of": self.past.of},
            "failing_soon": self.is_failing_soon,
            "remaining_life": None if self.life is None else self.life.to_dict(),
            "sentence": self.sentence,
        }


def trend_report(source: IndexSeries, lives: Sequence[PastLife] | None = None) -> TrendReport:
    """Find the trend of an index and the record of past intervals.

    Args:
        source: index of one machine, of any step.
        lives: of other machines, to their end; None estimates no remaining life.

    Raises:
        InputError: a life has another kind of index.
    """
    series, step = suited(source)
    trend = find_trend(series)
    # A machine that never rose has no past intervals worth the search.
    past = past_intervals(series) if trend.state is TrendState.RISING else PastIntervals(0, 0)
    life = None if lives is None else life_report(source, lives)
    return TrendReport(source, series, step, trend, past, life)


def _level_now(trend: TrendCore) -> float | None:
    if trend.rise is not None:
        return _rounded(trend.rise.end)
    return _rounded(trend.pieces[-1].end) if trend.pieces else None


def _slope(trend: TrendCore) -> Mapping[str, float] | None:
    if trend.rise is None:
        return None
    slope = trend.rise.slope
    names = {"lower": slope.low_per_s, "middle": slope.per_s, "upper": slope.high_per_s}
    return {name: float(f"{DAY_S * value:.4g}") for name, value in names.items()}


def _change_points(trend: TrendCore) -> list[Mapping[str, Any]]:
    """Return the moments between straight pieces, with level and slope before and after."""
    return [
        {
            "time": iso_utc(float(trend.series.times_s[after.first])),
            "level_before": _rounded(before.end),
            "level_after": _rounded(after.begin),
            "slope_per_day_before": float(f"{DAY_S * before.slope_per_s:.4g}"),
            "slope_per_day_after": float(f"{DAY_S * after.slope_per_s:.4g}"),
        }
        for before, after in zip(trend.pieces, trend.pieces[1:], strict=False)
    ]


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
