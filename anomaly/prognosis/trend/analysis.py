"""Analysis of a health index: pieces, rise, time to the alarm level, and the record of past intervals."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from anomaly.prognosis.index.series import DAY_S, HOUR_S, IndexSeries, Reset, aggregate
from anomaly.prognosis.trend.change_points import Piece, straight_pieces
from anomaly.prognosis.trend.noise import Noise, noise_of, without_outliers
from anomaly.prognosis.trend.rise import Rise, find_rise
from anomaly.prognosis.trend.time_to_level import TimeInterval, share_of_way, time_to_level

LEAST_VALUES = 12
# Values beyond this number are put together by medians: more add time, not knowledge.
MOST_VALUES = 240
# Days of values from which a trend over days says more than one over hours.
_LEAST_DAYS = 60
# The last values that have to lie at or above the alarm level for it to count as reached.
_REACHED_VALUES = 3


class TrendState(StrEnum):
    """Trend of a machine."""

    TOO_LITTLE = "too-little"
    STEADY = "steady"
    RISING = "rising"
    FALLING = "falling"
    REACHED = "reached"


@dataclass(frozen=True, eq=False)
class TrendCore:
    """Trend of an index at its last value.

    Args:
        state: rising, steady or another.
        series: values it was found on: since the last reset, put together to at most 240.
        pieces: straight pieces of the values.
        noise: of the values; None where there are too few.
        rise: at the end; None unless it rises.
        interval: of the time to the alarm level; None where there is none.
        no_interval: reason why there is no interval; empty where there is one.
    """

    state: TrendState
    series: IndexSeries
    pieces: Sequence[Piece]
    noise: Noise | None
    rise: Rise | None
    interval: TimeInterval | None
    no_interval: str


def find_trend(series: IndexSeries) -> TrendCore:
    """Analyse an index at its last value.

    Args:
        series: by the hour, the day or the snapshot.
    """
    current = condensed(series.since_reset())
    if len(current) < LEAST_VALUES:
        reason = f"{len(current)} values since the last reset, {LEAST_VALUES} are needed"
        reason = reason if series.resets else f"{len(current)} values, {LEAST_VALUES} are needed"
        return TrendCore(TrendState.TOO_LITTLE, current, (), None, None, None, reason)
    noise = noise_of(current.values)
    clean = without_outliers(current.values, noise.deviation)
    pieces = straight_pieces(current.times_s, clean, noise.slow_deviation)
    rise = find_rise(current.times_s, clean, pieces, noise)
    state, interval, reason = _judged(current, pieces, rise)
    return TrendCore(state, current, pieces, noise, rise, interval, reason)


def _judged(
    series: IndexSeries, pieces: Sequence[Piece], rise: Rise | None
) -> tuple[TrendState, TimeInterval | None, str]:
    level = series.alarm_level
    if level is not None and float(np.median(series.values[-_REACHED_VALUES:])) >= level:
        return TrendState.REACHED, None, "the alarm level is reached"
    if rise is None:
        falls = pieces[-1].slope_per_s < 0.0 and pieces[-1].z < -3.0
        return (TrendState.FALLING if falls else TrendState.STEADY), None, "the index does not rise"
    if level is None:
        return TrendState.RISING, None, "no alarm level is known"
    if rise.end >= level:
        return TrendState.REACHED, None, "the alarm level is reached"
    interval = time_to_level(rise, level)
    if interval is not None:
        return TrendState.RISING, interval, ""
    share = share_of_way(rise, level)
    return TrendState.RISING, None, f"too early to say: {100 * share:.0f} % of the way to the alarm level"


def condensed(series: IndexSeries) -> IndexSeries:
    """Return medians over equal spans where there are more than 240 values."""
    if len(series) <= MOST_VALUES:
        return series
    span_s = float(series.times_s[-1] - series.times_s[0]) / MOST_VALUES
    # Spans are counted from the last value, so that the newest is whole.
    origin = float(series.times_s[-1])
    spans = np.floor((series.times_s - origin) / span_s - 1e-9)
    bounds = np.concatenate([[0], np.flatnonzero(np.diff(spans)) + 1, [len(series)]])
    pairs = list(itertools.pairwise(bounds))
    times = np.array([series.times_s[a:b].mean() for a, b in pairs])
    values = np.array([np.median(series.values[a:b]) for a, b in pairs])
    return IndexSeries(
        series.name, series.kind, times, values, series.alarm_level, series.level_source, series.resets
    )


def suited(series: IndexSeries) -> tuple[IndexSeries, str]:
    """Return an index by the day if it covers 60 days, else by the hour, else as it is.

    Returns:
        The index, and the name of its step: "day", "hour" or "measurement".
    """
    if len(series) < 2:
        return series, "measurement"
    covered_s = float(series.times_s[-1] - series.times_s[0])
    step_s = float(np.median(np.diff(series.times_s)))
    if step_s < HOUR_S / 2 and covered_s >= LEAST_VALUES * HOUR_S:
        series, step_s = aggregate(series, HOUR_S), HOUR_S
        name = "hour"
    else:
        name = "measurement"
    if step_s < DAY_S / 2 and covered_s >= _LEAST_DAYS * DAY_S:
        return aggregate(series, DAY_S), "day"
    return series, name


def last_reset(series: IndexSeries) -> Reset | None:
    """Return the newest reset before the last value."""
    return series.resets[-1] if series.resets else None
