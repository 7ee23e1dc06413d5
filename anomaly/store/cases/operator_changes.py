"""Changes of cases by people: acknowledge, shelve, assign, comment, close."""

from __future__ import annotations

from typing import Any

from anomaly.errors import UsageError
from anomaly.fault_families import checked_finding
from anomaly.store.cases.case import Case, CaseState, iso_utc
from anomaly.store.cases.case_changes import CaseChanges
from anomaly.store.database.repeated import repeated_after_repair
from anomaly.store.outbox.message import AlertMessage

# ISA-18.2 asks for a time limit on shelving: an alarm must not stay suppressed unnoticed.
MAX_SHELVED_S = 30 * 86_400.0
REBASELINED = "machine.rebaselined"
"""Event of a machine whose normal sound is another one from then on, such as after a repair."""


@repeated_after_repair
class OperatorChanges(CaseChanges):
    """Changes that a person makes, each with that person's name and a note."""

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
        only_open: bool = False,
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
            only_open: refuse a case that is closed already.

        Raises:
            UsageError: there is no such case, or no such finding.
            InputError: it is closed, and ``only_open`` is set.
        """
        at, found = self._now(), None if finding is None else checked_finding(finding)
        said = {"finding": found, "action": action or None}
        detail = _origin(by, note) | {name: value for name, value in said.items() if value}

        def change(old: Case) -> Case:
            if only_open:
                old.require_open("closed again")
            return old.closed(at, found, action)

        return self._change(
            case_id,
            change,
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

    def report_work(
        self,
        case_id: str,
        action: str,
        by: str,
        *,
        note: str = "",
        finding: str | None = None,
        order: str = "",
    ) -> Case:
        """Record what was done about a case, also about a closed one; it stays in its state.

        Args:
            case_id: the case.
            action: what was done.
            by: person who reports it.
            note: more about it.
            finding: cause that was found, one of ``FINDINGS``.
            order: number of the work order.

        Raises:
            UsageError: there is no such case, no such finding, or the action is empty.
        """
        if not action.strip():
            raise UsageError("the action is empty", where=f"case {case_id}", hint="say what was done")
        found = None if finding is None else checked_finding(finding)
        said = {"finding": found, "action": action.strip(), "order": order.strip()}
        detail = _origin(by, note) | {name: value for name, value in said.items() if value}

        def change(old: Case) -> Case:
            return old.with_work(action.strip(), found)

        return self._change(case_id, change, "case.work-reported", None, detail, unchanged=True)


def _origin(by: str | None, note: str) -> dict[str, Any]:
    return {"by": by, "note": note} if by or note else {}
