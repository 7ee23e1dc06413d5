"""Transactional outbox: each message is stored once, and once per sink as a delivery to be made.

``enqueue`` works inside the caller's transaction, so that a case and its message are committed together.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass

from anomaly.store.case import CaseState, iso_utc
from anomaly.store.database import Database
from anomaly.store.history import log_event
from anomaly.store.message import AlertMessage
from anomaly.store.repeated import repeated_after_repair
from anomaly.store.rows import DeliveryStatus, DueMessage, EventRow

# No wait between two attempts is longer: a sink that is back gets its messages within the hour.
LONGEST_WAIT_S = 3_600.0
# Deliveries read at once, about 100 kB of messages.
BATCH = 64
# Messages that are also kept in memory in case the database is lost: some 10 MB.
MAX_REMEMBERED = 4096
_MOMENT_S = 0.1
# A delivery is named by sink and message: its row may have another number after the database was replaced.
_OF_MESSAGE = "sink = ? AND outbox_id = (SELECT id FROM outbox WHERE message_id = ?) AND status = 'pending'"


@repeated_after_repair
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
        self._sinks: dict[str, None] = {}
        self._unconfirmed: dict[str, _Unconfirmed] = {}
        self._lock = threading.Lock()
        self._current = threading.local()
        database.rolled_back = self._forget_current

    def queue(self, message: AlertMessage) -> None:
        """Queue a message that changes no case, such as a test of all sinks."""
        with self._database.transaction() as connection:
            self.enqueue(connection, message)
        self.notify()

    def enqueue(self, connection: sqlite3.Connection, message: AlertMessage) -> None:
        """Queue a message inside the caller's transaction; ``notify`` is called after its commit."""
        enqueue(connection, message, self._clock())
        # Before the commit: a sink may confirm it at once.
        self._note(message, self._sinks)
        self._current.message = message

    def restore(self) -> None:
        """Queue again, in a database that has replaced another, what no sink has confirmed in this process.

        Deliveries that exist in the new one stay as they are.
        """
        self.subscribe(list(self._sinks))
        with self._lock:
            waiting = list(self._unconfirmed.values())
        with self._database.transaction() as connection:
            for one in waiting:
                _restore(connection, one, self._clock())
        self.notify()

    def subscribe(self, sinks: Iterable[str]) -> None:
        """Register sinks. A new one gets the messages of the cases open now, not all history."""
        names = list(sinks)
        self._sinks.update(dict.fromkeys(names))
        with self._database.transaction() as connection:
            for name in names:
                _subscribe(connection, name, self._clock())

    def due(self, now_s: float, sink: str | None = None, limit: int = BATCH) -> list[DueMessage]:
        """Return deliveries to try at a UNIX time, oldest first: of each case only the oldest, to keep its order.

        A next attempt further away than the longest wait can only come from a clock that was set back: it is due.
        """
        with self._database.reading() as connection:
            sql = _DUE.format(sink="1" if sink is None else "d.sink = :sink")
            values = {"sink": sink, "now": now_s, "too_far": now_s + LONGEST_WAIT_S, "limit": limit}
            rows = connection.execute(sql, values).fetchall()
        found = [
            DueMessage(r["id"], r["sink"], AlertMessage.from_json(r["body"]), r["attempts"], r["queued_s"])
            for r in rows
        ]
        for one in found:
            self._note(one.message, (one.sink,))
        return found

    def pending_count(self, sinks: Iterable[str]) -> int:
        """Count the deliveries to these sinks that are still to be made."""
        names = list(sinks)
        marks = ", ".join("?" * len(names))
        sql = f"SELECT count(*) FROM deliveries WHERE status = 'pending' AND sink IN ({marks})"
        with self._database.reading() as connection:
            return int(connection.execute(sql, names).fetchone()[0])

    def unconfirmed_count(self, sinks: Iterable[str]) -> int:
        """Count the deliveries to these sinks that this process knows of and that are still to be made."""
        names = set(sinks)
        with self._lock:
            return sum(len(names & one.sinks) for one in self._unconfirmed.values())

    def misses_deliveries(self) -> bool:
        """Return whether the database lacks deliveries that are still to be made: an index of it is damaged."""
        names = list(self._sinks)
        for _ in range(2):
            # A delivery that has just been marked is forgotten a moment later.
            if self.unconfirmed_count(names) <= self.pending_count(names):
                return False
            time.sleep(_MOMENT_S)
            self._forget_settled()
        return True

    def _forget_settled(self) -> None:
        """Forget what another process has settled: a person has dropped it."""
        with self._lock:
            known = list(self._unconfirmed)
        for message_id in known:
            with self._database.reading() as connection:
                rows = connection.execute(_SETTLED, (message_id,)).fetchall()
            for row in rows:
                self._settle(message_id, row["sink"])

    def mark_delivered(self, *made: DueMessage) -> None:
        """Mark deliveries as made, all or none.

        A power cut may lose the marks, and the messages are then repeated with their keys.
        """
        self._mark_settled(made, None)

    def mark_not_needed(self, skipped: Sequence[DueMessage], reason: str) -> None:
        """Mark deliveries as settled that nobody needs any more."""
        if skipped:
            self._mark_settled(skipped, reason)

    def _mark_settled(self, made: Sequence[DueMessage], note: str | None) -> None:
        with self._database.transaction(durable=False) as connection:
            for due in made:
                _finish(connection, due, "delivered", self._clock(), note)
        for due in made:
            self._settle(due.message.id, due.sink)

    def hold(self, held: Iterable[tuple[DueMessage, float]]) -> None:
        """Look at deliveries again at a UNIX time; that is no failed attempt."""
        later = list(held)
        if later:
            with self._database.transaction(durable=False) as connection:
                for due, until_s in later:
                    values = (until_s, due.sink, due.message.id)
                    connection.execute(f"UPDATE deliveries SET next_try_s = ? WHERE {_OF_MESSAGE}", values)

    def has_notified(self, sink: str, case_id: str) -> bool:
        """Return whether a sink has got a message of a case."""
        sql = (
            "SELECT 1 FROM deliveries WHERE lane = ? AND sink = ? AND status = 'delivered' AND error IS NULL"
        )
        with self._database.reading() as connection:
            return connection.execute(sql, (case_id, sink)).fetchone() is not None

    def mark_failed(self, due: DueMessage, error: str, next_try_s: float) -> None:
        """Record that a delivery failed, the error, and the UNIX time of the next attempt."""
        with self._database.transaction() as connection:
            connection.execute(
                f"UPDATE deliveries SET attempts = attempts + 1, error = ?, next_try_s = ? WHERE {_OF_MESSAGE}",
                (error, next_try_s, due.sink, due.message.id),
            )

    def retry_now(self, sink: str) -> None:
        """Let all deliveries to a sink be due now: it is back."""
        with self._database.transaction() as connection:
            connection.execute(
                "UPDATE deliveries SET next_try_s = 0 WHERE status = 'pending' AND sink = ? AND next_try_s > 0",
                (sink,),
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
            _finish(connection, due, status, self._clock(), error)
            log_event(connection, EventRow(at, event, message.machine, case_id, detail))
        self._settle(due.message.id, due.sink)

    def notify(self) -> None:
        """Call all listeners; called after each commit that may have queued a message."""
        self._current.message = None
        for listener in list(self.listeners):
            listener()

    def _forget_current(self) -> None:
        """Forget the message of a transaction that was not committed."""
        message: AlertMessage | None = getattr(self._current, "message", None)
        self._current.message = None
        if message is not None:
            with self._lock:
                self._unconfirmed.pop(message.id, None)

    def _note(self, message: AlertMessage, sinks: Collection[str]) -> None:
        with self._lock:
            if not sinks:
                return
            if message.id in self._unconfirmed or len(self._unconfirmed) < MAX_REMEMBERED:
                entry = self._unconfirmed.setdefault(message.id, _Unconfirmed(message, set()))
                entry.sinks.update(sinks)

    def _settle(self, message_id: str, sink: str) -> None:
        with self._lock:
            entry = self._unconfirmed.get(message_id)
            if entry is not None:
                entry.sinks.discard(sink)
                if not entry.sinks:
                    del self._unconfirmed[message_id]


@dataclass(frozen=True)
class _Unconfirmed:
    """Message that is kept in memory until each of these sinks has confirmed or refused it."""

    message: AlertMessage
    sinks: set[str]


_SETTLED = (
    "SELECT sink FROM deliveries JOIN outbox ON outbox.id = outbox_id"
    " WHERE message_id = ? AND status != 'pending'"
)
_DUE = """
    SELECT d.id, d.sink, d.attempts, o.queued_s, o.body
    FROM deliveries d JOIN outbox o ON o.id = d.outbox_id
    WHERE d.status = 'pending' AND {sink} AND (d.next_try_s <= :now OR d.next_try_s > :too_far)
    AND NOT EXISTS (
        SELECT 1 FROM deliveries e
        WHERE e.status = 'pending' AND e.sink = d.sink AND e.lane = d.lane AND e.outbox_id < d.outbox_id)
    ORDER BY d.outbox_id LIMIT :limit"""


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


def _restore(connection: sqlite3.Connection, lost: _Unconfirmed, now_s: float) -> None:
    message = lost.message
    case_id = message.case.id if message.case else None
    connection.execute(
        "INSERT OR IGNORE INTO outbox (message_id, case_id, queued_s, body) VALUES (?, ?, ?, ?)",
        (message.id, case_id, now_s, message.to_json()),
    )
    for sink in sorted(lost.sinks):
        connection.execute(
            "INSERT OR IGNORE INTO deliveries (outbox_id, sink, lane)"
            " SELECT id, ?, ? FROM outbox WHERE message_id = ?",
            (sink, case_id or message.id, message.id),
        )


def _subscribe(connection: sqlite3.Connection, name: str, now_s: float) -> None:
    if connection.execute("INSERT OR IGNORE INTO sinks VALUES (?, ?)", (name, now_s)).rowcount:
        connection.execute(
            "INSERT OR IGNORE INTO deliveries (outbox_id, sink, lane)"
            " SELECT outbox.id, ?, cases.id FROM outbox JOIN cases ON cases.id = outbox.case_id"
            " WHERE cases.state != ? ORDER BY outbox.id",
            (name, CaseState.CLOSED.value),
        )


def _finish(
    connection: sqlite3.Connection, due: DueMessage, status: DeliveryStatus, now_s: float, error: str | None
) -> None:
    connection.execute(
        f"UPDATE deliveries SET status = ?, finished_s = ?, error = ? WHERE {_OF_MESSAGE}",
        (status, now_s, error, due.sink, due.message.id),
    )
