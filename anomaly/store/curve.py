"""Score of a machine over time, by the second, minute, hour or day, with gaps, operating states and maintenance."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from anomaly.errors import UsageError
from anomaly.store.machine_summary import HOURS_SINCE
from anomaly.store.reader import StoreReader
from anomaly.store.state_kinds import StateKind

MOST_POINTS = 20_000
"""Points of one curve: more than any screen has pixels."""
_MINUTES_SINCE, _MAINTENANCE_SINCE = 2, 5


class CurveResolution(StrEnum):
    """Time that one point of a curve stands for."""

    SECOND = "second"
    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day"

    @property
    def seconds(self) -> int:
        """Length in seconds."""
        return {"second": 1, "minute": 60, "hour": 3_600, "day": 86_400}[self.value]


@dataclass(frozen=True)
class Span:
    """Interval with a name, in UNIX seconds; ``end_s`` is None while it goes on."""

    begin_s: float
    end_s: float | None
    name: str


@dataclass(frozen=True)
class Curve:
    """Score of a machine over time, in columns of one length.

    Args:
        time_s: UNIX seconds at the beginning of each point; at its end for single seconds.
        score_mean: mean score; None where there was none, as for the next two.
        score_max: highest score.
        p_value: smallest tail probability.
        alarm_share: share of the seconds in state ALARM.
        scored_s: seconds with a score.
        gaps: intervals without sound that touch the time of the curve; so do the next two.
        operating: operating states of the machine.
        maintenance: maintenance that people switched on, by whom.
    """

    time_s: Sequence[float]
    score_mean: Sequence[float | None]
    score_max: Sequence[float | None]
    p_value: Sequence[float | None]
    alarm_share: Sequence[float]
    scored_s: Sequence[int]
    gaps: Sequence[Span]
    operating: Sequence[Span]
    maintenance: Sequence[Span]


def finest(since_s: float, until_s: float, *, points: int = 2_000) -> CurveResolution:
    """Return the finest resolution with about so many points between two times; seconds are kept for a day."""
    length_s = until_s - since_s
    return next((one for one in CurveResolution if length_s / one.seconds <= points), CurveResolution.DAY)


def curve(
    reader: StoreReader,
    machine: str,
    resolution: CurveResolution,
    since_s: float,
    until_s: float,
    *,
    day_offset_s: int = 0,
) -> Curve:
    """Read the curve of a machine between two UNIX times.

    Args:
        reader: of the database.
        machine: its name.
        resolution: of its points.
        since_s: beginning.
        until_s: end, not included.
        day_offset_s: seconds that the clock on the wall is ahead of UTC where days are to begin.

    Raises:
        UsageError: there would be more points than ``MOST_POINTS``.
        ConfigError: the database cannot be read.
    """
    if (until_s - since_s) / resolution.seconds > MOST_POINTS:
        raise UsageError(
            f"more than {MOST_POINTS:,} points of a {resolution}",
            where=machine,
            hint="ask for a shorter time, or a coarser resolution",
        )

    def query(connection: sqlite3.Connection, version: int) -> Curve:
        if version < _MINUTES_SINCE:
            return Curve((), (), (), (), (), (), (), (), ())
        sql = _sql(resolution, version)
        rows = connection.execute(
            sql, {"machine": machine, "since": since_s, "until": until_s, "offset": day_offset_s}
        ).fetchall()
        columns: list[tuple[Any, ...]] = list(zip(*map(tuple, rows), strict=True)) or [()] * 6
        time_s, mean, highest, p_value, alarm_share, scored_s = columns
        place = (connection, machine, since_s, until_s)
        maintenance = _maintenance(*place) if version >= _MAINTENANCE_SINCE else []
        bands = (_gaps(*place), _states(*place), maintenance)
        return Curve(time_s, mean, highest, p_value, alarm_share, scored_s, *bands)

    return reader.read(query)


_BETWEEN = "machine = :machine AND {time} >= :since AND {time} < :until"


def _sql(resolution: CurveResolution, version: int) -> str:
    if resolution is CurveResolution.SECOND:
        where = _BETWEEN.format(time="time_s")
        return (
            "SELECT time_s, score, score, p_value, CAST(state = 'ALARM' AS REAL), score IS NOT NULL"
            f" FROM scores WHERE {where} ORDER BY time_s, rowid"
        )
    hours = version >= HOURS_SINCE and resolution is not CurveResolution.MINUTE
    table, time = ("hours", "hour_s") if hours else ("minutes", "minute_s")
    where = _BETWEEN.format(time=time)
    if resolution is not CurveResolution.DAY and (hours or resolution is CurveResolution.MINUTE):
        return (
            f"SELECT {time}, score_mean, score_max, p_value_min, CAST(alarm_s AS REAL) / seconds, scored"
            f" FROM {table} WHERE {where} ORDER BY {time}"
        )
    size = resolution.seconds
    offset = ":offset" if resolution is CurveResolution.DAY else "0 * :offset"
    begin = f"(({time} + {offset}) / {size} * {size} - {offset})"
    return (
        f"SELECT {begin}, sum(score_mean * scored) / nullif(sum(scored), 0), max(score_max), min(p_value_min),"
        f" CAST(sum(alarm_s) AS REAL) / sum(seconds), sum(scored) FROM {table} WHERE {where} GROUP BY 1 ORDER BY 1"
    )


def _gaps(connection: sqlite3.Connection, machine: str, since_s: float, until_s: float) -> list[Span]:
    sql = (
        "SELECT begin_s, end_s, reason FROM gaps WHERE machine = ? AND end_s >= ? AND begin_s < ?"
        " ORDER BY begin_s LIMIT ?"
    )
    return [Span(*row) for row in connection.execute(sql, (machine, since_s, until_s, MOST_POINTS))]


def _states(connection: sqlite3.Connection, machine: str, since_s: float, until_s: float) -> list[Span]:
    """Return the operating states, beginning with the one that was in force at the beginning."""
    before = connection.execute(
        "SELECT time_s, state FROM states WHERE machine = ? AND kind = ? AND time_s < ?"
        " ORDER BY time_s DESC, id DESC LIMIT 1",
        (machine, StateKind.OPERATING, since_s),
    ).fetchall()
    rows = connection.execute(
        "SELECT time_s, state FROM states WHERE machine = ? AND kind = ? AND time_s >= ? AND time_s < ?"
        " ORDER BY time_s, id LIMIT ?",
        (machine, StateKind.OPERATING, since_s, until_s, MOST_POINTS),
    ).fetchall()
    changes = [(max(since_s, float(row[0])), str(row[1])) for row in (*before, *rows)]
    ends: list[float | None] = [time_s for time_s, _ in changes[1:]]
    return [
        Span(time_s, end_s, state) for (time_s, state), end_s in zip(changes, [*ends, None], strict=False)
    ]


def _maintenance(connection: sqlite3.Connection, machine: str, since_s: float, until_s: float) -> list[Span]:
    sql = (
        "SELECT begin_s, coalesce(ended_s, end_s), who FROM maintenance"
        " WHERE machine = ? AND coalesce(ended_s, end_s) >= ? AND begin_s < ? ORDER BY begin_s LIMIT ?"
    )
    return [Span(*row) for row in connection.execute(sql, (machine, since_s, until_s, MOST_POINTS))]
