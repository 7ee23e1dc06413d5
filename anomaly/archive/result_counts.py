"""Counts of the files that were scored, by state."""

from __future__ import annotations

from collections import Counter

from anomaly.archive.rows import FileRow

_STATES = ("OK", "WATCH", "ALARM")


class ResultCounts:
    """Running counts of the rows of a run; ``files`` is their number."""

    def __init__(self) -> None:
        self.files = 0
        self._states: Counter[str | None] = Counter()

    def add(self, row: FileRow) -> None:
        """Count a row."""
        self.files += 1
        if row.status == "ok":
            self._states[row.state] += 1

    @property
    def scored(self) -> int:
        """Rows with a score."""
        return self._states.total()

    @property
    def alarms(self) -> int:
        """Rows in which the decision reached ALARM."""
        return self._states["ALARM"]

    def summary(self) -> str:
        """Return the counts in one line."""
        states = ", ".join(f"{self._states[state]} {state}" for state in _STATES if self._states[state])
        text = f"{self.scored} of {self.files} files scored" + (f": {states}" if states else "")
        failed = self.files - self.scored
        return f"{text}; {failed} could not be" if failed else text
