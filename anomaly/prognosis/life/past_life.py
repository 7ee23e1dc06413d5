"""Life that was recorded to its end: index over age, and the moment of its alarm."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from anomaly.audio.channels import Channel
from anomaly.errors import InputError
from anomaly.prognosis.index.band_index import first_alarm, reference_count, running_median
from anomaly.prognosis.index.series import IndexKind, IndexSeries, Values
from anomaly.prognosis.sources import index_of

# The index of a moment is the median of so many values up to it.
_WINDOW = 9


@dataclass(frozen=True, eq=False)
class PastLife:
    """Life from its first value to its end, or a life that goes on.

    Args:
        name: of the machine or the recordings.
        kind: of the index.
        ages_s: seconds since the first value, [n].
        levels: running median of the index, [n].
        alarm_s: age at the alarm; None without one.
    """

    name: str
    kind: IndexKind
    ages_s: Values
    levels: Values
    alarm_s: float | None

    @property
    def end_s(self) -> float:
        """Age at the last value."""
        return float(self.ages_s[-1])

    def until(self, age_s: float) -> PastLife:
        """Return the life as it was known at an age."""
        count = int(np.searchsorted(self.ages_s, age_s, side="right"))
        alarm_s = None if self.alarm_s is None or self.alarm_s > age_s else self.alarm_s
        return PastLife(self.name, self.kind, self.ages_s[:count], self.levels[:count], alarm_s)


def life_of(series: IndexSeries, reference: int | None = None) -> PastLife:
    """Return the life that an index tells.

    Args:
        series: from the first value on, with an alarm level if an alarm is to be found.
        reference: first values, which raise no alarm; default: a tenth, at least 10.

    Raises:
        InputError: there is no value.
    """
    if len(series) == 0:
        raise InputError("holds no value", where=series.name)
    count = reference_count(len(series)) if reference is None else reference
    ages = series.times_s - series.times_s[0]
    level = series.alarm_level
    at = None if level is None else first_alarm(series.values, count, level)
    levels = running_median(series.values, _WINDOW)
    return PastLife(series.name, series.kind, ages, levels, None if at is None else float(ages[at]))


def past_lives(folder: Path, channel: Channel = "mean") -> Sequence[PastLife]:
    """Read the lives below a folder: a folder of recordings, or a table, for each machine that ran to its end.

    Raises:
        InputError: there is no such folder, it holds no lives, or one cannot be read.
    """
    if not folder.is_dir():
        raise InputError("there is no such folder", where=folder)
    entries = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    if not entries:
        raise InputError("holds no lives", where=folder, hint="a folder of recordings for each machine")
    return [life_of(index_of(path, channel)) for path in entries]
