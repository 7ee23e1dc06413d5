"""The plain rows of the store: a second's score, an event, a delivery that is due."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from anomaly.alerts.message import AlertMessage


@dataclass(frozen=True, slots=True)
class ScoreRow:
    """The result of one second of sound.

    Args:
        machine: whose sound it is.
        time_s: UNIX seconds (UTC) at the second's end.
        second: its index on the sample clock, since the start of the sound.
        score: the machine's score; none where there is none, as in a gap.
        p_value: its tail probability on held-out normal sound.
        state: the machine's state, such as OK, WATCH or ALARM.
    """

    machine: str
    time_s: float
    second: int
    score: float | None
    p_value: float | None
    state: str


@dataclass(frozen=True, slots=True)
class EventRow:
    """Something that happened: a change of state, an acknowledgement, a damaged file.

    Args:
        time: UTC, ISO 8601.
        event: a stable name with a dot, such as ``case.opened``.
        machine: whose event it is, if it is a machine's.
        case_id: which case it belongs to, if any.
        detail: JSON: who, why, from what to what.
    """

    time: str
    event: str
    machine: str | None
    case_id: str | None
    detail: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class DueMessage:
    """One message that one sink should get now.

    Args:
        id: the delivery, for ``Store.delivered`` and ``Store.failed``.
        sink: the sink's name.
        message: what to deliver.
        attempts: how often that has failed so far.
        queued_s: UNIX seconds at which it was stored.
    """

    id: int
    sink: str
    message: AlertMessage
    attempts: int
    queued_s: float
