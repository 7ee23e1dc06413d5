"""Result of a replay: the outcome of each stored case, and the alarms that have no case."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from anomaly.detect.decision import Policy
from anomaly.store.cases.case import Case, unix_s
from anomaly.store.store import Store

Outcome = Literal["stays", "vanishes", "unknown"]
OUTCOMES: tuple[Outcome, ...] = ("stays", "vanishes", "unknown")
_DEFAULT_POLICY = Policy()


@dataclass(frozen=True)
class ReplaySpan:
    """Settings of a replay.

    Args:
        begin_s: UNIX seconds.
        end_s: UNIX seconds.
        false_alarms_per_day: budget on trial.
        policy: when an alarm begins and ends around the limit.
    """

    begin_s: float
    end_s: float
    false_alarms_per_day: float
    policy: Policy = _DEFAULT_POLICY


@dataclass(frozen=True)
class ReplayedCase:
    """A stored case, and its outcome in the replay.

    Args:
        case: its identifier.
        opened_at: ISO 8601, UTC.
        outcome: ``stays`` if it would still be opened, ``vanishes`` if not.
        by: evidence, ``history`` or ``clip``; with the outcome ``unknown`` the reason.
    """

    case: str
    opened_at: str
    outcome: Outcome
    by: str


@dataclass(frozen=True)
class NewAlarm:
    """An alarm without a stored case: begin and end (ISO 8601, UTC) and its worst second."""

    begin: str
    end: str
    peak_score: float
    min_p_value: float


@dataclass(frozen=True)
class ReplayResult:
    """Result of a replay.

    Args:
        machine: its name.
        since: ISO 8601, UTC.
        until: likewise.
        false_alarms_per_day: budget on trial.
        limit: of the decision for it.
        history_seconds: stored scores that the decision ran over; 0 for another bundle.
        cases: stored cases of the time span.
        appear: alarms without a stored case.
        model: detector and version of the bundle in question.
        other_seconds: stored scores left out, because another model made them or the model is not known.
    """

    machine: str
    since: str
    until: str
    false_alarms_per_day: float
    limit: float
    history_seconds: int
    cases: tuple[ReplayedCase, ...]
    appear: tuple[NewAlarm, ...]
    model: str = ""
    other_seconds: int = 0

    @property
    def counts(self) -> dict[str, int]:
        """Number of cases by outcome, and of alarms that ``appear``."""
        by_outcome: dict[str, int] = {
            name: sum(case.outcome == name for case in self.cases) for name in OUTCOMES
        }
        return {**by_outcome, "appear": len(self.appear)}

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON types."""
        return asdict(self) | {"summary": self.counts}


def cases_of_span(store: Store, machine: str, span: ReplaySpan) -> list[Case]:
    """Return the machine cases that were opened in a time span, oldest first."""
    cases = [case for case in store.cases.select(machine=machine) if case.kind == "machine"]
    opened = [case for case in cases if span.begin_s <= unix_s(case.opened_at) <= span.end_s]
    return sorted(opened, key=lambda case: case.opened_at)
