"""Newest stored facts of a machine, and the machines that a database knows."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass

from anomaly.store.database.rows import ScoreRow, StateRow
from anomaly.store.reader import StoreReader
from anomaly.store.state_kinds import StateKind


@dataclass(frozen=True)
class MachineSummary:
    """Newest stored facts of one machine.

    Args:
        last: its newest second; None if none is stored.
        states: newest state of each kind.
        scored_s: seconds with a score, over the whole stored time.
    """

    last: ScoreRow | None
    states: Mapping[StateKind, StateRow]
    scored_s: int


def machine_summary(reader: StoreReader, machine: str) -> MachineSummary:
    """Read the summary of a machine in one transaction of a read-only connection.

    Raises:
        ConfigError: the database cannot be read.
    """

    def query(connection: sqlite3.Connection, version: int) -> MachineSummary:
        if not version:
            return MachineSummary(None, {}, 0)
        last, states = newest_facts(connection, version, machine)
        return MachineSummary(last, states, _scored_s(connection, machine, version))

    return reader.read(query)


def newest_facts(
    connection: sqlite3.Connection, version: int, machine: str
) -> tuple[ScoreRow | None, dict[StateKind, StateRow]]:
    """Return the newest second of a machine and the newest state of each kind.

    Args:
        connection: to a database that is not empty.
        version: of its schema.
        machine: its name.
    """
    last = connection.execute(_LAST, (machine,)).fetchone()
    kinds = tuple(StateKind) if version >= _MINUTES_SINCE else ()
    states = {kind: _state(connection, machine, kind) for kind in kinds}
    known = {kind: state for kind, state in states.items() if state is not None}
    return None if last is None else ScoreRow(**dict(last)), known


def stored_machines(reader: StoreReader) -> list[str]:
    """Return the names of all machines with stored scores, states or cases, sorted.

    Raises:
        ConfigError: the database cannot be read.
    """

    def query(connection: sqlite3.Connection, version: int) -> list[str]:
        if not version:
            return []
        tables = ("cases", "states") if version >= _MINUTES_SINCE else ("cases", "scores")
        sql = " UNION ".join(f"SELECT DISTINCT machine FROM {table}" for table in tables)
        return sorted(row[0] for row in connection.execute(sql))

    return reader.read(query)


# Version of the schema that brought minutes, states and progress.
_MINUTES_SINCE = 2
HOURS_SINCE = 7
"""Version of the schema that brought hours."""
_LAST = "SELECT * FROM scores WHERE machine = ? ORDER BY time_s DESC, rowid DESC LIMIT 1"
_SCORES = "SELECT count(score) FROM scores WHERE machine = ?"


def _state(connection: sqlite3.Connection, machine: str, kind: StateKind) -> StateRow | None:
    row = connection.execute(
        "SELECT machine, kind, time_s, state FROM states WHERE machine = ? AND kind = ?"
        " ORDER BY time_s DESC, id DESC LIMIT 1",
        (machine, kind),
    ).fetchone()
    return None if row is None else StateRow(**dict(row))


def _scored_s(connection: sqlite3.Connection, machine: str, version: int) -> int:
    """Count the seconds with a score: those that are summed up, and those that are in no minute yet."""
    if version < _MINUTES_SINCE:
        return int(connection.execute(_SCORES, (machine,)).fetchone()[0])
    # Minutes and hours are always written together; a year of minutes takes long to add up.
    table = "hours" if version >= HOURS_SINCE else "minutes"
    summed = connection.execute(f"SELECT coalesce(sum(scored), 0) FROM {table} WHERE machine = ?", (machine,))
    end_s = connection.execute(
        "SELECT coalesce(max(minute_s) + 60, 0) FROM minutes WHERE machine = ?", (machine,)
    )
    rest = connection.execute(f"{_SCORES} AND time_s >= ?", (machine, end_s.fetchone()[0])).fetchone()
    return int(summed.fetchone()[0]) + int(rest[0])
