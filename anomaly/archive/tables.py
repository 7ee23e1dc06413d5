"""Rows of scores for people (a table) and for programs (JSON Lines and CSV)."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from anomaly import atomic
from anomaly.archive.scores import Row
from anomaly.text_table import NOTHING

SCORES_JSONL, SCORES_CSV, SECONDS_CSV = "scores.jsonl", "scores.csv", "seconds.csv"
_HEAD = ("state", "score", "p", "seconds", "status", "path", "problem")
_FILE_COLUMNS = ("path", "seconds", "score", "p_value", "state", "status", "error")
_SECOND_COLUMNS = ("second", "score", "p_value", "state")


def table(rows: Sequence[Row]) -> list[list[str]]:
    """Head and one line a file, for `anomaly.text_table`; without the column of problems if there are none."""
    cells = [list(_HEAD), *(_cells(row) for row in rows)]
    return cells if any(row["error"] for row in rows) else [line[:-1] for line in cells]


def summary(rows: Sequence[Row]) -> str:
    """How many files were what, in one line."""
    states = Counter(row["state"] for row in rows if row["status"] == "ok")
    said = [f"{states[state]} {state}" for state in ("OK", "WATCH", "ALARM") if states[state]]
    words = f"{states.total()} of {len(rows)} files scored" + (f": {', '.join(said)}" if said else "")
    failed = len(rows) - states.total()
    return f"{words}; {failed} could not be" if failed else words


def write_tables(folder: Path, rows: Sequence[Row]) -> list[Path]:
    """Write scores.jsonl and scores.csv, and seconds.csv where rows have seconds; each whole or not at all.

    Returns:
        What was written.

    Raises:
        ConfigError: the folder cannot be written.
    """
    tables = {
        SCORES_JSONL: "".join(json.dumps(row) + "\n" for row in rows),
        SCORES_CSV: _csv(_FILE_COLUMNS, [[row[name] for name in _FILE_COLUMNS] for row in rows]),
    }
    if any("per_second" in row for row in rows):
        seconds = [
            [row["path"], *(second[name] for name in _SECOND_COLUMNS)]
            for row in rows
            for second in row["per_second"]
        ]
        tables[SECONDS_CSV] = _csv(("path", *_SECOND_COLUMNS), seconds)
    for name, text in tables.items():
        # A file name that is no text keeps its bytes.
        atomic.write_bytes(folder / name, text.encode("utf-8", "surrogateescape"))
    return [folder / name for name in tables]


def _csv(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(head)
    writer.writerows(rows)
    return text.getvalue()


def _cells(row: Row) -> list[str]:
    return [
        row["state"] or NOTHING,
        _number(row["score"], ".3f"),
        _number(row["p_value"], ".2g"),
        _number(row["seconds"], ".1f"),
        row["status"],
        row["path"],
        row["error"] or "",
    ]


def _number(value: float | None, form: str) -> str:
    return NOTHING if value is None else format(value, form)
