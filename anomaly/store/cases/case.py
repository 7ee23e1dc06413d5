"""Case: the record of one alarm, from the first abnormal second until it is closed.

The states follow ISA-18.2 (IEC 62682), chapter "alarm states"::

    active-unacknowledged ──acknowledge──▶ active-acknowledged
        │       ▲                               │
      return   again                          return
        ▼       │                               ▼
    returned-unacknowledged ──acknowledge──▶ closed        (close leads there from every state)

Shelved is a time limit on a case, not a state: it stops the messages, nothing else.
"""

from __future__ import annotations

import dataclasses
import functools
import math
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Literal

from anomaly.errors import InputError
from anomaly.workspace import machine_name

CaseKind = Literal["machine", "sensor"]
KINDS: tuple[CaseKind, ...] = ("machine", "sensor")
SHORT_ID = 8
SEVERITIES = ("minor", "major", "severe")
"""Names of the severities 1, 2 and 3 of a case."""
CRITICALITIES = ("low", "medium", "high", "critical")
"""Criticalities of a machine, 1 to 4."""
_USUAL_CRITICALITY = 2
FEEDBACK = "case.feedback"
"""Name of the event that holds the outcome of a case, as a person reports it."""


EXPLANATION = "explanation"
"""Key of the evidence of a case under which the explanation of its sound stands."""


