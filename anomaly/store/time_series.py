"""Long-term record of a machine: scores by the minute and the hour, states and gaps.

Scores of each second are kept for a day; ``sum_up`` aggregates them by the minute before they are removed, and the
minutes by the hour, so that a year can be read at once.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

from anomaly.store.database.database import Database
from anomaly.store.database.repeated import repeated_after_repair
from anomaly.store.database.rows import GapRow, MinuteRow, StateRow
from anomaly.store.database.stored_row import stored_row

_SUMMED = "minutes"
_SUM_UP = """
    INSERT OR REPLACE INTO minutes
    SELECT machine, minute_s, count(*), count(score), avg(score), max(score), min(p_value),
        sum(state = 'WATCH'), sum(state = 'ALARM')
    FROM (SELECT DISTINCT machine AS m, CAST(time_s / 60 AS INTEGER) * 60 AS minute_s
          FROM scores WHERE rowid > ?1 AND rowid <= ?2)
    JOIN scores ON machine = m AND time_s >= minute_s AND time_s < minute_s + 60
    GROUP BY machine, minute_s"""
_SUM_UP_HOURS = """
    INSERT OR REPLACE INTO hours
    SELECT machine, hour_s, sum(seconds), sum(scored), sum(score_mean * scored) / nullif(sum(scored), 0),
        max(score_max), min(p_value_min), sum(watch_s), sum(alarm_s)
    FROM (SELECT DISTINCT machine AS m, CAST(time_s / 3600 AS INTEGER) * 3600 AS hour_s
          FROM scores WHERE rowid > ?1 AND rowid <= ?2)
    JOIN minutes ON machine = m AND minute_s >= hour_s AND minute_s < hour_s + 3600
    GROUP BY machine, hour_s"""


@repeated_after_repair
class TimeSeries:
    """Minutes, states and gaps of a site; part of ``Store``.

    Args:
        database: the open database.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def add_state(self, row: StateRow) -> None:
        """Store a change of state, unless it repeats the newest state of its kind."""
        with self._database.transaction(durable=False) as connection:
            keep_state(connection, row)

    def states(self, machine: str, kind: str, since_s: float = 0.0) -> list[StateRow]:
        """Return changes of one kind of state, oldest first."""
        with self._database.reading() as connection:
            rows = connection.execute(
                "SELECT machine, kind, time_s, state FROM states"
                " WHERE machine = ? AND kind = ? AND time_s >= ? ORDER BY time_s, id",
                (machine, kind, since_s),
            ).fetchall()
        return [StateRow(**dict(row)) for row in rows]

    def newest_state(self, machine: str, kind: str) -> StateRow | None:
        """Return a machine's newest state of a kind, or None."""
        with self._database.reading() as connection:
            row = connection.execute(
                "SELECT machine, kind, time_s, state FROM states"
                " WHERE machine = ? AND kind = ? ORDER BY time_s DESC, id DESC LIMIT 1",
                (machine, kind),
            ).fetchone()
        return None if row is None else StateRow(**dict(row))

    def add_gaps(self, rows: Iterable[GapRow]) -> None:
        """Store intervals without sound."""
        values = [(r.machine, r.begin_s, r.end_s, r.reason) for r in rows]
        if values:
            with self._database.transaction(durable=False) as connection:
                connection.executemany(
                    "INSERT INTO gaps (machine, begin_s, end_s, reason) VALUES (?, ?, ?, ?)", values
                )

    def gaps(self, machine: str, since_s: float = 0.0) -> list[GapRow]:
        """Return gaps in a machine's sound that end after a UNIX time, oldest first."""
        with self._database.reading() as connection:
            rows = connection.execute(
                "SELECT machine, begin_s, end_s, reason FROM gaps"
                " WHERE machine = ? AND end_s >= ? ORDER BY begin_s, id",
                (machine, since_s),
            ).fetchall()
        return [GapRow(**dict(row)) for row in rows]

    def minutes(self, machine: str, since_s: float = 0.0, until_s: float = float("inf")) -> list[MinuteRow]:
        """Return a machine's minutes that begin from one UNIX time to another, oldest first."""
        with self._database.reading() as connection:
            rows = connection.execute(
                "SELECT * FROM minutes WHERE machine = ? AND minute_s BETWEEN ? AND ? ORDER BY minute_s",
                (machine, since_s, until_s),
            ).fetchall()
        return [MinuteRow(**dict(row)) for row in rows]

    def sum_up(self, most: int = 20_000) -> bool:
        """Aggregate the minutes and hours of scores stored since the last call; return whether more remain.

        A minute that receives scores later, as after a full disk, is aggregated again.

        Args:
            most: scores in one transaction, so that writers never wait long.
        """
        with self._database.transaction(durable=False) as connection:
            done = summed_up_to(connection)
            newest = int(connection.execute("SELECT coalesce(max(rowid), 0) FROM scores").fetchone()[0])
            upto = min(newest, done + most)
            if upto > done:
                connection.execute(_SUM_UP, (done, upto))
                connection.execute(_SUM_UP_HOURS, (done, upto))
                connection.execute(
                    "INSERT INTO progress VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                    (_SUMMED, upto),
                )
            return upto < newest


def keep_state(connection: sqlite3.Connection, row: StateRow) -> None:
    """Store a change of state inside the caller's transaction."""
    last = connection.execute(
        "SELECT state FROM states WHERE machine = ? AND kind = ? ORDER BY id DESC LIMIT 1",
        (row.machine, row.kind),
    ).fetchone()
    if last is None or last["state"] != row.state:
        connection.execute(
            "INSERT INTO states (machine, kind, time_s, state) VALUES (?, ?, ?, ?)",
            (row.machine, row.kind, row.time_s, row.state),
        )


def summed_up_to(connection: sqlite3.Connection) -> int:
    """Return the row number of the newest score whose minute has been aggregated."""
    row = connection.execute("SELECT value FROM progress WHERE name = ?", (_SUMMED,)).fetchone()
    with stored_row("progress"):
        return 0 if row is None else int(row["value"])
