"""Rescue of cases with their history, maintenance, undelivered messages and dead letters from a damaged database."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, get_args

from anomaly.store.cases.case import CaseState
from anomaly.store.cases.case_table import case_from
from anomaly.store.cases.history import event_from
from anomaly.store.database.database_error import DatabaseError, explained
from anomaly.store.database.database_file import connect
from anomaly.store.database.rows import DeliveryStatus
from anomaly.store.database.stored_row import stored_row
from anomaly.store.outbox.message import AlertMessage

# Messages younger than this are delivered again if it cannot be read whether they were: their key tells receivers.
_REPEATED_S = 86_400.0
_TABLES = ("sinks", "cases", "clips", "maintenance", "events", "outbox", "deliveries")
_COPIED = ("sinks", "cases", "clips")
# Rows that are named by their content: their numbers may be taken in the new database.
_NAMED_BY = {
    "maintenance": ("machine", "begin_s"),
    "events": ("time", "event", "machine", "case_id", "detail"),
}
# Events without a case that are carried over.
_EVENTS = ("maintenance.", "store.")
# A database in memory has the newest closed cases only.
KEPT_IN_MEMORY = 200
_WAITING = ("pending", "dead")
_TYPES: dict[str, tuple[type, ...]] = {"TEXT": (str,), "REAL": (float, int), "INTEGER": (int,)}

_Row = dict[str, Any]


def salvage(damaged: Path, into: Path, *, closed_cases: int | None = None) -> dict[str, int]:
    """Copy all rows that can still be read and hold what this program stores.

    Args:
        damaged: the file that was set aside.
        into: a database of the newest schema; what it has already stays as it is.
        closed_cases: number of closed cases to copy, the newest first; None for all.

    Returns:
        Number of open ``cases``, ``closed_cases``, ``events`` and ``messages``.

    Raises:
        DatabaseError: the new database cannot be written.
    """
    with explained(into), closing(connect(into)) as new:
        found, whole = _read(damaged, new)
        _limit_history(found, closed_cases)
        new.execute("PRAGMA synchronous = FULL")
        new.execute("BEGIN IMMEDIATE")
        for table in _COPIED:
            _insert(new, table, found[table])
        kept = {table: _insert_named(new, table, found[table]) for table in _NAMED_BY}
        messages = _insert_messages(new, found["outbox"], found["deliveries"], whole)
        new.execute("COMMIT")
    closed = sum(row["state"] == CaseState.CLOSED for row in found["cases"])
    return {
        "cases": len(found["cases"]) - closed,
        "closed_cases": closed,
        "events": kept["events"],
        "messages": messages,
    }


def _limit_history(found: dict[str, list[_Row]], closed_cases: int | None) -> None:
    """Leave out what is older than the newest closed cases, and events that belong to no case."""
    closed = [row for row in found["cases"] if row["state"] == CaseState.CLOSED]
    closed.sort(key=lambda row: str(row["opened_at"]), reverse=True)
    left_out = {row["id"] for row in closed[closed_cases:]} if closed_cases is not None else set()
    found["cases"] = [row for row in found["cases"] if row["id"] not in left_out]
    found["events"] = [
        row
        for row in found["events"]
        if (row["case_id"] and row["case_id"] not in left_out) or row["event"].startswith(_EVENTS)
    ]


def _read(damaged: Path, new: sqlite3.Connection) -> tuple[dict[str, list[_Row]], bool]:
    """Return the usable rows of each table, and whether those of the deliveries are all there."""
    found: dict[str, list[_Row]] = {table: [] for table in _TABLES}
    whole = False
    with contextlib.suppress(sqlite3.Error, UnicodeDecodeError), closing(_open(damaged)) as old:
        for table in _TABLES:
            columns = {row["name"]: row for row in new.execute(f"PRAGMA table_info({table})")}
            rows, complete = _readable(old, table)
            found[table] = [row for row in rows if _fits(row, columns) and _CHECKS[table](row)]
            whole = complete and len(found[table]) == len(rows)  # of the last table, the deliveries
    return found, whole


def _open(damaged: Path) -> sqlite3.Connection:
    """Open a file for reading; one on a disk that takes nothing can only be read as it is."""
    try:
        connection = connect(damaged)
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except (sqlite3.DatabaseError, UnicodeDecodeError):
        connection = sqlite3.connect(f"{damaged.absolute().as_uri()}?immutable=1", uri=True)
        connection.row_factory = sqlite3.Row
    return connection


def _readable(connection: sqlite3.Connection, table: str) -> tuple[list[_Row], bool]:
    """Return the rows of a table that can be read, and whether those are all: from both ends up to the damage."""
    rows: dict[object, _Row] = {}
    for order in ("ASC", "DESC"):
        try:
            # Row by row: what was read before the damage counts. No index is used, since it may be damaged, too.
            for row in connection.execute(
                f"SELECT rowid AS row_number, * FROM {table} NOT INDEXED ORDER BY rowid {order}"
            ):
                fields = dict(row)
                rows.setdefault(fields.pop("row_number"), fields)
        except (sqlite3.DatabaseError, UnicodeDecodeError):
            continue
        return [rows[number] for number in sorted(rows, key=_number)], True
    return [rows[number] for number in sorted(rows, key=_number)], False


def _number(row_number: object) -> int:
    return row_number if isinstance(row_number, int) else 0


def _fits(row: _Row, columns: Mapping[str, sqlite3.Row]) -> bool:
    """Return whether each value is of the type that its column is declared with."""
    for name, value in row.items():
        column = columns.get(name)
        if column is None:
            return False
        if value is None:
            if column["notnull"] or column["pk"]:
                return False
        elif not isinstance(value, _TYPES[column["type"]]):
            return False
    return True


def _is_case(row: _Row) -> bool:
    with contextlib.suppress(DatabaseError):
        case_from(row)
        return True
    return False


def _is_event(row: _Row) -> bool:
    with contextlib.suppress(DatabaseError):
        event_from({name: row[name] for name in _NAMED_BY["events"]})
        return True
    return False


def _is_message(row: _Row) -> bool:
    """Return whether a message can be delivered as it was queued, under its own key."""
    with contextlib.suppress(DatabaseError), stored_row("outbox"):
        return bool(AlertMessage.from_json(row["body"]).id == row["message_id"])
    return False


_CHECKS: dict[str, Callable[[_Row], bool]] = {
    "sinks": lambda row: bool(row["name"]),
    "cases": _is_case,
    "clips": lambda _: True,
    "maintenance": lambda row: bool(row["machine"]),
    "events": _is_event,
    "outbox": _is_message,
    "deliveries": lambda row: row["status"] in get_args(DeliveryStatus),
}


def _insert_messages(
    new: sqlite3.Connection, messages: Sequence[_Row], deliveries: Sequence[_Row], whole: bool
) -> int:
    """Insert the messages that wait or were refused, with their deliveries; return how many.

    Of a message without any delivery it is known that it was delivered only if all deliveries could be read.
    """
    waiting = {row["outbox_id"] for row in deliveries if row["status"] in _WAITING}
    known = {row["outbox_id"] for row in deliveries}
    numbers: dict[int, int] = {}
    for row in messages:
        unknown = not whole and row["id"] not in known and time.time() - row["queued_s"] < _REPEATED_S
        if row["id"] not in waiting and not unknown:
            continue
        numbers[row["id"]] = _insert_message(new, row)
        if unknown:
            new.execute(
                "INSERT OR IGNORE INTO deliveries (outbox_id, sink, lane) SELECT ?, name, ? FROM sinks",
                (numbers[row["id"]], row["case_id"] or row["message_id"]),
            )
    for row in deliveries:
        if row["status"] in _WAITING and row["outbox_id"] in numbers:
            # Its own row number may be taken by a message that was queued meanwhile.
            fields = {name: value for name, value in row.items() if name != "id"}
            _insert(new, "deliveries", [fields | {"outbox_id": numbers[row["outbox_id"]]}])
    return len(numbers)


def _insert_message(new: sqlite3.Connection, row: _Row) -> int:
    new.execute(
        "INSERT OR IGNORE INTO outbox (message_id, case_id, queued_s, body)"
        " VALUES (:message_id, :case_id, :queued_s, :body)",
        row,
    )
    found = new.execute("SELECT id FROM outbox WHERE message_id = ?", (row["message_id"],)).fetchone()
    return int(found["id"])


def _insert_named(new: sqlite3.Connection, table: str, rows: Sequence[_Row]) -> int:
    """Insert rows under new numbers, unless the same is there already."""
    kept, names = 0, _NAMED_BY[table]
    same = " AND ".join(f"{name} IS :{name}" for name in names)
    for row in rows:
        columns = [name for name in row if name != "id"]
        sql = (
            f"INSERT OR IGNORE INTO {table} ({', '.join(columns)}) SELECT {', '.join(':' + c for c in columns)}"
            f" WHERE NOT EXISTS (SELECT 1 FROM {table} WHERE {same})"
        )
        kept += new.execute(sql, row).rowcount
    return kept


def _insert(new: sqlite3.Connection, table: str, rows: Sequence[_Row]) -> int:
    """Insert rows; one that is there already, or does not fit to the others, stays behind."""
    kept = 0
    for row in rows:
        marks = ", ".join("?" * len(row))
        sql = f"INSERT OR IGNORE INTO {table} ({', '.join(row)}) VALUES ({marks})"
        with contextlib.suppress(sqlite3.IntegrityError):
            kept += new.execute(sql, tuple(row.values())).rowcount
    return kept
