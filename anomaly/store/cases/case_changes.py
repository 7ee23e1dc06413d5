"""Change of a case, committed together with its event and its message."""

from __future__ import annotations

import copy
import dataclasses
import sqlite3
from collections.abc import Callable, Mapping
from typing import Any, Self

from anomaly.store.cases import case_table
from anomaly.store.cases.answer_receipt import AnswerOrigin, find_receipt, require_new, store_receipt
from anomaly.store.cases.case import Case, iso_utc
from anomaly.store.cases.history import log_event
from anomaly.store.cases.maintenance import is_in_maintenance
from anomaly.store.database.database import Database
from anomaly.store.database.rows import EventRow
from anomaly.store.outbox.message import AlertMessage, MessageEvent
from anomaly.store.outbox.outbox_queue import OutboxQueue

# Messages of a case whose messages are held back that are sent all the same: its beginning and end, and the holding.
_ALWAYS_SENT = ("case.opened", "case.closed", "case.shelved", "case.unshelved")


class CaseChanges:
    """Base of all that changes cases.

    Args:
        database: the open database.
        outbox: notified after each commit that may have queued a message.
        clock: UNIX seconds.

    Attributes:
        asset: returns the facts of a machine that the site file holds; they are stored with its cases.
        planned: returns whether a machine is in planned maintenance at a UNIX time.
    """

    def __init__(self, database: Database, outbox: OutboxQueue, clock: Callable[[], float]) -> None:
        self.planned: Callable[[str, float], bool] = lambda _machine, _time_s: False
        self.asset: Callable[[str], Mapping[str, Any]] = lambda _: {}
        self._database = database
        self._outbox = outbox
        self._clock = clock
        self._origin: AnswerOrigin | None = None

    def answering(self, origin: AnswerOrigin) -> Self:
        """Return the same changes as an answer of another system: each at most once for a key.

        One that was accepted before raises ``AnswerRepeatedError`` and changes nothing. The history shows the system.

        Args:
            origin: the answer; one call of one method each.
        """
        bound = copy.copy(self)
        bound._origin = origin
        return bound

    def receipt(self) -> Mapping[str, Any] | None:
        """Return what was stored about the answer that these changes are made for; None if it was not accepted yet."""
        if self._origin is None:
            return None
        with self._database.reading() as connection:
            return find_receipt(connection, self._origin)

    def _is_in_maintenance(self, connection: sqlite3.Connection, machine: str) -> bool:
        now_s = self._clock()
        return self.planned(machine, now_s) or is_in_maintenance(connection, machine, now_s)

    def _with_asset(self, case: Case) -> Case:
        facts = self.asset(case.machine)
        return dataclasses.replace(case, asset=facts) if facts else case

    def _now(self) -> str:
        return iso_utc(self._clock())

    def _change(
        self,
        case_id: str,
        change: Callable[[Case], Case],
        event: MessageEvent,
        message: AlertMessage | None,
        detail: Mapping[str, Any],
        *,
        unchanged: bool = False,
        beside: str | None = None,
    ) -> Case:
        """Change a case and record that; one that stays the same is recorded only if ``unchanged`` says so."""
        origin = self._origin
        if origin is not None:
            detail = {**detail, "system": origin.system, "way": origin.way}
        with self._database.transaction() as connection:
            if origin is not None:
                require_new(connection, origin)
            old = case_table.find(connection, case_id)
            new = change(old)
            changed = new != old or unchanged
            if origin is not None:
                store_receipt(connection, origin, new, self._now(), changed=changed)
            if not changed:
                return old
            case_table.save(connection, new)
            ended = old.is_open and not new.is_open
            self._record(connection, new, "case.closed" if ended else event, message, detail)
            if beside is not None:
                log_event(connection, EventRow(self._now(), beside, new.machine, new.id, detail))
        self._outbox.notify()
        return new

    def _escalated(
        self, connection: sqlite3.Connection, old: Case, new: Case, message: AlertMessage | None
    ) -> None:
        detail = {"change": "severity", "from": old.severity, "to": new.severity}
        self._record(connection, new, "case.escalated", message, detail)

    def _record(
        self,
        connection: sqlite3.Connection,
        case: Case,
        event: MessageEvent,
        message: AlertMessage | None,
        detail: Mapping[str, Any] | None = None,
    ) -> None:
        """Log an event of a case and queue its message, unless the case is shelved."""
        told = dict(detail or {})
        base = message or AlertMessage(event, case.machine, self._now())
        sent = dataclasses.replace(
            base,
            event=event,
            machine=case.machine,
            case=case,
            change=told.get("change"),
            by=told.get("by"),
            note=told.get("note") or None,
            via=told.get("system"),
        )
        log_event(connection, EventRow(sent.time, event, case.machine, case.id, told))
        held = case.is_shelved(self._now()) or self._is_in_maintenance(connection, case.machine)
        if event in _ALWAYS_SENT or not held:
            self._outbox.enqueue(connection, sent)
