"""Rows of the score tables: one per file, and one per second of a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np

from anomaly.archive.archive_file import ArchiveFile
from anomaly.detect.file_score import FileScore, Status


@dataclass(frozen=True)
class SecondRow:
    """Score of one second of a file.

    Args:
        second: index since the start of the file.
        score: standard deviations of normal sound.
        p_value: probability that normal sound scores at least this high.
        state: "OK", "WATCH" or "ALARM"; None where the second was scored but not judged.
        bands: error level of each sub-band group; in Parquet tables only.
    """

    second: int
    score: float
    p_value: float
    state: str | None
    bands: tuple[float, ...] | None = None

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
        bands: largest error level of each sub-band group over the seconds, standard deviations of normal sound; this
            and all below in Parquet tables only.
        machine: machine that the file belongs to.
        time: beginning of the sound, if something tells.
        model: version of the bundle.
        size_bytes: of the file.
        mtime_ns: last change of the file, nanoseconds since 1970.
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
    bands: tuple[float, ...] | None = None
    machine: str | None = None
    time: datetime | None = None
    model: str | None = None
    size_bytes: int | None = None
    mtime_ns: int | None = None

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


# Columns of the tables for people and of JSON.
SECOND_COLUMNS = ("second", "score", "p_value", "state")
FILE_COLUMNS = ("path", "seconds", "score", "p_value", "state", "status", "error", "sensor", "format")


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
        bands=_bands(scored),
    )


def with_file(row: FileRow, file: ArchiveFile, model: str) -> FileRow:
    """Add the facts of the file that a scan found, and the version of the model."""
    return replace(
        row,
        path=file.path,
        machine=file.machine,
        time=file.time,
        model=model,
        size_bytes=file.size_bytes,
        mtime_ns=file.mtime_ns,
    )


def failed_row(file: ArchiveFile, error: str, model: str) -> FileRow:
    """Return the row of a file that could not be scored."""
    return with_file(FileRow(file.path, None, None, None, None, "error", error), file, model)


def _bands(scored: FileScore) -> tuple[float, ...] | None:
    if not scored.scores:
        return None
    return tuple(np.max([second.groups for second in scored.scores], axis=0).tolist())


def _second_rows(scored: FileScore) -> tuple[SecondRow, ...]:
    states = [None] * len(scored.scores) if scored.verdict is None else scored.verdict.states
    return tuple(
        SecondRow(
            second.second,
            second.score,
            second.p_value,
            None if state is None else state.value,
            tuple(second.groups.tolist()),
        )
        for second, state in zip(scored.scores, states, strict=True)
    )
