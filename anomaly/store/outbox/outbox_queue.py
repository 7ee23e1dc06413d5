"""Transactional outbox: each message is stored once, and once per sink as a delivery to be made.

``enqueue`` works inside the caller's transaction, so that a case and its message are committed together.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from anomaly.store.cases.case import iso_utc
from anomaly.store.cases.history import log_event
from anomaly.store.database.database import Database
from anomaly.store.database.repeated import repeated_after_repair
from anomaly.store.database.rows import DeliveryStatus, DueMessage, EventRow
from anomaly.store.outbox import delivery_table
from anomaly.store.outbox.delivery_table import BATCH
from anomaly.store.outbox.message import AlertMessage
from anomaly.store.recovery.unconfirmed import UnconfirmedMessages

_MOMENT_S = 0.1


@repeated_after_repair
class OutboxQueue:
    """Outgoing messages of a site; part of ``Store``.

    Args:
        database: the open database.
        clock: UNIX seconds.
        copies: folder for a second copy of each message that no sink has confirmed; None for none.

    Attributes:
        listeners: called, without arguments, after each commit that may have queued a message.
    """

    def __init__(
        self, database: Database, clock: Callable[[], float] = time.time, copies: Path | None = None
    ) -> None:
        self._database = database
        self._clock = clock
        self.listeners: list[Callable[[], None]] = []
        self._sinks: dict[str, None] = {}
        self._unconfirmed = UnconfirmedMessages(copies)
        self._current = threading.local()
        database.rolled_back = self._forget_current

    def queue(self, message: AlertMessage) -> None:
        """Queue a message that changes no case, such as a test of all sinks."""
        with self._database.transaction() as connection:
            self.enqueue(connection, message)
        self.notify()

    def enqueue(self, connection: sqlite3.Connection, message: AlertMessage) -> None:
        """Queue a message inside the caller's transaction; ``notify`` is called after its commit."""
        now_s = self._clock()
        delivery_table.enqueue(connection, message, now_s)
        # Before the commit: a sink may confirm it at once.
        self._unconfirmed.note(message, now_s, self._sinks)
        self._current.messages = [*self._take_current(), message]

    def recall(self) -> None:
        """Take up the messages that an earlier process has left unconfirmed, and queue again what the database lost."""
        for one in self._unconfirmed.left_by_others():
            with self._database.reading() as connection:
                settled = delivery_table.settled_sinks(connection, one.message.id)
            if one.sinks - settled:
                self._unconfirmed.note(one.message, one.queued_s, one.sinks - settled)
            else:
                self._unconfirmed.settle(one.message.id, "")
        self._unconfirmed.write_missing()
        self.restore()

    def restore(self) -> None:
        """Queue again, in a database that has replaced another, what no sink has confirmed.

        Deliveries that exist in the new one stay as they are; those that it knows as settled are forgotten.
        """
        self.subscribe(list(self._sinks))
        settled: list[tuple[str, str]] = []
        with self._database.transaction() as connection:
            for one in self._unconfirmed.all():
                delivery_table.restore(connection, one)
                settled += [
                    (one.message.id, s) for s in delivery_table.settled_sinks(connection, one.message.id)
                ]
        for message_id, sink in settled:
            self._unconfirmed.settle(message_id, sink)
        self.notify()

    def subscribe(self, sinks: Iterable[str]) -> None:
        """Register sinks. A new one gets the messages of the cases open now, not all history."""
        names = list(sinks)
        self._sinks.update(dict.fromkeys(names))
        with self._database.transaction() as connection:
            for name in names:
                delivery_table.subscribe(connection, name, self._clock())

    def due(self, now_s: float, sink: str | None = None, limit: int = BATCH) -> list[DueMessage]:
        """Return deliveries to try at a UNIX time, oldest first: of each case only the oldest, to keep its order.

        A next attempt further away than the longest wait can only come from a clock that was set back: it is due.
        """
        with self._database.reading() as connection:
            found = delivery_table.due(connection, sink, now_s, limit)
        for one in found:
            self._unconfirmed.note(one.message, one.queued_s, (one.sink,))
            self._unconfirmed.write(one.message.id)
        return found

    def pending_count(self, sinks: Iterable[str]) -> int:
        """Count the deliveries to these sinks that are still to be made."""
        with self._database.reading() as connection:
            return len(delivery_table.pending(connection, sinks))

    def unconfirmed_count(self, sinks: Iterable[str]) -> int:
        """Count the deliveries to these sinks that this process knows of and that are still to be made."""
        return len(self._unconfirmed.pairs(sinks))

    def misses_deliveries(self) -> bool:
        """Return whether the database lacks deliveries that are still to be made: a page of it is damaged."""
        for _ in range(2):
            with self._database.reading_anew() as connection:
                known = delivery_table.pending(connection, self._sinks)
            # A delivery that has just been marked is forgotten a moment later.
            if self._unconfirmed.pairs(self._sinks) <= known:
                return False
            time.sleep(_MOMENT_S)
            self._forget_settled()
        return True

    def _forget_settled(self) -> None:
        """Forget what another process has settled: a person has dropped it."""
        for one in self._unconfirmed.all():
            with self._database.reading() as connection:
                settled = delivery_table.settled_sinks(connection, one.message.id)
            for sink in settled:
                self._unconfirmed.settle(one.message.id, sink)

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
                delivery_table.finish(connection, due, "delivered", self._clock(), note)
        for due in made:
            self._unconfirmed.settle(due.message.id, due.sink)

    def hold(self, held: Iterable[tuple[DueMessage, float]]) -> None:
        """Look at deliveries again at a UNIX time; that is no failed attempt."""
        later = list(held)
        if later:
            with self._database.transaction(durable=False) as connection:
                for due, until_s in later:
                    delivery_table.mark(connection, due, "next_try_s = ?", (until_s,))

    def has_notified(self, sink: str, case_id: str) -> bool:
        """Return whether a sink has got a message of a case."""
        sql = (
            "SELECT 1 FROM deliveries WHERE lane = ? AND sink = ? AND status = 'delivered' AND error IS NULL"
        )
        with self._database.reading() as connection:
            return connection.execute(sql, (case_id, sink)).fetchone() is not None

    def last_sent_s(self, sink: str, machine: str) -> float | None:
        """Return the UNIX time at which a sink has last confirmed a message about a machine's cases; None if never."""
        sql = (
            "SELECT max(finished_s) FROM deliveries WHERE sink = ? AND status = 'delivered' AND error IS NULL"
            " AND lane IN (SELECT id FROM cases WHERE machine = ?)"
        )
        with self._database.reading() as connection:
            found = connection.execute(sql, (sink, machine)).fetchone()[0]
        return None if found is None else float(found)

    def mark_failed(self, due: DueMessage, error: str, next_try_s: float) -> None:
        """Record that a delivery failed, the error, and the UNIX time of the next attempt."""
        with self._database.transaction() as connection:
            change = "attempts = attempts + 1, error = ?, next_try_s = ?"
            delivery_table.mark(connection, due, change, (error, next_try_s))

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
            delivery_table.finish(connection, due, status, self._clock(), error)
            log_event(connection, EventRow(at, event, message.machine, case_id, detail))
        self._unconfirmed.settle(due.message.id, due.sink)

    def notify(self) -> None:
        """Call all listeners; called after each commit that may have queued a message."""
        for message in self._take_current():
            self._unconfirmed.write(message.id)
        for listener in list(self.listeners):
            listener()

    def _forget_current(self) -> None:
        """Forget the messages of a transaction that was not committed."""
        for message in self._take_current():
            self._unconfirmed.forget(message.id)

    def _take_current(self) -> list[AlertMessage]:
        """Return the messages that this thread's transaction has queued, once."""
        found: list[AlertMessage] = getattr(self._current, "messages", [])
        self._current.messages = []
        return found
