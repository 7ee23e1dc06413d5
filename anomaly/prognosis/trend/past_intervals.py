"""Record of past intervals of a machine: those that earlier values would have given, against what came after."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from anomaly.prognosis.index.band_index import running_median
from anomaly.prognosis.index.series import IndexSeries
from anomaly.prognosis.trend.analysis import LEAST_VALUES, condensed, find_trend

# Moments looked back to, and the level aimed at there: so much farther than the rise had come.
_CUTS, _FARTHER = 24, 1.5
# The level counts as reached when the median of so many values is.
_WINDOW = 5


@dataclass(frozen=True, slots=True)
class PastIntervals:
    """Record of past intervals.

    Args:
        held: intervals that held the true time.
        of: intervals whose upper end has passed.
    """

    held: int
    of: int


def past_intervals(series: IndexSeries) -> PastIntervals:
    """Return how many intervals would have held so far.

    At moments in the past the trend is found on what was known then, and an interval given for a level that lies half
    as far again as the rise had come. It counts once its upper end has passed, so that late truths are not left out;
    one that a reset cut short does not count. The moments overlap: ten intervals are less than ten independent ones.

    Args:
        series: index with its whole history.
    """
    thin = condensed(series)
    if len(thin) <= LEAST_VALUES:
        return PastIntervals(0, 0)
    cuts = np.unique(np.linspace(LEAST_VALUES - 1, len(thin) - 2, _CUTS).astype(int))
    results = [_held(thin, int(cut)) for cut in cuts]
    judged = [result for result in results if result is not None]
    return PastIntervals(sum(judged), len(judged))


def _held(series: IndexSeries, cut: int) -> bool | None:
    """Return whether the interval of one moment held; None if there was none, or it is not over."""
    now_s = float(series.times_s[cut])
    known = series.until(now_s)
    rise = find_trend(replace(known, alarm_level=None)).rise
    if rise is None:
        return None
    level = rise.begin + _FARTHER * (rise.end - rise.begin)
    interval = find_trend(known.with_level(level, "")).interval
    if interval is None:
        return None
    resets = [reset.time_s for reset in series.resets if reset.time_s > now_s]
    end_s = min([float(series.times_s[-1]), *resets])
    if now_s + interval.upper_s > end_s:
        return None
    after = running_median(series.values, _WINDOW)[cut + 1 :] >= level
    if not after.any():
        return False
    return interval.holds(float(series.times_s[cut + 1 + int(np.argmax(after))]) - now_s)
