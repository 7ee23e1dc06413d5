"""Rows of an earlier run into the same folder: they are kept, and only other files are scored.

`run.json` beside the tables holds the settings that the rows depend on: rows of two detectors or budgets do not belong
into one table.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO

from anomaly.archive.archive_file import ArchiveFile
from anomaly.archive.pending_file import PendingFile
from anomaly.archive.rows import FILE_COLUMNS, FileRow
from anomaly.archive.writers import SCORES_CSV, SCORES_JSONL, TableSet
from anomaly.errors import ConfigError

RUN_JSON = "run.json"


@dataclass(frozen=True)
class RunSettings:
    """Settings that the rows of a table depend on.

    Args:
        model: version of the bundle.
        detector: the one that scores.
        false_alarms_per_day: budget of the decision.
        channel: the channel that is scored.
        per_second: the rows have seconds.
        folder: that relative paths start at; None where all paths are absolute.
        columns: of the table.
    """

    model: str
    detector: str
    false_alarms_per_day: float
    channel: int | str
    per_second: bool
    folder: str | None
    columns: tuple[str, ...] = FILE_COLUMNS


class EarlierRows:
    """Rows in the table of a folder, found by the path of their file; only their places are kept in memory.

    Args:
        table: `scores.jsonl`, open; None for a folder without tables.
    """

    def __init__(self, table: BinaryIO | None = None) -> None:
        self._table = table
        self._places: dict[str, int] = {}
        self.failed: set[str] = set()
        """Files that could not be scored then."""
        place = 0
        for line in table or ():
            values = json.loads(line)
            self._places[values["path"]] = place
            if values["status"] == "error":
                self.failed.add(values["path"])
            place += len(line)

    def __contains__(self, path: str) -> bool:
        return path in self._places

    def row(self, path: str) -> FileRow | None:
        """Return the row of a file that was scored, or None."""
        place = self._places.get(path)
        if place is None or path in self.failed or self._table is None:
            return None
        self._table.seek(place)
        return FileRow.from_dict(json.loads(self._table.readline()))

    def kept(self, retried: Collection[str]) -> Iterator[FileRow]:
        """Yield all rows in their order, without those of files that failed and are tried again."""
        for path, place in self._places.items():
            if self._table is not None and not (path in self.failed and path in retried):
                self._table.seek(place)
                yield FileRow.from_dict(json.loads(self._table.readline()))


@contextmanager
def earlier_rows(folder: Path | None, settings: RunSettings) -> Iterator[EarlierRows]:
    """Open the rows of a folder.

    Args:
        folder: of the tables; None: no tables.
        settings: of the run that is to add to them.

    Raises:
        ConfigError: they are of a run with other settings, or cannot be read.
    """
    if folder is None or not any((folder / name).exists() for name in (SCORES_JSONL, SCORES_CSV)):
        yield EarlierRows()
        return
    _check_settings(folder, settings)
    table = folder / SCORES_JSONL
    try:
        with table.open("rb") as file:
            try:
                rows = EarlierRows(file)
            except (ValueError, KeyError, TypeError) as error:
                raise ConfigError("is damaged, and cannot be added to", where=table, hint=_HINT) from error
            yield rows
    except FileNotFoundError as error:
        raise ConfigError("is missing, so that nothing can be added", where=table, hint=_HINT) from error


_HINT = "give another folder with --out, or move the tables of this one away"


def _check_settings(folder: Path, settings: RunSettings) -> None:
    path = folder / RUN_JSON
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        found = None
    if not isinstance(found, dict):
        raise ConfigError("holds scores of an unknown run", where=folder, hint=_HINT)
    own = _as_json(settings)
    different = [name for name in own if found.get(name) != own[name]]
    if different:
        named = ", ".join(f"{name} {found.get(name)} there, {own[name]} now" for name in different)
        raise ConfigError(f"holds scores of a run with other settings ({named})", where=folder, hint=_HINT)


def _as_json(settings: RunSettings) -> dict[str, Any]:
    return asdict(settings) | {"columns": list(settings.columns)}


class SettingsWriter:
    """Writer of `run.json`, as one of the tables of a folder.

    Args:
        folder: of the tables.
        settings: of the run.
    """

    def __init__(self, folder: Path, settings: RunSettings) -> None:
        self._file = PendingFile(folder / RUN_JSON)
        self._file.write(json.dumps(_as_json(settings), indent=2) + "\n")

    def write(self, row: FileRow) -> None:
        """Take a row; the settings do not depend on it."""

    def finish(self) -> list[Path]:
        """Complete the file; it is none of the tables that are listed."""
        self._file.commit()
        return []

    def discard(self) -> None:
        """Remove an incomplete file."""
        self._file.discard()


@dataclass(frozen=True)
class ResumedScoring:
    """Scoring of a file that takes the row of an earlier run where there is one.

    Args:
        score: scores a file.
        earlier: rows that are there.
    """

    score: Callable[[ArchiveFile], FileRow]
    earlier: EarlierRows

    def __call__(self, file: ArchiveFile) -> FileRow:
        """Return the earlier row of a file, else score it."""
        return self.earlier.row(file.path) or self.score(file)


class AddedRows:
    """Writer that passes on the rows that an earlier run does not hold.

    Args:
        tables: where they go; `keep` fills them with the earlier rows.
        earlier: rows that are there.
    """

    def __init__(self, tables: TableSet, earlier: EarlierRows) -> None:
        self._tables, self._earlier = tables, earlier
        self.added = 0

    def keep(self, files: Collection[str]) -> None:
        """Write the earlier rows.

        Args:
            files: of this run: those that failed earlier are scored again.
        """
        for row in self._earlier.kept(files):
            self._tables.write(row)

    def write(self, row: FileRow) -> None:
        """Append a row unless it was there."""
        if row.path not in self._earlier or row.path in self._earlier.failed:
            self._tables.write(row)
            self.added += 1

    def finish(self) -> list[Path]:
        """Complete the tables."""
        return list(self._tables.finish())

    def discard(self) -> None:
        """Remove what is not finished."""
        self._tables.discard()
