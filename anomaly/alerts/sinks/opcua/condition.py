"""State of one OPC UA condition, from the case of a machine or of its microphone.

Each machine has two conditions, one for each kind of case. Source: OPC 10000-9, "Alarms and Conditions".
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import NamedTuple

from anomaly.store.cases.case import CRITICALITIES, SEVERITIES, Case, CaseKind, CaseState, iso_utc, unix_s

_MOST_URGENT = len(SEVERITIES) * len(CRITICALITIES)
_MOST_SEVERE = 1000
# Bytes of an identifier of 32 hex digits.
_ID_BYTES = 16
_ACTIVE = (CaseState.ACTIVE_UNACKNOWLEDGED, CaseState.ACTIVE_ACKNOWLEDGED)
_ACKNOWLEDGED = (CaseState.ACTIVE_ACKNOWLEDGED, CaseState.CLOSED)


class ConditionKey(NamedTuple):
    """Part of a condition that clients can see, apart from words and times."""

    case_id: str
    active: bool
    acknowledged: bool
    suppressed: bool
    severity: int


@dataclass(frozen=True, slots=True)
class ConditionState:
    """State of a condition as its newest event shows it.

    Args:
        machine: its machine.
        kind: of its cases.
        key: what clients see of it.
        opened_s: UNIX time at which the case opened.
        time_s: UNIX time of the state.
        event_id: of the event that brought it.
        text: one sentence.
        comment: newest comment.
        user: who made it.
    """

    machine: str
    kind: CaseKind
    key: ConditionKey
    opened_s: float
    time_s: float
    event_id: bytes
    text: str
    comment: str = ""
    user: str = ""

    @property
    def retain(self) -> bool:
        """True while the condition is of interest: it is active, or nobody has acknowledged it."""
        return self.key.active or not self.key.acknowledged

    def follows(self, other: ConditionState | None) -> bool:
        """Return whether this state is at least as new as another of the same condition."""
        if other is None or self.key == other.key:
            return True
        if self.key.case_id != other.key.case_id:
            return self.opened_s >= other.opened_s
        return self.time_s >= other.time_s

    def with_comment_of(self, other: ConditionState | None) -> ConditionState:
        """Return this state with the comment of an earlier one of the same case, unless it has one of its own."""
        if other is None or self.comment or other.key.case_id != self.key.case_id:
            return self
        return replace(self, comment=other.comment, user=other.user)

    def ended(self, now_s: float, text: str) -> ConditionState:
        """Return the state after the case was closed without a message."""
        key = self.key._replace(active=False, acknowledged=True, suppressed=False)
        return replace(self, key=key, time_s=now_s, text=text, event_id=state_event_id(key))


def condition_key(case: Case, now_s: float) -> ConditionKey:
    """Return the part of a case that clients can see."""
    return ConditionKey(
        case.id,
        active=case.state in _ACTIVE,
        acknowledged=case.state in _ACKNOWLEDGED,
        suppressed=case.is_open and case.is_shelved(iso_utc(now_s)),
        severity=max(1, round(case.urgency * _MOST_SEVERE / _MOST_URGENT)),
    )


def condition_state(
    case: Case, text: str, time_s: float, event_id: bytes | None = None, comment: str = "", user: str = ""
) -> ConditionState:
    """Return the state of a case's condition.

    Args:
        case: as it stands.
        text: one sentence.
        time_s: UNIX time of the state.
        event_id: of its event; by default one that follows from the state.
        comment: of a person.
        user: that person.
    """
    key = condition_key(case, time_s)
    found = state_event_id(key) if event_id is None else event_id
    return ConditionState(
        case.machine, case.kind, key, unix_s(case.opened_at), time_s, found, text, comment, user
    )


def message_event_id(message_id: str, case_id: str) -> bytes:
    """Return the EventId of a message about a case: the 16 bytes of each identifier.

    It is the same for all repetitions of the message, also after a restart, and shows which case a client means.
    """
    return _id_bytes(message_id) + _id_bytes(case_id)


def state_event_id(key: ConditionKey) -> bytes:
    """Return the EventId of a state that came without a message, such as that of an open case after a restart."""
    mark = hashlib.sha256("/".join(map(str, key)).encode()).digest()[:_ID_BYTES]
    return mark + _id_bytes(key.case_id)


def is_event_of(event_id: bytes, case_id: str) -> bool:
    """Return whether an EventId is one of a case."""
    return len(event_id) == 2 * _ID_BYTES and event_id[_ID_BYTES:] == _id_bytes(case_id)


def message_id_of(event_id: bytes) -> str:
    """Return the identifier of the message whose event it is, as 32 hex digits."""
    return event_id[:_ID_BYTES].hex()


def _id_bytes(identifier: str) -> bytes:
    try:
        found = bytes.fromhex(identifier)
    except ValueError:
        found = b""
    return found if len(found) == _ID_BYTES else hashlib.sha256(identifier.encode()).digest()[:_ID_BYTES]
