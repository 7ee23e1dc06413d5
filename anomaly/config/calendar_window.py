"""Windows of time by the calendar, such as ``mon-fri 18:00-06:00``, in local time.

A window has days, hours, or both, in this order::

    sat,sun                     whole days
    22:00-06:00                 each night; it belongs to the day on which it begins
    mon-fri 06:30-07:00
    2027-12-24 to 2027-12-26    whole days
    2027-05-03 08:00-16:00
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Annotated

from pydantic import AfterValidator

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DATE = r"\d{4}-\d{2}-\d{2}"
_FORM = re.compile(
    rf"(?:(?P<days>[a-z]{{3}}(?:\s*[-,]\s*[a-z]{{3}})*)|(?P<first>{_DATE})(?:\s+to\s+(?P<last>{_DATE}))?)?"
    r"\s*(?:(?P<begin>\d{1,2}:\d{2})\s*-\s*(?P<end>\d{1,2}:\d{2}))?",
    re.ASCII,
)
_DAY_MIN = 24 * 60


@dataclass(frozen=True)
class TimeWindow:
    """TimeWindow of time by the calendar.

    Args:
        weekdays: numbers of the days on which it begins, 0 for Monday.
        first: first date on which it may begin; None for no bound.
        last: last such date.
        begin_min: minutes after midnight.
        end_min: minutes after midnight; not after the beginning: on the next day.
    """

    weekdays: frozenset[int]
    first: date | None
    last: date | None
    begin_min: int
    end_min: int

    def contains(self, time_s: float) -> bool:
        """Return whether a UNIX time lies in the window, by the clock of this computer."""
        now = datetime.fromtimestamp(time_s)
        minute = now.hour * 60 + now.minute
        if self.end_min > self.begin_min:
            return self._begins_on(now.date()) and self.begin_min <= minute < self.end_min
        if minute >= self.begin_min:
            return self._begins_on(now.date())
        return minute < self.end_min and self._begins_on(now.date() - timedelta(days=1))

    def _begins_on(self, day: date) -> bool:
        if day.weekday() not in self.weekdays:
            return False
        return (self.first is None or self.first <= day) and (self.last is None or day <= self.last)


def window(text: str) -> TimeWindow:
    """Convert the text of a window.

    Raises:
        ValueError: it has another form, or names a day or an hour that does not exist.
    """
    found = _FORM.fullmatch(text.strip().lower())
    if found is None or not text.strip():
        raise ValueError("must be days and hours, such as 'mon-fri 18:00-06:00', 'sat,sun' or '2027-12-24'")
    first = None if found["first"] is None else date.fromisoformat(found["first"])
    last = first if found["last"] is None else date.fromisoformat(found["last"])
    if first is not None and last is not None and last < first:
        raise ValueError(f"{last} is before {first}")
    begin_min, end_min = (
        (0, _DAY_MIN) if found["begin"] is None else (_minute(found["begin"]), _minute(found["end"]))
    )
    return TimeWindow(_weekdays(found["days"]), first, last, begin_min, end_min)


def _weekdays(text: str | None) -> frozenset[int]:
    if text is None:
        return frozenset(range(len(_DAYS)))
    found: set[int] = set()
    for part in text.replace(" ", "").split(","):
        names = part.split("-")
        if len(names) > 2 or any(name not in _DAYS for name in names):
            raise ValueError(f"{part!r} is no day: days are {', '.join(_DAYS)}, and ranges such as mon-fri")
        first, last = _DAYS.index(names[0]), _DAYS.index(names[-1])
        found |= {(first + step) % 7 for step in range((last - first) % 7 + 1)}
    return frozenset(found)


def _minute(text: str) -> int:
    hour, minute = (int(part) for part in text.split(":"))
    if minute > 59 or hour * 60 + minute > _DAY_MIN:
        raise ValueError(f"{text} is no time of day")
    return hour * 60 + minute


def _checked(text: str) -> str:
    window(text)
    return text.strip()


CalendarWindow = Annotated[str, AfterValidator(_checked)]
"""Text of a window in a site file."""


def is_in_any(windows: tuple[str, ...], time_s: float) -> bool:
    """Return whether a UNIX time lies in one of these windows."""
    return any(window(text).contains(time_s) for text in windows)
