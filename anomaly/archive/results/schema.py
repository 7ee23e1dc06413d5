"""Columns of the Parquet tables of scores; docs/archive.md describes them."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator
from typing import Any

from anomaly.archive.archive_file import printable
from anomaly.archive.rows import FileRow
from anomaly.extras import needs

# Raised with each change that a reader of an older table could trip over.
SCHEMA_VERSION = 1


@functools.cache
def score_schema() -> Any:
    """Return the schema of both tables, files and seconds.

    Raises:
        ConfigError: pyarrow is not installed.
    """
    with needs("archive"):
        import pyarrow as pa
    return pa.schema(
        [
            pa.field("path", pa.string(), nullable=False),
            pa.field("machine", pa.string()),
            pa.field("time", pa.timestamp("us", tz="UTC")),
            pa.field("start_s", pa.float64(), nullable=False),
            pa.field("seconds", pa.float64()),
            pa.field("score", pa.float64()),
            pa.field("p_value", pa.float64()),
            pa.field("state", pa.string()),
            pa.field("bands", pa.list_(pa.float64())),
            pa.field("sensor", pa.string()),
            pa.field("format", pa.string()),
            pa.field("model", pa.string(), nullable=False),
            pa.field("status", pa.string(), nullable=False),
            pa.field("error", pa.string()),
            pa.field("size_bytes", pa.int64()),
            pa.field("mtime_ns", pa.int64()),
        ],
        metadata={"anomaly_schema": str(SCHEMA_VERSION)},
    )


def file_table(rows: Iterable[FileRow]) -> Any:
    """Return the Arrow table of files."""
    return _table(_file_record(row) for row in rows)


def second_table(rows: Iterable[FileRow]) -> Any:
    """Return the Arrow table of the seconds of files."""
    return _table(record for row in rows for record in _second_records(row))


def _table(records: Iterator[dict[str, Any]]) -> Any:
    import pyarrow as pa

    return pa.Table.from_pylist(list(records), schema=score_schema())


def _file_record(row: FileRow) -> dict[str, Any]:
    return {
        "path": printable(row.path),
        "machine": row.machine,
        "time": row.time,
        "start_s": 0.0,
        "seconds": row.seconds,
        "score": row.score,
        "p_value": row.p_value,
        "state": row.state,
        "bands": row.bands,
        "sensor": row.sensor,
        "format": row.format,
        "model": row.model or "",
        "status": row.status,
        "error": None if row.error is None else printable(row.error),
        "size_bytes": row.size_bytes,
        "mtime_ns": row.mtime_ns,
    }


def _second_records(row: FileRow) -> Iterator[dict[str, Any]]:
    of_file = _file_record(row)
    for second in row.per_second or ():
        own = {name: getattr(second, name) for name in ("score", "p_value", "state", "bands")}
        yield of_file | own | {"start_s": float(second.second), "seconds": 1.0}
