"""Cases of a site and every change to them, each committed together with its event and its message.

Nothing is sent that was not stored, and nothing that is to be sent is lost. A method that changes a case
reads it again inside its transaction, so that the monitor and an operator at another terminal never
overwrite each other's changes.
"""

from __future__ import annotations

import dataclasses
import sqlite3
from collections.abc import Mapping
from typing import Any

from anomaly.store.cases import case_table
from anomaly.store.cases.case import EXPLANATION, Case
from anomaly.store.cases.operator_changes import OperatorChanges
from anomaly.store.database.repeated import repeated_after_repair
from anomaly.store.outbox.message import AlertMessage


@repeated_after_repair
class CaseRepository(OperatorChanges):
    """Opens, changes and lists cases; part of ``Store``.

    Arguments and attributes are those of ``CaseChanges``.
    """

    def open(self, case: Case, message: AlertMessage | None = None) -> Case | None:
        """Open a case and queue the message about it, both or neither.

        Repeating the call while the alarm lasts, or after a crash, is harmless.

        Returns:
            The case that is open now: ``case``; or the one of its kind that was open already, active
            again if it had returned; or None where an open sensor case inhibits a machine case, or the machine is in
            maintenance.
        """
        case = self._with_asset(case)
        with self._database.transaction() as connection:
            present = case_table.open_by_kind(connection, case.machine)
            old = present.get(case.kind)
            if old is None and ("sensor" in present or self._is_in_maintenance(connection, case.machine)):
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
            old = case_table.get(connection, case.id)
            if old is None:
                # Nobody knows which severity was notified.
                old = dataclasses.replace(case, severity=1)
                self._close_older(connection, case)
            if not old.is_open:
                return old
            new = old.merged(case)
            case_table.save(connection, new)
            if new.severity > old.severity:
                self._escalated(connection, old, new, message)
        self._outbox.notify()
        return new

    def explain(self, case_id: str, explanation: Mapping[str, Any]) -> None:
        """Add an explanation of the sound to the evidence of a case; nothing happens if the case is gone."""
        with self._database.transaction() as connection:
            old = case_table.get(connection, case_id)
            if old is not None:
                evidence = {**old.evidence, EXPLANATION: dict(explanation)}
                case_table.save(connection, dataclasses.replace(old, evidence=evidence))

    def mark_returned(self, case_id: str, message: AlertMessage | None = None) -> Case:
        """Record that the sound is normal again: closed if acknowledged, else waiting for that."""
        at = self._now()
        return self._change(
            case_id, lambda old: old.returned(at), "case.returned", message, {"change": "returned"}
        )

    def end_shelving(self) -> list[Case]:
        """Unshelve the open cases whose time is over, and so notify again; return them."""
        at = self._now()

        def change(old: Case) -> Case:
            over = old.is_open and old.silenced_until is not None and not old.is_shelved(at)
            return old.shelved(None) if over else old

        over = [case for case in self.select(open_only=True) if change(case) != case]
        return [self._change(case.id, change, "case.unshelved", None, {"change": "expired"}) for case in over]

    def notify_again(self, machine: str) -> list[Case]:
        """Send the state of the open cases of a machine whose maintenance has ended; return them."""
        return [
            self._change(
                case.id, lambda old: old, "case.unshelved", None, {"change": "maintenance"}, unchanged=True
            )
            for case in self.select(open_only=True, machine=machine)
            if not case.is_shelved(self._now())
        ]

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

    def _close_older(self, connection: sqlite3.Connection, case: Case) -> None:
        """Close a case that is open in a database which has lost its end, together with the case that followed it."""
        older = case_table.open_by_kind(connection, case.machine).get(case.kind)
        if older is not None and case.is_open:
            over = older.closed(case.opened_at)
            case_table.save(connection, over)
            self._record(connection, over, "case.closed", None)
