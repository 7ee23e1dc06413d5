"""Rows of the score tables: one per file, and one per second of a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from anomaly.detect.file_score import FileScore, Status


@dataclass(frozen=True)
class SecondRow:
    """Score of one second of a file.

    Args:
        second: index since the start of the file.
        score: standard deviations of normal sound.
        p_value: probability that normal sound scores at least this high.
        state: "OK", "WATCH" or "ALARM"; None where the second was scored but not judged.
    """

    second: int
    score: float
    p_value: float
    state: str | None

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON object of the row, keys in the order of the columns."""
        return {name: getattr(self, name) for name in SECOND_COLUMNS}


@dataclass(frozen=True)
class FileRow:
    """Score of one file; a file that could not be scored has a status and an error instead.

    Args:
        path: as found by `anomaly.archive.scan`.
        seconds: length of the sound, to the millisecond.
        score: soft maximum over the seconds, standard deviations of normal sound.
        p_value: probability that normal sound of the same length holds a second as high as the highest.
        state: the worst that the decision reached: "OK", "WATCH" or "ALARM".
        status: "ok", "truncated", "not-judged", "sensor", "format" or "error", see `anomaly.detect.file_score`.
        error: the reason for any other status than "ok".
        sensor: sensor fault in force for most seconds; "ok" if there was none, None where there is no second.
        format: differences from the formats of the training recordings; None without any.
        per_second: rows of the seconds; None where they were not requested.
    """

    path: str
    seconds: float | None
    score: float | None
    p_value: float | None
    state: str | None
    status: Status
    error: str | None
    per_second: tuple[SecondRow, ...] | None = None
    sensor: str | None = None
    format: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON object of the row, keys in the order of the columns, seconds last if there are any."""
        values: dict[str, Any] = {name: getattr(self, name) for name in FILE_COLUMNS}
        if self.per_second is not None:
            values["per_second"] = [second.to_dict() for second in self.per_second]
        return values

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> FileRow:
        """Create a row from the result of `to_dict`.

        Raises:
            TypeError: a field is missing or unknown.
        """
        seconds = values.get("per_second")
        rows = None if seconds is None else tuple(SecondRow(**second) for second in seconds)
        return cls(**{**values, "per_second": rows})


SECOND_COLUMNS = tuple(field.name for field in fields(SecondRow))
FILE_COLUMNS = tuple(field.name for field in fields(FileRow) if field.name != "per_second")


def file_row(scored: FileScore, *, per_second: bool = False) -> FileRow:
    """Convert the score of a file to plain values; unknown ones are None.

    Args:
        scored: the file.
        per_second: include a row for each second.
    """
    verdict = scored.verdict
    return FileRow(
        path=str(scored.path),
        seconds=None if scored.seconds is None else round(scored.seconds, 3),
        score=None if verdict is None else verdict.score,
        p_value=None if verdict is None else verdict.p_value,
        state=None if verdict is None else verdict.state.value,
        status=scored.status,
        error=scored.error,
        sensor=scored.sensor,
        format=scored.format,
        per_second=_second_rows(scored) if per_second else None,
    )


def _second_rows(scored: FileScore) -> tuple[SecondRow, ...]:
    states = [None] * len(scored.scores) if scored.verdict is None else scored.verdict.states
    return tuple(
        SecondRow(second.second, second.score, second.p_value, None if state is None else state.value)
        for second, state in zip(scored.scores, states, strict=True)
    )
