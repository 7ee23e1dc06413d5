"""Rescue of open cases, undelivered messages and dead letters from a damaged database."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from anomaly.store.database import Database, connect

_CASES = "SELECT * FROM cases WHERE state != 'closed'"
_OUTBOX = (
    "SELECT * FROM outbox WHERE id IN (SELECT outbox_id FROM deliveries WHERE status IN ('pending', 'dead'))"
)
_DELIVERIES = "SELECT * FROM deliveries WHERE status IN ('pending', 'dead')"


def salvage(damaged: Path, into: Database) -> dict[str, int]:
    """Copy all rows that can still be read; return how many cases and messages those are.

    Args:
        damaged: the file that was set aside.
        into: the new, empty database.

    Raises:
        ConfigError: the new database cannot be written.
    """
    try:
        with closing(connect(damaged)) as old:
            found = {
                table: _readable(old, sql)
                for table, sql in (
                    ("sinks", "SELECT * FROM sinks"),
                    ("cases", _CASES),
                    ("outbox", _OUTBOX),
                    ("deliveries", _DELIVERIES),
                )
            }
    except sqlite3.Error:
        found = {}
    with into.transaction() as connection:
        kept = {table: _insert(connection, table, rows) for table, rows in found.items()}
    return {"cases": kept.get("cases", 0), "messages": kept.get("outbox", 0)}


def _readable(connection: sqlite3.Connection, sql: str) -> list[sqlite3.Row]:
    """Return the rows up to the first that cannot be read."""
    rows: list[sqlite3.Row] = []
    with contextlib.suppress(sqlite3.DatabaseError):
        for row in connection.execute(sql):
            rows.append(row)  # one by one: what was read before the damage counts
    return rows


def _insert(connection: sqlite3.Connection, table: str, rows: Sequence[sqlite3.Row]) -> int:
    kept = 0
    for row in rows:
        columns = row.keys()
        marks = ", ".join("?" * len(columns))
        # A row that does not fit, such as a delivery whose message is lost, stays behind.
        with contextlib.suppress(sqlite3.IntegrityError, sqlite3.OperationalError):
            connection.execute(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})", tuple(row))
            kept += 1
    return kept
