"""Newest facts of many machines at once, for an overview of a plant: one connection, a few indexed rows of each."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from anomaly.store.cases.case import Case
from anomaly.store.cases.case_table import case_from
from anomaly.store.machine_summary import MachineSummary, newest_facts
from anomaly.store.reader import StoreReader

SHOWN_MINUTES = 60
_OPEN_CASES = "SELECT * FROM cases WHERE state != 'closed' ORDER BY opened_at DESC"
_MINUTES = "SELECT minute_s, score_max FROM minutes WHERE machine = ? AND minute_s >= ? AND minute_s < ?"
_MINUTES_SINCE = 2


@dataclass(frozen=True)
class MachineOverview:
    """Newest facts of one machine.

    Args:
        machine: its name.
        summary: newest second and states; its scored seconds are not counted.
        open_cases: newest first.
        last_hour: highest score of each of the last 60 minutes, oldest first; None for minutes without a score.
    """

    machine: str
    summary: MachineSummary
    open_cases: Sequence[Case]
    last_hour: Sequence[float | None]


def overview(reader: StoreReader, machines: Iterable[str], now_s: float) -> list[MachineOverview]:
    """Read the newest facts of machines, in the order in which they are named.

    Args:
        reader: of the database.
        machines: their names.
        now_s: UNIX seconds.

    Raises:
        ConfigError: the database cannot be read.
    """
    names = list(machines)

    def query(connection: sqlite3.Connection, version: int) -> list[MachineOverview]:
        if not version:
            return [unknown_machine(name) for name in names]
        cases: dict[str, list[Case]] = {}
        for row in connection.execute(_OPEN_CASES):
            case = case_from(dict(row))
            cases.setdefault(case.machine, []).append(case)
        return [_facts(connection, version, name, cases.get(name, []), now_s) for name in names]

    return reader.read(query)


def unknown_machine(name: str) -> MachineOverview:
    """Return the facts of a machine of which nothing is stored."""
    return MachineOverview(name, MachineSummary(None, {}, 0), (), (None,) * SHOWN_MINUTES)


def _facts(
    connection: sqlite3.Connection, version: int, name: str, cases: Sequence[Case], now_s: float
) -> MachineOverview:
    last, states = newest_facts(connection, version, name)
    minutes = _last_hour(connection, name, now_s) if version >= _MINUTES_SINCE else (None,) * SHOWN_MINUTES
    return MachineOverview(name, MachineSummary(last, states, 0), cases, minutes)


def _last_hour(connection: sqlite3.Connection, name: str, now_s: float) -> list[float | None]:
    end_s = int(now_s) // 60 * 60
    begin_s = end_s - 60 * SHOWN_MINUTES
    shown: list[float | None] = [None] * SHOWN_MINUTES
    for minute_s, score in connection.execute(_MINUTES, (name, begin_s, end_s)):
        shown[(minute_s - begin_s) // 60] = score
    return shown
