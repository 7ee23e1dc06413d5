"""Removal of old rows, in small steps, so that writers of scores do not wait for it."""

from __future__ import annotations

from dataclasses import dataclass

from anomaly.store.cases.case import iso_utc
from anomaly.store.store import Store
from anomaly.store.time_series import summed_up_to

_DAY_S = 86_400.0
# Rows in one transaction: a few milliseconds on a slow card.
_STEP = 2_000


@dataclass(frozen=True)
class Retention:
    """Retention times of the tables.

    Args:
        scores_days: scores of each second.
        minutes_days: scores aggregated by the minute and the hour, states, gaps and the access log.
        events_days: events, closed cases and delivered messages.
    """

    scores_days: float = 1.0
    minutes_days: float = 365.0
    events_days: float = 365.0


def tidy(store: Store, keep: Retention, now_s: float) -> int:
    """Aggregate new scores, remove old rows; return the number of removed rows.

    An open case keeps its events. A score is removed only after its minute has been aggregated, a state only if
    another has followed it before the limit.

    Raises:
        ConfigError: the database cannot be written.
    """
    while store.time_series.sum_up():
        continue
    gone = _old_scores(store, now_s - keep.scores_days * _DAY_S)
    minutes_s, events_s = now_s - keep.minutes_days * _DAY_S, now_s - keep.events_days * _DAY_S
    gone += _minutes(store, minutes_s)
    gone += _in_steps(store, "states", _OLD_STATES, minutes_s)
    gone += _in_steps(store, "gaps", "end_s < ?", minutes_s)
    gone += _in_steps(store, "clip_access", "time < ?", iso_utc(max(0.0, minutes_s)))
    gone += _in_steps(store, "events", _OLD_EVENTS, iso_utc(max(0.0, events_s)))
    gone += _in_steps(store, "deliveries", "status != 'pending' AND finished_s < ?", events_s)
    gone += _in_steps(store, "outbox", _DONE, events_s)
    gone += _in_steps(store, "cases", "state = 'closed' AND closed_at < ?", iso_utc(max(0.0, events_s)))
    return gone


# The last state of a machine before the limit was valid after it: the bundle that scores it may not change for years.
_OLD_STATES = (
    "EXISTS (SELECT 1 FROM states AS later WHERE later.machine = states.machine AND later.kind = states.kind"
    " AND later.time_s > states.time_s AND later.time_s < ?)"
)
_OLD_EVENTS = (
    "time < ? AND (case_id IS NULL OR case_id NOT IN (SELECT id FROM cases WHERE state != 'closed'))"
)
_DONE = "queued_s < ? AND NOT EXISTS (SELECT 1 FROM deliveries WHERE deliveries.outbox_id = outbox.id)"


def _old_scores(store: Store, before_s: float) -> int:
    """Remove scores machine by machine, along the index, so that a step reads only the rows that it removes.

    The newest of all stays, so that SQLite never assigns a row number twice: the aggregation relies on that.
    """
    gone, machine = 0, ""
    while (found := _next_machine(store, machine)) is not None:
        machine = found
        while True:
            with store.database.transaction(durable=False) as connection:
                step = connection.execute(
                    "DELETE FROM scores WHERE rowid IN (SELECT rowid FROM scores WHERE machine = ?1"
                    " AND time_s < ?2 AND rowid <= ?3 AND rowid < (SELECT max(rowid) FROM scores) LIMIT ?4)",
                    (machine, before_s, summed_up_to(connection), _STEP),
                ).rowcount
            gone += step
            if step < _STEP:
                break
    return gone


def _next_machine(store: Store, after: str) -> str | None:
    with store.database.reading() as connection:
        row = connection.execute("SELECT min(machine) FROM scores WHERE machine > ?", (after,)).fetchone()
    return None if row[0] is None else str(row[0])


def _minutes(store: Store, before_s: float) -> int:
    with store.database.transaction(durable=False) as connection:
        connection.execute("DELETE FROM hours WHERE hour_s < ?", (before_s,))
        return int(connection.execute("DELETE FROM minutes WHERE minute_s < ?", (before_s,)).rowcount)


def _in_steps(store: Store, table: str, old: str, limit: float | str) -> int:
    gone = 0
    while True:
        with store.database.transaction(durable=False) as connection:
            step = connection.execute(
                f"DELETE FROM {table} WHERE rowid IN (SELECT rowid FROM {table} WHERE {old} LIMIT ?)",
                (limit, _STEP),
            ).rowcount
        gone += step
        if step < _STEP:
            return gone
