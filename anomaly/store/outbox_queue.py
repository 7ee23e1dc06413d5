"""Transactional outbox: each message is stored once, and once per sink as a delivery to be made.

``enqueue`` works inside the caller's transaction, so that a case and its message are committed together.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterable

from anomaly.store.case import CaseState, iso_utc
from anomaly.store.database import Database
from anomaly.store.history import log_event
from anomaly.store.message import AlertMessage
from anomaly.store.rows import DeliveryStatus, DueMessage, EventRow

# No wait between two attempts is longer: a sink that is back gets its messages within the hour.
LONGEST_WAIT_S = 3_600.0
# Deliveries read at once, about 100 kB of messages.
BATCH = 64


class OutboxQueue:
    """Outgoing messages of a site; part of ``Store``.

    Args:
        database: the open database.
        clock: UNIX seconds.

    Attributes:
        listeners: called, without arguments, after each commit that may have queued a message.
    """

    def __init__(self, database: Database, clock: Callable[[], float] = time.time) -> None:
        self._database = database
        self._clock = clock
        self.listeners: list[Callable[[], None]] = []

    def queue(self, message: AlertMessage) -> None:
        """Queue a message that changes no case, such as a test of all sinks."""
        with self._database.transaction() as connection:
            enqueue(connection, message, self._clock())
        self.notify()

    def subscribe(self, sinks: Iterable[str]) -> None:
        """Register sinks. A new one gets the messages of the cases open now, not all history."""
        with self._database.transaction() as connection:
            for name in sinks:
                _subscribe(connection, name, self._clock())

    def due(self, now_s: float, sink: str | None = None) -> list[DueMessage]:
        """Return deliveries to try at a UNIX time, oldest first: of each case only the oldest, to keep its order.

        A next attempt further away than the longest wait can only come from a clock that was set back: it is due.
        """
        with self._database.reading() as connection:
            rows = connection.execute(_DUE, (sink, now_s, now_s + LONGEST_WAIT_S, BATCH)).fetchall()
        return [
            DueMessage(r["id"], r["sink"], AlertMessage.from_json(r["body"]), r["attempts"], r["queued_s"])
            for r in rows
        ]

    def pending_count(self, sinks: Iterable[str]) -> int:
        """Count the deliveries to these sinks that are still to be made."""
        names = list(sinks)
        marks = ", ".join("?" * len(names))
        sql = f"SELECT count(*) FROM deliveries WHERE status = 'pending' AND sink IN ({marks})"
        with self._database.reading() as connection:
            return int(connection.execute(sql, names).fetchone()[0])

    def mark_delivered(self, delivery_id: int) -> None:
        """Mark a delivery as made."""
        with self._database.transaction() as connection:
            _finish(connection, delivery_id, "delivered", self._clock(), None)

    def mark_failed(self, delivery_id: int, error: str, next_try_s: float) -> None:
        """Record that a delivery failed, the error, and the UNIX time of the next attempt."""
        with self._database.transaction() as connection:
            connection.execute(
                "UPDATE deliveries SET attempts = attempts + 1, error = ?, next_try_s = ? WHERE id = ?",
                (error, next_try_s, delivery_id),
            )

    def mark_abandoned(self, due: DueMessage, error: str) -> None:
        """Give up a delivery after too many failures, and log an event about it."""
        self._fail_for_good(due, "abandoned", "message.abandoned", error)

    def mark_dead(self, due: DueMessage, error: str) -> None:
        """Keep a delivery that the sink has refused as a dead letter, and log an event about it."""
        self._fail_for_good(due, "dead", "message.dead-lettered", error)

    def _fail_for_good(self, due: DueMessage, status: DeliveryStatus, event: str, error: str) -> None:
        message = due.message
        detail = {"sink": due.sink, "message": message.id, "error": error}
        at = iso_utc(self._clock())
        case_id = message.case.id if message.case else None
        with self._database.transaction() as connection:
            _finish(connection, due.id, status, self._clock(), error)
            log_event(connection, EventRow(at, event, message.machine, case_id, detail))

    def notify(self) -> None:
        """Call all listeners; called after each commit that may have queued a message."""
        for listener in list(self.listeners):
            listener()


_DUE = """
    SELECT d.id, d.sink, d.attempts, o.queued_s, o.body
    FROM deliveries d JOIN outbox o ON o.id = d.outbox_id
    WHERE d.status = 'pending' AND (?1 IS NULL OR d.sink = ?1) AND (d.next_try_s <= ?2 OR d.next_try_s > ?3)
    AND NOT EXISTS (
        SELECT 1 FROM deliveries e
        WHERE e.status = 'pending' AND e.sink = d.sink AND e.lane = d.lane AND e.outbox_id < d.outbox_id)
    ORDER BY d.outbox_id LIMIT ?4"""


def enqueue(connection: sqlite3.Connection, message: AlertMessage, now_s: float) -> None:
    """Store a message, and a delivery of it for each known sink, inside the caller's transaction."""
    case_id = message.case.id if message.case else None
    row = connection.execute(
        "INSERT INTO outbox (message_id, case_id, queued_s, body) VALUES (?, ?, ?, ?)",
        (message.id, case_id, now_s, message.to_json()),
    )
    connection.execute(
        "INSERT INTO deliveries (outbox_id, sink, lane) SELECT ?, name, ? FROM sinks",
        (row.lastrowid, case_id or message.id),
    )


def _subscribe(connection: sqlite3.Connection, name: str, now_s: float) -> None:
    if connection.execute("INSERT OR IGNORE INTO sinks VALUES (?, ?)", (name, now_s)).rowcount:
        connection.execute(
            "INSERT INTO deliveries (outbox_id, sink, lane)"
            " SELECT outbox.id, ?, cases.id FROM outbox JOIN cases ON cases.id = outbox.case_id"
            " WHERE cases.state != ? ORDER BY outbox.id",
            (name, CaseState.CLOSED.value),
        )


def _finish(
    connection: sqlite3.Connection, delivery_id: int, status: DeliveryStatus, now_s: float, error: str | None
) -> None:
    connection.execute(
        "UPDATE deliveries SET status = ?, finished_s = ?, error = ? WHERE id = ? AND status = 'pending'",
        (status, now_s, error, delivery_id),
    )
