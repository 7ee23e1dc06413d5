"""Writers that print rows of scores on a stream: JSON Lines, a JSON array, or a table for people."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TextIO

from anomaly.archive.rows import FileRow
from anomaly.readable import one_in
from anomaly.text_table import NOTHING, print_table

_HEAD = ("state", "score", "rarity", "seconds", "path", "problem")


class JsonlPrinter:
    """One JSON object a line, flushed with each row so that a reader of the pipe sees it at once."""

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def write(self, row: FileRow) -> None:
        """Print a line."""
        self._file.write(json.dumps(row.to_dict()) + "\n")
        self._file.flush()

    def finish(self) -> Sequence[Path]:
        """Do nothing: each line is printed at once."""
        return ()

    def discard(self) -> None:
        """Leave what was printed."""


class JsonArrayPrinter:
    """One JSON array on one line; without its last bracket where the run was interrupted."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._before = "["

    def write(self, row: FileRow) -> None:
        """Print an element."""
        self._file.write(self._before + json.dumps(row.to_dict()))
        self._before = ", "

    def finish(self) -> Sequence[Path]:
        """Close the array."""
        self._file.write("]\n" if self._before != "[" else "[]\n")
        return ()

    def discard(self) -> None:
        """Leave what was printed."""


class TablePrinter:
    """A table with one line per file; the widths of its columns need all rows, so it keeps them until the end."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._rows: list[FileRow] = []

    def write(self, row: FileRow) -> None:
        """Keep the row without its seconds, which the table does not show."""
        self._rows.append(replace(row, per_second=None))

    def finish(self) -> Sequence[Path]:
        """Print the table."""
        head, *lines = table_cells(self._rows)
        print_table(head, lines, file=self._file)
        return ()

    def discard(self) -> None:
        """Forget the rows."""
        self._rows = []


def table_cells(rows: Sequence[FileRow]) -> list[list[str]]:
    """Return the head and one line per file; the column of problems only where there is one."""
    cells = [list(_HEAD), *(_cells(row) for row in rows)]
    return cells if any(row.error for row in rows) else [line[:-1] for line in cells]


def _cells(row: FileRow) -> list[str]:
    return [
        row.state or "not scored",
        _number(row.score, ".1f"),
        NOTHING if row.p_value is None else one_in(row.p_value),
        _number(row.seconds, ".1f"),
        row.path,
        row.error or "",
    ]


def _number(value: float | None, form: str) -> str:
    return NOTHING if value is None else format(value, form)
