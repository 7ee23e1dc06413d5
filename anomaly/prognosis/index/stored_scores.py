"""Health index of a machine from its stored scores: one value a minute, and the events that reset it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from anomaly.prognosis.index.alarm_score import ALARM_P
from anomaly.prognosis.index.series import IndexSeries, Reset
from anomaly.store.cases.case import unix_s
from anomaly.store.reader import PageRequest, StoreReader
from anomaly.store.state_kinds import StateKind

# Seconds with a score that a minute needs.
_LEAST_SCORED = 10
ALARM_SCORE_SOURCE = "score at which the decision comes to ALARM"
_RESETTING = {
    "maintenance.ended": "maintenance ended",
    "case.work-reported": "work was reported",
    "machine.rebaselined": "the machine sounds different from now on",
}
_MINUTES = """
    SELECT minute_s AS time_s, score_mean AS score FROM minutes
    WHERE machine = :machine AND scored >= :least AND minute_s >= :since ORDER BY minute_s"""
_REST = """
    SELECT CAST(time_s / 60 AS INTEGER) * 60 AS minute_s, avg(score) AS score FROM scores
    WHERE machine = :machine AND time_s >= :since
    GROUP BY minute_s HAVING count(score) >= :least ORDER BY minute_s"""
_LEVEL = """
    SELECT max(CASE WHEN p_value > :p THEN score END), min(CASE WHEN p_value <= :p THEN score END)
    FROM scores WHERE machine = :machine"""


class _Stored(NamedTuple):
    times_s: list[float]
    values: list[float]
    level: float | None


def stored_index(reader: StoreReader, machine: str, since_s: float = 0.0) -> IndexSeries:
    """Read the index of a machine: mean scores of its minutes.

    The alarm level is the score at which each second raises the sum of the decision; it is known once the machine has
    scored as high in the seconds that are still stored.

    Args:
        reader: of the site's database.
        machine: its name.
        since_s: UNIX time at which the index begins.

    Raises:
        ConfigError: the database cannot be read.
    """

    def query(connection: sqlite3.Connection, version: int) -> _Stored:
        if version < 2:
            return _Stored([], [], None)
        values = {"machine": machine, "least": _LEAST_SCORED, "p": ALARM_P, "since": since_s}
        rows = connection.execute(_MINUTES, values).fetchall()
        since = rows[-1]["time_s"] + 60 if rows else since_s
        rows += connection.execute(_REST, {**values, "since": since}).fetchall()
        below, above = connection.execute(_LEVEL, values).fetchone()
        level = above if below is None or above is None else max((below + above) / 2, above)
        return _Stored([row[0] for row in rows], [row[1] for row in rows], level)

    found = reader.read(query)
    times = np.array(found.times_s, dtype=np.float64) + 30.0
    source = ALARM_SCORE_SOURCE if found.level is not None else ""
    values = np.array(found.values, dtype=np.float64)
    resets = tuple(sorted(_resets(reader, machine), key=lambda reset: reset.time_s))
    return IndexSeries(machine, "score", times, values, found.level, source, resets)


def _resets(reader: StoreReader, machine: str) -> Iterator[Reset]:
    for name, reason in _RESETTING.items():
        cursor = None
        while True:
            page = reader.events(PageRequest(machine=machine, cursor=cursor), name=name)
            yield from (Reset(unix_s(event.time), reason) for event in page.rows)
            cursor = page.cursor
            if cursor is None:
                break
    yield from _model_changes(reader, machine)


def _model_changes(reader: StoreReader, machine: str) -> Iterator[Reset]:
    """Yield the moments from which another model scores: its scores have another scale."""

    def query(connection: sqlite3.Connection, version: int) -> list[tuple[float, str]]:
        if version < 2:
            return []
        sql = "SELECT time_s, state FROM states WHERE machine = ? AND kind = ? ORDER BY time_s, id"
        return [(row[0], row[1]) for row in connection.execute(sql, (machine, StateKind.MODEL))]

    changes = reader.read(query)
    for time_s, model in changes[1:]:
        yield Reset(time_s, f"another model scores: {model}")
