"""SQL of the table of cases: insert, list and look up, inside the caller's connection or transaction."""

from __future__ import annotations

import dataclasses
import json
import re
import sqlite3
from collections.abc import Mapping
from typing import Any

from anomaly.errors import UsageError
from anomaly.store.cases.case import SHORT_ID, Case
from anomaly.store.database.database_error import damage_at
from anomaly.store.database.stored_row import json_object, stored_row

_COLUMNS = tuple(f.name for f in dataclasses.fields(Case))
_SAVE = (
    f"INSERT INTO cases ({', '.join(_COLUMNS)}) VALUES ({', '.join(':' + c for c in _COLUMNS)})"
    f" ON CONFLICT (id) DO UPDATE SET {', '.join(f'{c} = excluded.{c}' for c in _COLUMNS if c != 'id')}"
)
_OBJECTS = ("evidence", "asset")
"""Columns that hold a JSON object."""
_TEXTS = ("id", "machine", "kind", "state", "opened_at", "summary")
_TIMES = ("acknowledged_at", "returned_at", "closed_at", "silenced_until")
_OPTIONAL_TEXTS = (*_TIMES, "acknowledged_by", "assigned_to", "finding", "action")
# The row itself tells whether a damaged index has led to another case.
_BY_ID = "SELECT * FROM cases WHERE rowid IN (SELECT rowid FROM cases WHERE {} LIMIT 5)"
_ID = re.compile(r"[0-9a-f]{1,32}")


def save(connection: sqlite3.Connection, case: Case) -> None:
    """Insert a case, or overwrite the one with its identifier."""
    row = case.to_dict()
    connection.execute(_SAVE, row | {name: json.dumps(row[name]) for name in _OBJECTS})


def select(connection: sqlite3.Connection, *, open_only: bool, machine: str | None) -> list[Case]:
    """Return cases, newest first."""
    rows = connection.execute(
        "SELECT * FROM cases WHERE (?1 = 0 OR state != 'closed') AND (?2 IS NULL OR machine = ?2)"
        " ORDER BY opened_at DESC, rowid DESC",
        (int(open_only), machine),
    )
    return [case_from(dict(row)) for row in rows.fetchall()]


def open_by_kind(connection: sqlite3.Connection, machine: str) -> dict[str, Case]:
    """Return the open cases of a machine: at most one of each kind."""
    return {case.kind: case for case in select(connection, open_only=True, machine=machine)}


def get(connection: sqlite3.Connection, case_id: str) -> Case | None:
    """Return the case with exactly this identifier, or None."""
    row = connection.execute(_BY_ID.format("id = ?"), (case_id,)).fetchone()
    if row is not None and row["id"] != case_id:
        raise damage_at(None, f"database: the index of the cases leads from {case_id} to {row['id']}")
    return None if row is None else case_from(dict(row))


def find(connection: sqlite3.Connection, case_id: str) -> Case:
    """Return the case whose identifier begins with these digits.

    Raises:
        UsageError: there is none, or more than one.
    """
    text = case_id.strip().lower()
    hint = "list cases with `anomaly cases list --all`"
    if not _ID.fullmatch(text):
        raise UsageError(f"{case_id!r} is no case identifier: it has up to 32 hex digits", hint=hint)
    rows = connection.execute(_BY_ID.format("id GLOB ?"), (f"{text}*",)).fetchall()
    if not rows:
        raise UsageError(f"there is no case {case_id!r}", hint=hint)
    if len(rows) > 1:
        several = ", ".join(row["id"][: max(SHORT_ID, len(text) + 4)] for row in rows)
        raise UsageError(f"several cases begin with {case_id!r}", hint=f"give more digits: {several}")
    found = case_from(dict(rows[0]))
    if not found.id.startswith(text):
        raise damage_at(None, f"database: the index of the cases leads from {text} to {found.id}")
    return found


def case_from(fields: Mapping[str, Any]) -> Case:
    """Convert the columns of a case's row."""
    with stored_row("cases"):
        wrong = [name for name in _TEXTS if not isinstance(fields[name], str)]
        # A database of an older version, opened only for reading, has no asset, and nobody whom a case is assigned to.
        wrong += [name for name in _OPTIONAL_TEXTS if not isinstance(fields.get(name), str | None)]
        if wrong:
            raise TypeError(f"{', '.join(wrong)}: no text")
        objects = {name: json_object(fields[name]) for name in _OBJECTS if name in fields}
        return Case.from_dict({**fields, **objects})
