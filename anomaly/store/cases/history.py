"""Scores per second and events, in the order they were stored."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from anomaly.store.cases.case import iso_utc, json_value
from anomaly.store.database.database import Database
from anomaly.store.database.repeated import repeated_after_repair
from anomaly.store.database.rows import EventRow, ScoreRow, StateRow
from anomaly.store.database.stored_row import json_object, stored_row
from anomaly.store.time_series import keep_state


@repeated_after_repair
class History:
    """Scores and events of a site; part of ``Store``.

    Args:
        database: the open database.
        clock: UNIX seconds.
    """

    def __init__(self, database: Database, clock: Callable[[], float] = time.time) -> None:
        self._database = database
        self._clock = clock

    def add_scores(self, rows: Iterable[ScoreRow], states: Iterable[StateRow] = ()) -> None:
        """Store a batch of scores in one transaction; it survives kill -9, but perhaps not a power cut.

        Args:
            rows: the scores.
            states: changes of state in the same seconds.

        Raises:
            ConfigError: the disk is full or the database cannot be written.
        """
        values = [(r.machine, r.time_s, r.second, r.score, r.p_value, r.state) for r in rows]
        changes = list(states)
        if values or changes:
            with self._database.transaction(durable=False) as connection:
                connection.executemany("INSERT INTO scores VALUES (?, ?, ?, ?, ?, ?)", values)
                for change in changes:
                    keep_state(connection, change)

    def scores(self, machine: str, since_s: float = 0.0, until_s: float = float("inf")) -> list[ScoreRow]:
        """Return a machine's scores from one UNIX time to another, oldest first."""
        with self._database.reading() as connection:
            rows = connection.execute(
                "SELECT * FROM scores WHERE machine = ? AND time_s BETWEEN ? AND ? ORDER BY time_s, rowid",
                (machine, since_s, until_s),
            ).fetchall()
        return [ScoreRow(**dict(row)) for row in rows]

    def last_score(self, machine: str) -> ScoreRow | None:
        """Return a machine's newest score, or None."""
        with self._database.reading() as connection:
            row = connection.execute(
                "SELECT * FROM scores WHERE machine = ? ORDER BY time_s DESC, rowid DESC LIMIT 1", (machine,)
            ).fetchone()
        return None if row is None else ScoreRow(**dict(row))

    def add_event(
        self,
        event: str,
        *,
        machine: str | None = None,
        case_id: str | None = None,
        detail: Mapping[str, Any] | None = None,
        time_s: float | None = None,
    ) -> None:
        """Store an event, such as a change of state, that happened now or at a UNIX time."""
        at = iso_utc(self._clock() if time_s is None else time_s)
        with self._database.transaction() as connection:
            log_event(connection, EventRow(at, event, machine, case_id, detail or {}))

    def events(
        self,
        *,
        case_id: str | None = None,
        machine: str | None = None,
        name: str | None = None,
        since: str | None = None,
    ) -> list[EventRow]:
        """Return events in the order they were stored.

        Args:
            case_id: only those of this case.
            machine: only those of this machine.
            name: only those with this name, such as ``score.hour``. With ``machine`` and ``since`` an index
                leads to exactly these rows, however long the history is.
            since: only those at or after this time, UTC, ISO 8601 as ``iso_utc`` writes it.
        """
        filters = {"case_id = ?": case_id, "machine = ?": machine, "event = ?": name, "time >= ?": since}
        used = {sql: value for sql, value in filters.items() if value is not None}
        where = f" WHERE {' AND '.join(used)}" if used else ""
        with self._database.reading() as connection:
            rows = connection.execute(
                f"SELECT time, event, machine, case_id, detail FROM events{where} ORDER BY id",
                tuple(used.values()),
            ).fetchall()
        return [event_from(dict(row)) for row in rows]


def event_from(fields: Mapping[str, Any]) -> EventRow:
    """Convert the columns of an event's row."""
    with stored_row("events"):
        return EventRow(**{**fields, "detail": json_object(fields["detail"])})


def log_event(connection: sqlite3.Connection, row: EventRow) -> None:
    """Store an event inside the caller's transaction."""
    connection.execute(
        "INSERT INTO events (time, event, machine, case_id, detail) VALUES (?, ?, ?, ?, ?)",
        (row.time, row.event, row.machine, row.case_id, json.dumps(json_value(row.detail))),
    )
