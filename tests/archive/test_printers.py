from __future__ import annotations

import io
import json
from dataclasses import replace

import pytest

from anomaly.archive.printers import JsonArrayPrinter, JsonlPrinter, TablePrinter, table_cells
from anomaly.archive.rows import FileRow
from anomaly.archive.writers import TableWriter


def printed(printer: TableWriter, file: io.StringIO, *rows: FileRow) -> str:
    for row in rows:
        printer.write(row)
    printer.finish()
    printer.discard()
    return file.getvalue()


@pytest.mark.parametrize("count", [0, 1, 3])
def test_an_array_has_the_bytes_of_one_call_of_json(count: int, scored: FileRow) -> None:
    rows = [replace(scored, path=f"{number}.wav") for number in range(count)]
    file = io.StringIO()
    assert printed(JsonArrayPrinter(file), file, *rows) == json.dumps([r.to_dict() for r in rows]) + "\n"


def test_lines_are_printed_as_rows_come(scored: FileRow, unreadable: FileRow) -> None:
    file = io.StringIO()
    printer = JsonlPrinter(file)
    printer.write(scored)
    assert json.loads(file.getvalue()) == scored.to_dict()
    printer.write(unreadable)
    printer.finish()
    assert [json.loads(line) for line in file.getvalue().splitlines()] == [
        scored.to_dict(),
        unreadable.to_dict(),
    ]


def test_a_table_has_one_line_per_file(scored: FileRow, unreadable: FileRow) -> None:
    head, good, bad = table_cells([scored, unreadable])
    assert head == ["state", "score", "rarity", "seconds", "path", "problem"]
    assert good == ["ALARM", "0.3", "common", "2.0", 'a "b", c.wav', ""]
    assert bad == ["not scored", *["–"] * 3, "d.wav", "is empty (0 bytes)"]


def test_a_table_without_problems_has_no_column_for_them(scored: FileRow) -> None:
    assert [line[-1] for line in table_cells([scored])] == ["path", scored.path]


def test_a_table_is_printed_at_the_end(scored: FileRow) -> None:
    file = io.StringIO()
    printer = TablePrinter(file)
    printer.write(scored)
    assert file.getvalue() == ""
    text = printed(printer, file)
    assert text.splitlines() == [
        "state  score  rarity  seconds  path",
        'ALARM    0.3  common      2.0  a "b", c.wav',
    ]
