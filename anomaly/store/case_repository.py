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
from anomaly.fault_families import checked_finding
from anomaly.store import case_table
from anomaly.store.case import Case, CaseState, iso_utc
from anomaly.store.database import Database
from anomaly.store.history import log_event
from anomaly.store.message import AlertMessage, MessageEvent
from anomaly.store.outbox_queue import OutboxQueue
from anomaly.store.repeated import repeated_after_repair
from anomaly.store.rows import EventRow

# ISA-18.2 asks for a time limit on shelving: an alarm must not stay suppressed unnoticed.
MAX_SHELVED_S = 30 * 86_400.0
# Messages of a shelved case that are sent all the same: its beginning and end, and those of the shelving.
_ALWAYS_SENT = ("case.opened", "case.closed", "case.shelved", "case.unshelved")
REBASELINED = "machine.rebaselined"
"""Event of a machine whose normal sound is another one from then on, such as after a repair."""


@repeated_after_repair
class CaseRepository:
    """Opens, changes and lists cases; part of ``Store``.

    Args:
        database: the open database.
        outbox: notified after each commit that may have queued a message.
        clock: UNIX seconds.

    Attributes:
        asset: returns the facts of a machine that the site file holds; they are stored with its cases.
    """

    def __init__(self, database: Database, outbox: OutboxQueue, clock: Callable[[], float]) -> None:
        self.asset: Callable[[str], Mapping[str, Any]] = lambda _: {}
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
        case = self._with_asset(case)
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
                self._record(connection, new, "case.escalated", message, {"change": "again"})
            elif new.severity > old.severity:
                self._escalated(connection, old, new, message)
        self._outbox.notify()
        return new

    def update(self, case: Case, message: AlertMessage | None = None) -> Case:
        """Store newer measurements of an open case (peak, smallest p-value, summary, evidence, severity).

        The state and what operators did to the case stay as stored. Only a higher severity is an event, and sends
        the message. A case that was lost with a damaged database is stored anew.

        Returns:
            The case as stored now; it may have been closed meanwhile.
        """
        case = self._with_asset(case)
        with self._database.transaction() as connection:
            old = case_table.get(connection, case.id) or case
            if not old.is_open:
                return old
            new = old.merged(case)
            case_table.save(connection, new)
            if new.severity > old.severity:
                self._escalated(connection, old, new, message)
        self._outbox.notify()
        return new

    def mark_returned(self, case_id: str, message: AlertMessage | None = None) -> Case:
        """Record that the sound is normal again: closed if acknowledged, else waiting for that."""
        at = self._now()
        return self._change(
            case_id, lambda old: old.returned(at), "case.returned", message, {"change": "returned"}
        )

    def close(
        self,
        case_id: str,
        message: AlertMessage | None = None,
        *,
        by: str | None = None,
        note: str = "",
        finding: str | None = None,
        action: str | None = None,
        rebaseline: bool = False,
    ) -> Case:
        """End a case in any state: by an operator, or by the monitor when a microphone works again.

        Args:
            case_id: the case.
            message: measurements to send.
            by: person who closes it.
            note: why.
            finding: cause that was found, one of ``FINDINGS``.
            action: what was done about it.
            rebaseline: the machine sounds different from now on; a ``machine.rebaselined`` event says so.

        Raises:
            UsageError: there is no such case, or no such finding.
        """
        at, found = self._now(), None if finding is None else checked_finding(finding)
        said = {"finding": found, "action": action or None}
        detail = _origin(by, note) | {name: value for name, value in said.items() if value}
        return self._change(
            case_id,
            lambda old: old.closed(at, found, action),
            "case.closed",
            message,
            detail,
            beside=REBASELINED if rebaseline else None,
        )

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

    def shelve(self, case_id: str, for_s: float, by: str, note: str = "") -> Case:
        """Hold back the messages about a case for some seconds, 0 to end that; its closing is still sent.

        Raises:
            UsageError: there is no such case, or the time is longer than 30 days.
            InputError: it is closed.
        """
        if for_s == 0:
            return self.unshelve(case_id, by, note)
        if not 0 < for_s <= MAX_SHELVED_S:
            raise UsageError(
                f"a case cannot be shelved for {for_s / 86_400:g} days",
                hint=f"at most {MAX_SHELVED_S / 86_400:g} days: a case that is shelved for ever hides the next fault",
            )
        until = iso_utc(self._clock() + for_s)
        detail = _origin(by, note) | {"until": until}
        return self._change(case_id, lambda old: old.shelved(until), "case.shelved", None, detail)

    def unshelve(self, case_id: str, by: str, note: str = "") -> Case:
        """Send the messages about a case again.

        Raises:
            UsageError: there is no such case.
            InputError: it is closed.
        """
        return self._change(case_id, lambda old: old.shelved(None), "case.unshelved", None, _origin(by, note))

    def end_shelving(self) -> list[Case]:
        """Unshelve the open cases whose time is over, and so notify again; return them."""
        at = self._now()

        def change(old: Case) -> Case:
            over = old.is_open and old.silenced_until is not None and not old.is_shelved(at)
            return old.shelved(None) if over else old

        over = [case for case in self.select(open_only=True) if change(case) != case]
        return [self._change(case.id, change, "case.unshelved", None, {"change": "expired"}) for case in over]

    def assign(self, case_id: str, to: str, by: str, note: str = "") -> Case:
        """Record who sees to a case; "" for nobody.

        Raises:
            UsageError: there is no such case.
            InputError: it is closed.
        """
        name = to.strip() or None
        detail = {"to": name} | _origin(by, note)
        return self._change(case_id, lambda old: old.assigned(name), "case.assigned", None, detail)

    def comment(self, case_id: str, text: str, by: str) -> Case:
        """Add a comment to the history of a case, also of a closed one.

        Raises:
            UsageError: there is no such case, or the comment is empty.
        """
        if not text.strip():
            raise UsageError("the comment is empty", where=f"case {case_id}", hint="write it after the case")
        detail = _origin(by, text.strip())
        return self._change(case_id, lambda old: old, "case.commented", None, detail, unchanged=True)

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
        with self._database.transaction() as connection:
            old = case_table.find(connection, case_id)
            new = change(old)
            if new == old and not unchanged:
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
        )
        log_event(connection, EventRow(sent.time, event, case.machine, case.id, told))
        if event in _ALWAYS_SENT or not case.is_shelved(self._now()):
            self._outbox.enqueue(connection, sent)


def _origin(by: str | None, note: str) -> dict[str, Any]:
    return {"by": by, "note": note} if by or note else {}