class CaseState(StrEnum):
    """State of a case between the alarm and its end (ISA-18.2)."""

    ACTIVE_UNACKNOWLEDGED = "active-unacknowledged"
    ACTIVE_ACKNOWLEDGED = "active-acknowledged"
    RETURNED_UNACKNOWLEDGED = "returned-unacknowledged"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Case:
    """One alarm of one machine, or of its microphone.

    Args:
        machine: whose alarm it is.
        kind: ``machine``, or ``sensor`` for the microphone.
        opened_at: UTC, ISO 8601 as ``iso_utc`` writes it; so are all other times here.
        summary: one sentence for operators.
        peak_score: highest score so far; summary, evidence and p-value are of the same second.
        min_p_value: tail probability of that second.
        evidence: JSON: levels per sub-band group, band edges, and other explanations of the alarm.
        sound_position_s: seconds into the sound at which the case opened.
        severity: step from 1 to 3 (``SEVERITIES``), the highest that the case has reached.
        silenced_until: end of the time for which the case is shelved.
        assigned_to: person or team that sees to it.
        finding: cause that was found, one of ``FINDINGS``.
        action: what was done about it.
        asset: facts of the machine in the site file: display name, location, CMMS number, criticality.
        id: 32 hex digits; the first ``SHORT_ID`` are enough on the command line.

    Raises:
        ConfigError: the machine's name cannot be used.
        InputError: the kind is unknown.
    """

    machine: str
    kind: CaseKind
    opened_at: str
    summary: str
    peak_score: float | None = None
    min_p_value: float | None = None
    evidence: Mapping[str, Any] = field(default_factory=dict)
    sound_position_s: float | None = None
    id: str = field(default_factory=lambda: uuid.uuid4().hex)
    state: CaseState = CaseState.ACTIVE_UNACKNOWLEDGED
    acknowledged_at: str | None = None
    acknowledged_by: str | None = None
    returned_at: str | None = None
    closed_at: str | None = None
    silenced_until: str | None = None
    severity: int = 1
    assigned_to: str | None = None
    finding: str | None = None
    action: str | None = None
    asset: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        machine_name(self.machine)
        if self.kind not in KINDS:
            raise InputError(f"{self.kind!r} is no kind of case", hint=f"kinds: {', '.join(KINDS)}")
        if not 1 <= self.severity <= len(SEVERITIES):
            raise InputError(f"{self.severity} is no severity", hint=f"severities: 1 to {len(SEVERITIES)}")

    @property
    def is_open(self) -> bool:
        """True in every state but closed."""
        return self.state != CaseState.CLOSED

    @property
    def urgency(self) -> int:
        """Severity times criticality of the machine, 1 to 12: the higher, the sooner somebody should look."""
        named = self.asset.get("criticality")
        rank = CRITICALITIES.index(named) + 1 if named in CRITICALITIES else _USUAL_CRITICALITY
        return self.severity * rank

    def is_shelved(self, at: str) -> bool:
        """Return whether messages about the case are held back at a time (ISO 8601 UTC)."""
        return self.silenced_until is not None and at < self.silenced_until

    def merged(self, newer: Case) -> Case:
        """Return this case with the measurements of ``newer`` if it is worse; state and times stay as they are.

        Text, evidence, score and p-value always belong to one second: the one with the highest score. The severity
        never falls.
        """
        severity, asset = max(self.severity, newer.severity), newer.asset or self.asset
        if not self._is_exceeded_by(newer):
            return dataclasses.replace(self, severity=severity, asset=asset)
        return dataclasses.replace(
            self,
            summary=newer.summary,
            evidence=self._kept_explanation() | dict(newer.evidence or self.evidence),
            peak_score=self.peak_score if newer.peak_score is None else newer.peak_score,
            min_p_value=self.min_p_value if newer.min_p_value is None else newer.min_p_value,
            severity=severity,
            asset=asset,
        )

    def _kept_explanation(self) -> dict[str, Any]:
        """Return the explanation of the sound, which outlives the measurements of one second."""
        return {EXPLANATION: self.evidence[EXPLANATION]} if EXPLANATION in self.evidence else {}

    def _is_exceeded_by(self, newer: Case) -> bool:
        if newer.peak_score is None or self.peak_score is None or not math.isfinite(self.peak_score):
            return True
        return math.isfinite(newer.peak_score) and newer.peak_score >= self.peak_score

    def acknowledged(self, by: str, at: str) -> Case:
        """Return the case after its acknowledgement: closed if the sound is normal again.

        Raises:
            InputError: the case is closed.
        """
        self.require_open("acknowledged")
        over = self.state == CaseState.RETURNED_UNACKNOWLEDGED
        return dataclasses.replace(
            self,
            state=CaseState.CLOSED if over else CaseState.ACTIVE_ACKNOWLEDGED,
            acknowledged_at=at,
            acknowledged_by=by,
            closed_at=at if over else None,
        )

    def returned(self, at: str) -> Case:
        """Return the case after the sound has become normal: closed if it was acknowledged."""
        if self.state == CaseState.ACTIVE_ACKNOWLEDGED:
            return dataclasses.replace(self, state=CaseState.CLOSED, returned_at=at, closed_at=at)
        if self.state == CaseState.ACTIVE_UNACKNOWLEDGED:
            return dataclasses.replace(self, state=CaseState.RETURNED_UNACKNOWLEDGED, returned_at=at)
        return self

    def again(self) -> Case:
        """Return the case after the alarm came back before it was acknowledged."""
        if self.state == CaseState.RETURNED_UNACKNOWLEDGED:
            return dataclasses.replace(self, state=CaseState.ACTIVE_UNACKNOWLEDGED, returned_at=None)
        return self

    def closed(self, at: str, finding: str | None = None, action: str | None = None) -> Case:
        """Return the case after its end, with the cause that was found and what was done."""
        if not self.is_open:
            return self
        return dataclasses.replace(
            self,
            state=CaseState.CLOSED,
            closed_at=at,
            finding=finding or self.finding,
            action=action or self.action,
        )

    def with_work(self, action: str, finding: str | None) -> Case:
        """Return the case with what was done about it, and the cause that was found."""
        return dataclasses.replace(self, action=action, finding=finding or self.finding)

    def shelved(self, until: str | None) -> Case:
        """Return the case with its messages held back until a time, or from now on sent again (None).

        Raises:
            InputError: the case is closed.
        """
        self.require_open("unshelved" if until is None else "shelved")
        return dataclasses.replace(self, silenced_until=until)

    def assigned(self, to: str | None) -> Case:
        """Return the case in the hands of a person or team, or of nobody.

        Raises:
            InputError: the case is closed.
        """
        self.require_open("assigned")
        return dataclasses.replace(self, assigned_to=to)

    def to_dict(self) -> dict[str, Any]:
        """Return the case as JSON types; a number that is not finite becomes null."""
        fields = {name: json_value(getattr(self, name)) for name in _names()}
        return fields | {"urgency": self.urgency}

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> Case:
        """Create a case from the result of ``to_dict``; unknown names are ignored."""
        known = {name: fields[name] for name in _names() if name in fields}
        return cls(**known | {"state": CaseState(known["state"])})

    def require_open(self, what: str) -> None:
        """Check that the case can be changed.

        Args:
            what: the change, as a participle.

        Raises:
            InputError: the case is closed.
        """
        if not self.is_open:
            raise InputError(
                f"the case is closed since {self.closed_at} and cannot be {what}",
                where=f"case {self.id[:SHORT_ID]}",
                hint="list open cases with `anomaly cases list`",
            )


@functools.cache
def _names() -> tuple[str, ...]:
    return tuple(f.name for f in dataclasses.fields(Case))


def iso_utc(unix_s: float) -> str:
    """Convert UNIX seconds to ISO 8601 in UTC with milliseconds; such texts sort by time."""
    return datetime.fromtimestamp(unix_s, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def unix_s(iso: str) -> float:
    """Return a time that `iso_utc` wrote in UNIX seconds."""
    return datetime.fromisoformat(iso.replace("Z", "+00:00")).timestamp()


# Types that JSON has as they are; most values are of these.
_PLAIN = frozenset({str, int, bool})


def json_value(value: Any) -> Any:
    """Convert a value to JSON types: NaN and infinity, which JSON lacks, become null."""
    if value is None or type(value) in _PLAIN:
        return value
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): json_value(item) for key, item in value.items()}
    if isinstance(value, str):
        return str(value)
    if isinstance(value, list | tuple):
        return [json_value(item) for item in value]
    if hasattr(value, "tolist"):  # numpy, without importing it
        return json_value(value.tolist())
    return value
