"""Rescue of open cases, undelivered messages and dead letters from a damaged database."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from anomaly.store.database import Database
from anomaly.store.database_file import connect

# Messages younger than this are delivered again if it cannot be read whether they were: their key tells receivers.
_REPEATED_S = 86_400.0
_TABLES = ("sinks", "cases", "clips", "outbox", "deliveries")
_WAITING = ("pending", "dead")


def salvage(damaged: Path, into: Database) -> dict[str, int]:
    """Copy all rows that can still be read; return how many cases and messages those are.

    Args:
        damaged: the file that was set aside.
        into: the new, empty database.

    Raises:
        ConfigError: the new database cannot be written.
    """
    found: dict[str, list[sqlite3.Row]] = {}
    whole = True
    with contextlib.suppress(sqlite3.Error, UnicodeDecodeError), closing(_open(damaged)) as old:
        for table in _TABLES:
            found[table], complete = _readable(old, table)
            whole = whole and (complete or table != "deliveries")
    found["cases"] = [row for row in found.get("cases", ()) if row["state"] != "closed"]
    messages = found.get("outbox", [])
    deliveries = found.get("deliveries", [])
    waiting = [row for row in deliveries if row["status"] in _WAITING]
    wanted = {row["outbox_id"] for row in waiting}
    known = {row["outbox_id"] for row in deliveries}
    unknown = [] if whole else [row for row in messages if row["id"] not in known and _is_young(row)]
    found["outbox"] = [row for row in messages if row["id"] in wanted] + unknown
    found["deliveries"] = waiting
    with into.transaction() as connection:
        kept = {table: _insert(connection, table, rows) for table, rows in found.items()}
        for row in unknown:
            connection.execute(
                "INSERT OR IGNORE INTO deliveries (outbox_id, sink, lane) SELECT ?, name, ? FROM sinks",
                (row["id"], row["case_id"] or row["message_id"]),
            )
    return {"cases": kept.get("cases", 0), "messages": kept.get("outbox", 0)}


def _open(damaged: Path) -> sqlite3.Connection:
    """Open a file for reading; one on a disk that takes nothing can only be read as it is."""
    try:
        connection = connect(damaged)
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except (sqlite3.DatabaseError, UnicodeDecodeError):
        connection = sqlite3.connect(f"{damaged.absolute().as_uri()}?immutable=1", uri=True)
        connection.row_factory = sqlite3.Row
    return connection


def _is_young(row: sqlite3.Row) -> bool:
    return isinstance(row["queued_s"], float) and time.time() - row["queued_s"] < _REPEATED_S


def _readable(connection: sqlite3.Connection, table: str) -> tuple[list[sqlite3.Row], bool]:
    """Return the rows of a table that can be read, and whether those are all: from both ends up to the damage."""
    rows: dict[object, sqlite3.Row] = {}
    key = "name" if table == "sinks" else "id"
    for order in ("ASC", "DESC"):
        try:
            # Row by row: what was read before the damage counts. No index is used, since it may be damaged, too.
            for row in connection.execute(f"SELECT * FROM {table} NOT INDEXED ORDER BY rowid {order}"):
                rows.setdefault(row[key], row)
        except (sqlite3.DatabaseError, UnicodeDecodeError):
            continue
        return sorted(rows.values(), key=lambda row: str(row[key]).rjust(20)), True
    return sorted(rows.values(), key=lambda row: str(row[key]).rjust(20)), False


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
