"""Counts of the files that were scored, by state."""

from __future__ import annotations

from collections import Counter

from anomaly.archive.rows import FileRow
from anomaly.readable import count

# Files named in the summary; the table and the rows name all.
_MAX_NAMED = 5


class ResultCounts:
    """Running counts of the rows of a run; ``files`` is their number."""

    def __init__(self) -> None:
        self.files = 0
        self._states: Counter[str | None] = Counter()
        self._not_judged: list[FileRow] = []

    def add(self, row: FileRow) -> None:
        """Count a row."""
        self.files += 1
        if row.state is not None:
            self._states[row.state] += 1
        elif len(self._not_judged) < _MAX_NAMED:
            self._not_judged.append(row)

    @property
    def scored(self) -> int:
        """Rows with a state."""
        return self._states.total()

    @property
    def not_judged(self) -> int:
        """Rows without a state, whatever the reason."""
        return self.files - self.scored

    @property
    def alarms(self) -> int:
        """Rows in which the decision reached ALARM."""
        return self._states["ALARM"]

    def summary(self) -> str:
        """Return the verdicts in one line, and in another the files that could not be judged with their reasons."""
        watched, calm = self._states["WATCH"], self._states["OK"]
        alarms = f"{self.alarms} of {count(self.scored, 'file')} in ALARM"
        if not self.alarms:
            alarms = f"no alarm in {count(self.scored, 'file')}"
        others = [f"{watched} in WATCH"] * bool(watched) + [f"{calm} OK"] * bool(calm)
        lines = [", ".join([alarms, *others])] if self.scored else []
        if self.not_judged:
            named = [f"{row.path} ({row.error})" for row in self._not_judged]
            more = [f"{self.not_judged - len(named)} more"] * (self.not_judged > len(named))
            files = f"{self.not_judged} of {count(self.files, 'file')}"
            lines.append(f"{files} not judged: {', '.join([*named, *more])}")
        return "\n".join(lines)
