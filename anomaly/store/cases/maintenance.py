"""Maintenance of machines: while people work on one, its alarms open no cases and send no messages."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass

from anomaly.errors import UsageError
from anomaly.store.cases.case import iso_utc
from anomaly.store.cases.history import log_event
from anomaly.store.database.database import Database
from anomaly.store.database.repeated import repeated_after_repair
from anomaly.store.database.rows import EventRow

# A machine that is out of service for ever would hide the next fault.
MAX_MAINTENANCE_S = 30 * 86_400.0


@dataclass(frozen=True, slots=True)
class MaintenanceRow:
    """Maintenance of one machine.

    Args:
        machine: its name.
        begin_s: UNIX seconds at which it began.
        end_s: UNIX seconds at which it ends by itself.
        who: person who began it.
        note: why.
    """

    machine: str
    begin_s: float
    end_s: float
    who: str
    note: str


@repeated_after_repair
class Maintenance:
    """Maintenance that people switch on and off; part of ``Store``.

    Args:
        database: the open database.
        clock: UNIX seconds.
    """

    def __init__(self, database: Database, clock: Callable[[], float]) -> None:
        self._database, self._clock = database, clock

    def begin(self, machine: str, for_s: float, by: str, note: str = "") -> MaintenanceRow:
        """Begin the maintenance of a machine, or give the one that goes on another end.

        Raises:
            UsageError: the time is not between 0 and 30 days.
        """
        if not 0 < for_s <= MAX_MAINTENANCE_S:
            raise UsageError(
                f"a machine cannot be in maintenance for {for_s / 86_400:g} days",
                where=machine,
                hint=f"at most {MAX_MAINTENANCE_S / 86_400:g} days, more than 0 s",
            )
        now_s = self._clock()
        row = MaintenanceRow(machine, now_s, now_s + for_s, by, note)
        with self._database.transaction() as connection:
            _finish(connection, machine, now_s)
            connection.execute(
                "INSERT INTO maintenance (machine, begin_s, end_s, who, note) VALUES (?, ?, ?, ?, ?)",
                (row.machine, row.begin_s, row.end_s, row.who, row.note),
            )
            detail = {"by": by, "note": note, "until": iso_utc(row.end_s)}
            log_event(connection, EventRow(iso_utc(now_s), "maintenance.began", machine, None, detail))
        return row

    def end(self, machine: str, by: str, note: str = "") -> bool:
        """End the maintenance of a machine; return whether there was one."""
        now_s = self._clock()
        with self._database.transaction() as connection:
            ended = _finish(connection, machine, now_s)
            if ended:
                detail = {"by": by, "note": note}
                log_event(connection, EventRow(iso_utc(now_s), "maintenance.ended", machine, None, detail))
        return ended

    def end_over(self) -> list[str]:
        """End what is over by time; return the machines."""
        now_s = self._clock()
        with self._database.reading() as connection:
            rows = connection.execute(f"{_OPEN} AND end_s <= ?", (now_s,)).fetchall()
        machines = [str(row["machine"]) for row in rows]
        for machine in machines:
            with self._database.transaction() as connection:
                if _finish(connection, machine, now_s):
                    event = EventRow(
                        iso_utc(now_s), "maintenance.ended", machine, None, {"change": "expired"}
                    )
                    log_event(connection, event)
        return machines

    def select(self) -> list[MaintenanceRow]:
        """Return the maintenance that goes on now, by machine."""
        with self._database.reading() as connection:
            return in_force(connection, self._clock())


_OPEN = "SELECT machine, begin_s, end_s, who, note FROM maintenance WHERE ended_s IS NULL"


def in_force(connection: sqlite3.Connection, now_s: float) -> list[MaintenanceRow]:
    """Return the maintenance that goes on at a UNIX time, by machine."""
    rows = connection.execute(f"{_OPEN} AND end_s > ? ORDER BY machine", (now_s,)).fetchall()
    return [MaintenanceRow(**dict(row)) for row in rows]


def is_in_maintenance(connection: sqlite3.Connection, machine: str, now_s: float) -> bool:
    """Return whether somebody has put a machine into maintenance that goes on."""
    return (
        connection.execute(f"{_OPEN} AND machine = ? AND end_s > ?", (machine, now_s)).fetchone() is not None
    )


def _finish(connection: sqlite3.Connection, machine: str, now_s: float) -> bool:
    sql = "UPDATE maintenance SET ended_s = ? WHERE machine = ? AND ended_s IS NULL"
    return bool(connection.execute(sql, (now_s, machine)).rowcount)
