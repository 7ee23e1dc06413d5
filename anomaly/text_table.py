"""Tables: drawn and coloured on a terminal, plain columns in a pipe or a file."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import TextIO

_COLOURS = {"OK": "green", "WATCH": "yellow", "ALARM": "bold red", "error": "red"}
NOTHING = "–"


def print_table(head: Sequence[str], rows: Iterable[Sequence[str]], *, file: TextIO | None = None) -> None:
    """Print a table with numbers aligned to the right.

    Args:
        head: names of the columns.
        rows: cells, as many as there are names.
        file: where to print, stdout if left out.
    """
    file = file or sys.stdout
    cells = [[_printable(cell) for cell in row] for row in rows]
    if file.isatty():
        _draw(head, cells, file)
    else:
        file.write(aligned([list(head), *cells]))


def aligned(rows: Sequence[Sequence[str]]) -> str:
    """Return rows as lines with columns two spaces apart and no trailing spaces."""
    if not rows:
        return ""
    last = len(rows[0]) - 1
    right = [_numeric([row[i] for row in rows[1:]]) for i in range(last + 1)]
    width = [max(len(row[i]) for row in rows) for i in range(last + 1)]
    lines = []
    for row in rows:
        cells = [
            cell.rjust(width[i]) if right[i] else cell if i == last else cell.ljust(width[i])
            for i, cell in enumerate(row)
        ]
        lines.append("  ".join(cells).rstrip() + "\n")
    return "".join(lines)


def _draw(head: Sequence[str], rows: Sequence[Sequence[str]], file: TextIO) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD)
    for index, name in enumerate(head):
        right = _numeric([row[index] for row in rows])
        table.add_column(name, justify="right" if right else "left", overflow="fold", no_wrap=right)
    for row in rows:
        table.add_row(*(Text(cell, style=_COLOURS.get(cell, "")) for cell in row))
    Console(file=file, markup=False, highlight=False).print(table)


def _numeric(cells: Sequence[str]) -> bool:
    filled = [cell for cell in cells if cell not in ("", NOTHING)]
    return bool(filled) and all(cell.lstrip("+-")[:1].isdigit() for cell in filled)


def _printable(cell: str) -> str:
    """Replace what a file name may hold but a table cannot: undecodable bytes and line ends."""
    text = cell.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return "".join(c if c.isprintable() else "�" for c in text)
