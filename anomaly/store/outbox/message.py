"""Alert message: one JSON object, the same for every sink."""

from __future__ import annotations

import functools
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from anomaly.store.cases.case import Case, json_value
from anomaly.workspace import machine_name

# ``case.updated`` is of earlier versions: it is sent no more, but may still be queued.
MessageEvent = Literal[
    "case.opened",
    "case.escalated",
    "case.acknowledged",
    "case.shelved",
    "case.unshelved",
    "case.assigned",
    "case.commented",
    "case.work-reported",
    "case.returned",
    "case.closed",
    "case.updated",
    "test",
]
VERSION = 1


@dataclass(frozen=True)  # no slots: its text is kept
class AlertMessage:
    """Message about a case, or test of a sink.

    Args:
        event: change of the case, or ``test``.
        machine: whose case it is.
        time: time of the event, UTC, ISO 8601 as ``iso_utc`` writes it.
        case: the case as it stands after the event; none for a test.
        score: the machine's score at that time.
        p_value: its tail probability on held-out normal sound.
        state: the machine's state, such as OK, WATCH or ALARM.
        groups: error level per sub-band group.
        change: cause of the event where its name leaves that open: ``severity`` or ``again`` (escalated),
            ``returned`` (closed by normal sound), ``expired`` or ``maintenance`` (unshelved
            when the time of either is over).
        by: person who changed the case; none for the monitor.
        note: what that person wrote.
        via: system whose answer has changed the case, by its name in the site file; none for a person here.
        answer_url: address that takes answers to the message, if the site has one.
        group: all cases of a message about many, the most urgent first; ``case`` is the first of them.
        id: the idempotency key: each repetition of a delivery carries the same one.

    Raises:
        ConfigError: the machine's name cannot be used.
    """

    event: MessageEvent
    machine: str
    time: str
    case: Case | None = None
    score: float | None = None
    p_value: float | None = None
    state: str | None = None
    groups: tuple[float, ...] = ()
    change: str | None = None
    by: str | None = None
    note: str | None = None
    via: str | None = None
    answer_url: str | None = None
    group: tuple[Case, ...] = ()
    id: str = field(default_factory=lambda: uuid.uuid4().hex)

    def __post_init__(self) -> None:
        machine_name(self.machine)

    def to_dict(self) -> dict[str, Any]:
        """Return the message as JSON types."""
        return {
            "version": VERSION,
            "id": self.id,
            "event": self.event,
            "time": self.time,
            "machine": self.machine,
            "state": self.state,
            "score": json_value(self.score),
            "p_value": json_value(self.p_value),
            "groups": json_value(self.groups),
            "change": self.change,
            "by": self.by,
            "note": self.note,
            "via": self.via,
            "answer_url": self.answer_url,
            "case": None if self.case is None else self.case.to_dict(),
            "group": [case.to_dict() for case in self.group],
        }

    def to_json(self) -> str:
        """Return the message as one line of JSON."""
        return self._json

    @functools.cached_property
    def _json(self) -> str:
        return json.dumps(self.to_dict(), allow_nan=False, separators=(",", ":"))

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> AlertMessage:
        """Create a message from the result of ``to_dict``."""
        case = fields.get("case")
        return cls(
            event=fields["event"],
            machine=fields["machine"],
            time=fields["time"],
            case=None if case is None else Case.from_dict(case),
            score=fields.get("score"),
            p_value=fields.get("p_value"),
            state=fields.get("state"),
            groups=tuple(fields.get("groups") or ()),
            change=fields.get("change"),
            by=fields.get("by"),
            note=fields.get("note"),
            via=fields.get("via"),
            answer_url=fields.get("answer_url"),
            group=tuple(Case.from_dict(case) for case in fields.get("group") or ()),
            id=fields["id"],
        )

    @classmethod
    def from_json(cls, text: str) -> AlertMessage:
        """Create a message from the result of ``to_json``."""
        return cls.from_dict(json.loads(text))
