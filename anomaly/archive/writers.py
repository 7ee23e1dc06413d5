"""Writers of score tables: row by row as files are done, on disk whole or not at all, by the name of a format.

Another format is one class and one call of `register_writer`; `tests/archive/test_writers.py` runs the rules that each
must keep.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from anomaly.archive.pending_file import PendingFile
from anomaly.archive.rows import FILE_COLUMNS, SECOND_COLUMNS, FileRow
from anomaly.errors import UsageError

SCORES_JSONL, SCORES_CSV, SECONDS_CSV = "scores.jsonl", "scores.csv", "seconds.csv"


class TableWriter(Protocol):
    """Takes rows one by one, and keeps none of them.

    Rules: nothing appears under a final name before `finish`, and nothing stays behind after `discard`.
    """

    def write(self, row: FileRow) -> None:
        """Append a row.

        Raises:
            ConfigError: it cannot be written.
        """

    def finish(self) -> Sequence[Path]:
        """Complete the table, and return the files that it consists of.

        Raises:
            ConfigError: it cannot be written; nothing is left of it then.
        """

    def discard(self) -> None:
        """Remove what is not finished; without effect after `finish`, and when called again."""


class JsonlWriter:
    """JSON Lines: one object per file, with its seconds where rows have them.

    Args:
        folder: where `scores.jsonl` is written.
        per_second: without effect, since seconds stand in the row.

    Raises:
        ConfigError: the folder cannot be written.
    """

    def __init__(self, folder: Path, per_second: bool = False) -> None:
        self._file = PendingFile(folder / SCORES_JSONL)

    def write(self, row: FileRow) -> None:
        """Append one line."""
        self._file.write(json.dumps(row.to_dict()) + "\n")

    def finish(self) -> Sequence[Path]:
        """Complete the file."""
        return [self._file.commit()]

    def discard(self) -> None:
        """Remove an incomplete file."""
        self._file.discard()


class CsvWriter:
    """Comma-separated values (RFC 4180, lines end with a line feed): one table of files, one of seconds.

    Args:
        folder: where `scores.csv` is written.
        per_second: write `seconds.csv` too, whose rows name the file they belong to.

    Raises:
        ConfigError: the folder cannot be written.
    """

    def __init__(self, folder: Path, per_second: bool = False) -> None:
        self._files = PendingFile(folder / SCORES_CSV)
        try:
            self._seconds = PendingFile(folder / SECONDS_CSV) if per_second else None
        except BaseException:
            self._files.discard()
            raise
        self._file_rows = csv.writer(self._files, lineterminator="\n")
        self._file_rows.writerow(FILE_COLUMNS)
        if self._seconds is not None:
            self._second_rows = csv.writer(self._seconds, lineterminator="\n")
            self._second_rows.writerow(("path", *SECOND_COLUMNS))

    def write(self, row: FileRow) -> None:
        """Append a line to the table of files, and one for each second to the other."""
        self._file_rows.writerow([getattr(row, name) for name in FILE_COLUMNS])
        if self._seconds is not None:
            for second in row.per_second or ():
                self._second_rows.writerow([row.path, *(getattr(second, name) for name in SECOND_COLUMNS)])

    def finish(self) -> Sequence[Path]:
        """Complete the files."""
        try:
            return [file.commit() for file in self._pending()]
        except BaseException:
            self.discard()
            raise

    def discard(self) -> None:
        """Remove incomplete files; the first last, because it made the folder."""
        for file in reversed(self._pending()):
            file.discard()

    def _pending(self) -> list[PendingFile]:
        return [self._files] if self._seconds is None else [self._files, self._seconds]


_REGISTRY: dict[str, Callable[[Path, bool], TableWriter]] = {"jsonl": JsonlWriter, "csv": CsvWriter}


def register_writer(name: str, build: Callable[[Path, bool], TableWriter]) -> None:
    """Add a format under a name, or replace the one of that name.

    Args:
        name: of the format.
        build: called with the folder and whether rows of seconds are requested.
    """
    _REGISTRY[name] = build


def writer_names() -> tuple[str, ...]:
    """Return the names of all formats, in the order in which they were registered."""
    return tuple(_REGISTRY)


def build_writer(name: str, folder: Path, *, per_second: bool = False) -> TableWriter:
    """Build the writer of a format.

    Args:
        name: of the format.
        folder: where the table is written.
        per_second: whether the rows have seconds.

    Raises:
        UsageError: there is no format of that name.
        ConfigError: the folder cannot be written.
    """
    try:
        build = _REGISTRY[name]
    except KeyError:
        hint = f"formats: {', '.join(writer_names())}"
        raise UsageError(f"there is no table format {name!r}", hint=hint) from None
    return build(folder, per_second)


class TableSet:
    """Several writers as one.

    Args:
        writers: in the order in which they are finished.
    """

    def __init__(self, writers: Sequence[TableWriter]) -> None:
        self._writers = writers

    def write(self, row: FileRow) -> None:
        """Append a row to each table."""
        for writer in self._writers:
            writer.write(row)

    def finish(self) -> Sequence[Path]:
        """Complete each table, and return the files of all."""
        return [path for writer in self._writers for path in writer.finish()]

    def discard(self) -> None:
        """Remove what is not finished; the first writer last, because it made the folder."""
        for writer in reversed(self._writers):
            writer.discard()


@contextmanager
def open_tables(
    folder: Path | None,
    formats: Sequence[str] = ("jsonl", "csv"),
    *,
    per_second: bool = False,
    others: Sequence[Callable[[Path], TableWriter]] = (),
) -> Iterator[TableSet]:
    """Open the tables of a folder; what is not finished when the block ends, or raises, is removed.

    Args:
        folder: where they are written; None: no tables.
        formats: names of the formats.
        per_second: whether the rows have seconds.
        others: build further writers of the folder, which are finished before the tables.

    Raises:
        UsageError: there is no format of that name.
        ConfigError: the folder cannot be written.
    """
    writers: list[TableWriter] = []
    tables = TableSet(writers)
    try:
        if folder is not None:
            for build in others:
                writers.append(build(folder))
            for name in formats:
                writers.append(build_writer(name, folder, per_second=per_second))
        yield tables
    finally:
        tables.discard()
