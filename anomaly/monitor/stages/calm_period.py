"""Calm that a case needs before it returns: longer each time the alarm comes back soon.

A score that flaps around its limit would otherwise return and re-open its case at each crossing (a chattering alarm in
ISA-18.2), with two messages each time.
"""

from __future__ import annotations

# Where the decision was reset while the case was open, only a minute of normal sound returns it.
AFTER_RESET_S = 60
# Seconds of normal sound after no, one, two and more alarms that came back.
_NEEDED_S = (1, 60, 600, 3600)
# An alarm that comes back later than this is no chattering.
_SOON_S = 3600.0


class CalmPeriod:
    """Counts the seconds of normal sound on end, and how many are needed."""

    def __init__(self) -> None:
        self._normal_s, self._least_s = 0, AFTER_RESET_S
        self._relapses = 0
        self._returned_s: float | None = None

    @property
    def is_over(self) -> bool:
        """True if there has been enough normal sound for the case to return to normal."""
        return self._normal_s >= max(self._least_s, _NEEDED_S[self._relapses])

    def second(self, normal: bool) -> None:
        """Count a second."""
        self._normal_s = self._normal_s + 1 if normal else 0

    def reset(self) -> None:
        """Require a minute at least: the decision was reset, and its first OK says little."""
        self._normal_s, self._least_s = 0, AFTER_RESET_S

    def alarm(self, time_s: float) -> None:
        """Note that a case was opened, or opened again, at a UNIX time."""
        self._least_s = 0
        if self._returned_s is not None:
            soon = abs(time_s - self._returned_s) < _SOON_S
            self._relapses = min(self._relapses + 1, len(_NEEDED_S) - 1) if soon else 0

    def returned(self, time_s: float) -> None:
        """Note that the case returned at a UNIX time."""
        self._returned_s = time_s
