"""Health index of a machine over time, and the events that reset it."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from anomaly.errors import InputError

Values = npt.NDArray[np.float64]
IndexKind = Literal["score", "bands"]

HOUR_S, DAY_S = 3_600.0, 86_400.0


@dataclass(frozen=True, slots=True)
class Reset:
    """Event after which the index begins anew, such as the end of a maintenance.

    Args:
        time_s: UNIX seconds.
        reason: the event in plain words.
    """

    time_s: float
    reason: str


@dataclass(frozen=True, eq=False)
class IndexSeries:
    """Health index of one machine; higher is worse.

    Args:
        name: of the machine or the source.
        kind: "score", standard deviations of normal sound, or "bands", natural logarithm of an amplitude ratio.
        times_s: UNIX seconds, [n], ascending.
        values: [n], finite.
        alarm_level: value at which an alarm is due; None where none is known.
        level_source: origin of that level, in plain words.
        resets: oldest first.

    Raises:
        InputError: times and values do not go together.
    """

    name: str
    kind: IndexKind
    times_s: Values
    values: Values
    alarm_level: float | None = None
    level_source: str = ""
    resets: Sequence[Reset] = field(default_factory=tuple)

    def __post_init__(self) -> None:
        if self.times_s.shape != self.values.shape or self.times_s.ndim != 1:
            raise InputError("times and values of the index differ in number", where=self.name)
        if not (np.isfinite(self.times_s).all() and np.isfinite(self.values).all()):
            raise InputError("the index holds values that are not finite", where=self.name)
        if (np.diff(self.times_s) < 0).any():
            raise InputError("the times of the index are not in order", where=self.name)

    def __len__(self) -> int:
        return len(self.times_s)

    def until(self, time_s: float) -> IndexSeries:
        """Return the part up to a UNIX time, as it was known then."""
        count = int(np.searchsorted(self.times_s, time_s, side="right"))
        resets = tuple(reset for reset in self.resets if reset.time_s <= time_s)
        return replace(self, times_s=self.times_s[:count], values=self.values[:count], resets=resets)

    def since_reset(self) -> IndexSeries:
        """Return the part after the last reset."""
        if not self.resets:
            return self
        first = int(np.searchsorted(self.times_s, self.resets[-1].time_s, side="left"))
        return replace(self, times_s=self.times_s[first:], values=self.values[first:])

    def with_level(self, level: float, source: str) -> IndexSeries:
        """Return the series with another alarm level."""
        return replace(self, alarm_level=level, level_source=source)


def aggregate(series: IndexSeries, span_s: float) -> IndexSeries:
    """Return the medians of the index over spans of time, each at the middle of its span (UTC).

    A reset divides a span: no value mixes what lies before and after it.

    Args:
        series: of any spacing.
        span_s: length of a span, such as an hour.
    """
    if len(series) == 0:
        return series
    spans = np.floor(series.times_s / span_s)
    epochs = np.searchsorted([reset.time_s for reset in series.resets], series.times_s, side="right")
    new = np.flatnonzero((np.diff(spans) != 0) | (np.diff(epochs) != 0)) + 1
    bounds = np.concatenate([[0], new, [len(series)]])
    pairs = list(itertools.pairwise(bounds))
    times = np.array([series.times_s[a:b].mean() for a, b in pairs])
    values = np.array([np.median(series.values[a:b]) for a, b in pairs])
    return replace(series, times_s=times, values=values)
