"""Schema of the database: the statements that make it, by version.

A migration that has been released is never changed; a new one is added at the end.
Times named ``*_s`` are UNIX seconds (UTC), the others ISO 8601.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Migration:
    """One change of the tables from a schema version to the next: number, name, and SQL statements."""

    version: int
    name: str
    statements: tuple[str, ...]


_FIRST = (
    """CREATE TABLE scores (
        machine TEXT NOT NULL, time_s REAL NOT NULL, second INTEGER NOT NULL,
        score REAL, p_value REAL, state TEXT NOT NULL)""",
    "CREATE INDEX scores_by_time ON scores (machine, time_s)",
    """CREATE TABLE events (
        id INTEGER PRIMARY KEY, time TEXT NOT NULL, event TEXT NOT NULL,
        machine TEXT, case_id TEXT, detail TEXT NOT NULL)""",
    "CREATE INDEX events_by_case ON events (case_id)",
    """CREATE TABLE cases (
        id TEXT PRIMARY KEY, machine TEXT NOT NULL, kind TEXT NOT NULL, state TEXT NOT NULL,
        opened_at TEXT NOT NULL, summary TEXT NOT NULL, peak_score REAL, min_p_value REAL,
        evidence TEXT NOT NULL, sound_position_s REAL, acknowledged_at TEXT, acknowledged_by TEXT,
        returned_at TEXT, closed_at TEXT, silenced_until TEXT)""",
    # The database itself guarantees at most one open case of a kind per machine.
    "CREATE UNIQUE INDEX one_open_case ON cases (machine, kind) WHERE state != 'closed'",
    "CREATE INDEX cases_by_time ON cases (opened_at)",
    """CREATE TABLE outbox (
        id INTEGER PRIMARY KEY AUTOINCREMENT, message_id TEXT NOT NULL UNIQUE,
        case_id TEXT, queued_s REAL NOT NULL, body TEXT NOT NULL)""",
    "CREATE TABLE sinks (name TEXT PRIMARY KEY, since_s REAL NOT NULL)",
    """CREATE TABLE deliveries (
        id INTEGER PRIMARY KEY AUTOINCREMENT, outbox_id INTEGER NOT NULL REFERENCES outbox (id),
        sink TEXT NOT NULL, lane TEXT NOT NULL, status TEXT NOT NULL DEFAULT 'pending',
        attempts INTEGER NOT NULL DEFAULT 0, next_try_s REAL NOT NULL DEFAULT 0,
        finished_s REAL, error TEXT, UNIQUE (outbox_id, sink))""",
    "CREATE INDEX deliveries_pending ON deliveries (sink, lane, outbox_id) WHERE status = 'pending'",
)

_SECOND = (
    """CREATE TABLE minutes (
        machine TEXT NOT NULL, minute_s INTEGER NOT NULL, seconds INTEGER NOT NULL, scored INTEGER NOT NULL,
        score_mean REAL, score_max REAL, p_value_min REAL, watch_s INTEGER NOT NULL, alarm_s INTEGER NOT NULL,
        PRIMARY KEY (machine, minute_s)) WITHOUT ROWID""",
    """CREATE TABLE states (
        id INTEGER PRIMARY KEY, machine TEXT NOT NULL, kind TEXT NOT NULL, time_s REAL NOT NULL,
        state TEXT NOT NULL)""",
    "CREATE INDEX states_by_time ON states (machine, kind, time_s)",
    """CREATE TABLE gaps (
        id INTEGER PRIMARY KEY, machine TEXT NOT NULL, begin_s REAL NOT NULL, end_s REAL NOT NULL,
        reason TEXT NOT NULL)""",
    "CREATE INDEX gaps_by_time ON gaps (machine, begin_s)",
    """CREATE TABLE clips (
        id TEXT PRIMARY KEY, case_id TEXT NOT NULL, machine TEXT NOT NULL, begin_s REAL NOT NULL,
        seconds REAL NOT NULL, content TEXT NOT NULL, folder TEXT NOT NULL, bytes INTEGER NOT NULL,
        removed_s REAL)""",
    "CREATE INDEX clips_by_case ON clips (case_id)",
    # The access log outlives the clip.
    """CREATE TABLE clip_access (
        id INTEGER PRIMARY KEY, clip_id TEXT NOT NULL, case_id TEXT NOT NULL, time TEXT NOT NULL,
        who TEXT NOT NULL, how TEXT NOT NULL, note TEXT NOT NULL)""",
    "CREATE TABLE progress (name TEXT PRIMARY KEY, value INTEGER NOT NULL)",
    "CREATE INDEX events_by_time ON events (time)",
)

_THIRD = (
    # A monitor that starts reads the newest events of one name; pages list those of one machine.
    "CREATE INDEX events_by_name ON events (machine, event, time)",
    "CREATE INDEX deliveries_dead ON deliveries (sink) WHERE status = 'dead'",
)

_FOURTH = (
    "ALTER TABLE cases ADD COLUMN severity INTEGER NOT NULL DEFAULT 1",
    "ALTER TABLE cases ADD COLUMN assigned_to TEXT",
    "ALTER TABLE cases ADD COLUMN finding TEXT",
    "ALTER TABLE cases ADD COLUMN action TEXT",
    # The events of a case are its history: nobody rewrites it, and retention removes only that of closed cases.
    """CREATE TRIGGER history_is_not_rewritten BEFORE UPDATE ON events
        BEGIN SELECT RAISE(ABORT, 'events are append-only'); END""",
    """CREATE TRIGGER history_of_open_cases_is_kept BEFORE DELETE ON events
        WHEN EXISTS (SELECT 1 FROM cases WHERE id = old.case_id AND state != 'closed')
        BEGIN SELECT RAISE(ABORT, 'the events of an open case are append-only'); END""",
)

_FIFTH = (
    "ALTER TABLE cases ADD COLUMN asset TEXT NOT NULL DEFAULT '{}'",
    # Leads to the oldest messages that wait for a sink, however many others were delivered.
    "CREATE INDEX deliveries_waiting ON deliveries (sink, outbox_id) WHERE status = 'pending'",
    """CREATE TABLE maintenance (
        id INTEGER PRIMARY KEY, machine TEXT NOT NULL, begin_s REAL NOT NULL, end_s REAL, ended_s REAL,
        who TEXT NOT NULL, note TEXT NOT NULL)""",
    "CREATE UNIQUE INDEX one_maintenance ON maintenance (machine) WHERE ended_s IS NULL",
)

_SIXTH = ("CREATE INDEX deliveries_by_case ON deliveries (lane, sink)",)

_SEVENTH = (
    # A year of a machine is 525,600 minutes: pages that show it read hours.
    """CREATE TABLE hours (
        machine TEXT NOT NULL, hour_s INTEGER NOT NULL, seconds INTEGER NOT NULL, scored INTEGER NOT NULL,
        score_mean REAL, score_max REAL, p_value_min REAL, watch_s INTEGER NOT NULL, alarm_s INTEGER NOT NULL,
        PRIMARY KEY (machine, hour_s)) WITHOUT ROWID""",
    """INSERT INTO hours SELECT machine, minute_s / 3600 * 3600, sum(seconds), sum(scored),
        sum(score_mean * scored) / nullif(sum(scored), 0), max(score_max), min(p_value_min), sum(watch_s), sum(alarm_s)
        FROM minutes GROUP BY machine, minute_s / 3600""",
)

MIGRATIONS: tuple[Migration, ...] = (
    Migration(1, "scores, events, cases, outbox", _FIRST),
    Migration(2, "minutes, states, gaps, clips", _SECOND),
    Migration(3, "events by name, dead letters", _THIRD),
    Migration(4, "severity, assignee, finding, append-only history", _FOURTH),
    Migration(5, "asset facts, maintenance, messages that wait", _FIFTH),
    Migration(6, "deliveries by case", _SIXTH),
    Migration(7, "hours", _SEVENTH),
)


def table_names(migrations: Sequence[Migration] = MIGRATIONS) -> frozenset[str]:
    """Return the names of the tables that these migrations make."""
    return _made(_TABLE, migrations)


def is_complete(connection: sqlite3.Connection) -> bool:
    """Return whether a database has all tables, indexes and triggers of the newest version."""
    present = {row[0] for row in connection.execute("SELECT name FROM sqlite_master")}
    return _made(_ANY, MIGRATIONS) <= present


def _made(pattern: re.Pattern[str], migrations: Sequence[Migration]) -> frozenset[str]:
    statements = (statement for step in migrations for statement in step.statements)
    return frozenset(found.group(1) for text in statements if (found := pattern.match(text)))


_TABLE = re.compile(r"CREATE TABLE (\w+)")
_ANY = re.compile(r"CREATE (?:TABLE|INDEX|UNIQUE INDEX|TRIGGER) (\w+)")
