"""Cases of a site and every change to them, each committed together with its event and its message.

Nothing is sent that was not stored, and nothing that is to be sent is lost. A method that changes a case
reads it again inside its transaction, so that the monitor and an operator at another terminal never
overwrite each other's changes.
"""

from __future__ import annotations

import dataclasses
import sqlite3
from collections.abc import Callable, Mapping
from typing import Any

from anomaly.errors import UsageError
from anomaly.store import case_table
from anomaly.store.case import Case, CaseState, iso_utc
from anomaly.store.database import Database
from anomaly.store.history import log_event
from anomaly.store.message import AlertMessage, MessageEvent
from anomaly.store.outbox_queue import OutboxQueue
from anomaly.store.repeated import repeated_after_repair
from anomaly.store.rows import EventRow

# ISA-18.2 asks for a time limit on shelving: an alarm must not stay suppressed unnoticed.
MAX_SILENCE_S = 30 * 86_400.0


@repeated_after_repair
class CaseRepository:
    """Opens, changes and lists cases; part of ``Store``.

    Args:
        database: the open database.
        outbox: notified after each commit that may have queued a message.
        clock: UNIX seconds.
    """

    def __init__(self, database: Database, outbox: OutboxQueue, clock: Callable[[], float]) -> None:
        self._database = database
        self._outbox = outbox
        self._clock = clock

    def open(self, case: Case, message: AlertMessage | None = None) -> Case | None:
        """Open a case and queue the message about it, both or neither.

        Repeating the call while the alarm lasts, or after a crash, is harmless.

        Returns:
            The case that is open now: ``case``; or the one of its kind that was open already, active
            again if it had returned; or None where an open sensor case inhibits a machine case.
        """
        with self._database.transaction() as connection:
            present = case_table.open_by_kind(connection, case.machine)
            old = present.get(case.kind)
            if old is None and "sensor" in present:
                return None
            new = case if old is None else old.merged(case).again()
            case_table.save(connection, new)
            if old is None:
                self._record(connection, new, "case.opened", message)
            elif new.state != old.state:
                self._record(connection, new, "case.updated", message, {"change": "again"})
        self._outbox.notify()
        return new

    def update(self, case: Case, message: AlertMessage | None = None) -> Case:
        """Store newer measurements of an open case (peak, smallest p-value, summary, evidence).

        The state and what operators did to the case stay as stored. An event is logged only if there is a
        message. A case that was lost with a damaged database is stored anew.

        Returns:
            The case as stored now; it may have been closed meanwhile.
        """
        with self._database.transaction() as connection:
            old = case_table.get(connection, case.id) or case
            if not old.is_open:
                return old
            new = old.merged(case)
            case_table.save(connection, new)
            if message is not None:
                self._record(connection, new, "case.updated", message)
        self._outbox.notify()
        return new

    def mark_returned(self, case_id: str, message: AlertMessage | None = None) -> Case:
        """Record that the sound is normal again: closed if acknowledged, else waiting for that."""
        at = self._now()
        return self._change(
            case_id, lambda old: old.returned(at), "case.updated", message, {"change": "returned"}
        )

    def close(
        self, case_id: str, message: AlertMessage | None = None, *, by: str | None = None, note: str = ""
    ) -> Case:
        """End a case in any state: by an operator, or by the monitor when a microphone works again."""
        at = self._now()
        return self._change(case_id, lambda old: old.closed(at), "case.closed", message, _origin(by, note))

    def acknowledge(self, case_id: str, by: str, note: str = "") -> Case:
        """Record that an operator knows of a case; one whose sound is normal again is closed.

        Raises:
            UsageError: there is no such case.
            InputError: it is closed.
        """
        at = self._now()

        def change(old: Case) -> Case:
            return old if old.state == CaseState.ACTIVE_ACKNOWLEDGED else old.acknowledged(by, at)

        return self._change(case_id, change, "case.acknowledged", None, _origin(by, note))

    def silence(self, case_id: str, for_s: float, by: str, note: str = "") -> Case:
        """Hold back the messages about a case for some seconds, 0 to end that; its closing is still sent.

        Raises:
            UsageError: there is no such case, or the time is longer than 30 days.
            InputError: it is closed.
        """
        if not 0 <= for_s <= MAX_SILENCE_S:
            raise UsageError(
                f"a case cannot be silenced for {for_s / 86_400:g} days",
                hint=f"at most {MAX_SILENCE_S / 86_400:g} days: an endless silence hides the next fault",
            )
        until = iso_utc(self._clock() + for_s)
        detail = _origin(by, note) | {"change": "silenced", "until": until}
        return self._change(
            case_id, lambda old: old.silenced(until), "case.updated", None, detail, always=True
        )

    def select(self, *, open_only: bool = False, machine: str | None = None) -> list[Case]:
        """Return cases, newest first."""
        with self._database.reading() as connection:
            return case_table.select(connection, open_only=open_only, machine=machine)

    def get(self, case_id: str) -> Case | None:
        """Return the case with exactly this identifier as stored now, or None."""
        with self._database.reading() as connection:
            return case_table.get(connection, case_id)

    def find(self, case_id: str) -> Case:
        """Return one case by its identifier, or by its first digits if they are unambiguous.

        Raises:
            UsageError: no case begins with these digits, or several do.
        """
        with self._database.reading() as connection:
            return case_table.find(connection, case_id)

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
        always: bool = False,
    ) -> Case:
        with self._database.transaction() as connection:
            old = case_table.find(connection, case_id)
            new = change(old)
            if new == old:
                return old
            case_table.save(connection, new)
            emitted: MessageEvent = event if new.is_open else "case.closed"
            self._record(connection, new, emitted, message, detail, always=always)
        self._outbox.notify()
        return new

    def _record(
        self,
        connection: sqlite3.Connection,
        case: Case,
        event: MessageEvent,
        message: AlertMessage | None,
        detail: Mapping[str, Any] | None = None,
        *,
        always: bool = False,
    ) -> None:
        """Log an event of a case and queue its message, unless the case is silenced."""
        base = message or AlertMessage(event, case.machine, self._now())
        sent = dataclasses.replace(base, event=event, machine=case.machine, case=case)
        log_event(connection, EventRow(sent.time, event, case.machine, case.id, detail or {}))
        if always or event in ("case.opened", "case.closed") or not case.is_silenced(self._now()):
            self._outbox.enqueue(connection, sent)


def _origin(by: str | None, note: str) -> dict[str, Any]:
    return {"by": by, "note": note} if by or note else {}
