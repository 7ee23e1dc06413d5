"""Health index from a table of scores: CSV, JSON, JSON Lines or Parquet, of `anomaly score` or another program."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from anomaly.errors import InputError
from anomaly.extras import needs
from anomaly.prognosis.index.recording_time import FORMS, recording_time_s
from anomaly.prognosis.index.series import IndexSeries

TABLE_SUFFIXES = (".csv", ".json", ".jsonl", ".ndjson", ".parquet")
_TIMES = ("time_s", "time", "timestamp", "datetime", "date")
_VALUES = ("score", "index", "value")
Row = Mapping[str, Any]


class _Value(NamedTuple):
    time_s: float
    value: float
    state: str | None


def table_index(path: Path) -> IndexSeries:
    """Read the index of a table: one row a recording, or a second of one.

    A row has a value (``score``, ``index`` or ``value``) and a time: a column (``time_s``, ``time``, ``timestamp``,
    ``datetime`` or ``date``; UNIX seconds or ISO 8601), or the time in the name of its ``path``. Rows without a value,
    such as files that could not be scored, are left out. The alarm level is the lowest value in state ALARM.

    Args:
        path: a file, or a folder with ``scores.jsonl``, ``scores.parquet`` or ``scores.csv``.

    Raises:
        InputError: it cannot be read, or holds no such rows.
    """
    file = _file_of(path)
    found = sorted(value for row in _rows(file) for value in _values(row, file))
    if not found:
        raise InputError("holds no row with a score", where=file, hint="write it with `anomaly score --out`")
    alarms = [value.value for value in found if value.state == "ALARM"]
    return IndexSeries(
        path.stem if path.is_file() else path.name,
        "score",
        np.array([value.time_s for value in found]),
        np.array([value.value for value in found]),
        min(alarms) if alarms else None,
        "lowest score in state ALARM" if alarms else "",
    )


def _file_of(path: Path) -> Path:
    if not path.is_dir():
        return path
    for suffix in (".jsonl", ".parquet", ".csv"):
        if (path / f"scores{suffix}").is_file():
            return path / f"scores{suffix}"
    raise InputError("holds neither recordings nor a table of scores", where=path)


def _rows(path: Path) -> Iterable[Row]:
    try:
        match path.suffix.lower():
            case ".parquet":
                return _parquet(path)
            case ".csv":
                with path.open(encoding="utf-8-sig", newline="") as file:
                    return list(csv.DictReader(file))
            case ".json":
                content = json.loads(path.read_text(encoding="utf-8"))
                return _objects(content if isinstance(content, list) else [content], path)
            case ".jsonl" | ".ndjson":
                lines = path.read_text(encoding="utf-8").splitlines()
                return _objects([json.loads(line) for line in lines if line.strip()], path)
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", where=path) from error
    except (ValueError, csv.Error) as error:
        raise InputError(f"is no {path.suffix[1:]} table: {error}", where=path) from error
    known = ", ".join(TABLE_SUFFIXES)
    raise InputError(
        "is no table of scores", where=path, hint=f"known are {known}, and folders of recordings"
    )


def _objects(rows: Sequence[Any], path: Path) -> Sequence[Row]:
    for number, row in enumerate(rows, start=1):
        if not isinstance(row, dict):
            raise InputError(f"row {number} is no JSON object", where=path)
    return rows


def _parquet(path: Path) -> Iterable[Row]:
    with needs("archive"):
        import pyarrow.parquet as parquet
        from pyarrow.lib import ArrowException
    try:
        rows: Iterable[Row] = parquet.read_table(path).to_pylist()
    except ArrowException as error:
        raise InputError(f"is no Parquet table: {error}", where=path) from error
    return rows


def _values(row: Row, file: Path) -> Iterator[_Value]:
    begin_s = _time_s(row, file)
    seconds = row.get("per_second")
    if isinstance(seconds, list) and seconds:
        for second in seconds:
            value = _number(second, file)
            if value is not None:
                yield _Value(begin_s + float(second.get("second", 0)), value, second.get("state"))
        return
    value = _number(row, file)
    if value is not None:
        offset = row.get("second")
        yield _Value(begin_s + (0.0 if offset in (None, "") else float(offset)), value, row.get("state"))


def _number(row: Row, file: Path) -> float | None:
    name = next((name for name in _VALUES if name in row), None)
    if name is None:
        columns = ", ".join(map(str, row)) or "none"
        raise InputError(
            f"has no column {', '.join(_VALUES[:-1])} or {_VALUES[-1]}",
            where=file,
            hint=f"its columns: {columns}",
        )
    if row[name] in (None, ""):
        return None
    try:
        value = float(row[name])
    except (TypeError, ValueError) as error:
        raise InputError(f"{row[name]!r} in column {name} is no number", where=file) from error
    return value if math.isfinite(value) else None


def _time_s(row: Row, file: Path) -> float:
    name = next((name for name in _TIMES if row.get(name) not in (None, "")), None)
    if name is not None:
        return _moment(row[name], name, file)
    path = row.get("path")
    time_s = None if path in (None, "") else recording_time_s(Path(str(path)))
    if time_s is None:
        row_name = f"the row of {path}" if path else "a row"
        raise InputError(
            f"{row_name} has no time: neither a column {', '.join(_TIMES)} nor one in the name of its path",
            where=file,
            hint=f"names may hold {FORMS}",
        )
    return time_s


def _moment(value: Any, name: str, file: Path) -> float:
    if isinstance(value, datetime):
        return value.timestamp()
    try:
        number = float(value)
    except (TypeError, ValueError):
        try:
            return datetime.fromisoformat(str(value)).timestamp()
        except ValueError as error:
            raise InputError(
                f"{value!r} in column {name} is no time",
                where=file,
                hint="UNIX seconds, or ISO 8601 such as 2026-04-01T12:00:00Z",
            ) from error
    if not math.isfinite(number):
        raise InputError(f"{value!r} in column {name} is no time", where=file)
    return number
