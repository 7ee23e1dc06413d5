"""What a replay found: what would have become of each case, and which alarms nobody was told of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Literal

from anomaly.detect.decision import Policy
from anomaly.store.case import SHORT_ID

Outcome = Literal["stays", "vanishes", "unknown"]
_COUNTED: tuple[Outcome, ...] = ("stays", "vanishes", "unknown")
_PLAIN = Policy()


@dataclass(frozen=True)
class ReplaySpan:
    """The time that is replayed, the budget that is tried, and when an alarm begins and ends around its limit."""

    begin_s: float
    end_s: float
    false_alarms_per_day: float
    policy: Policy = _PLAIN


@dataclass(frozen=True)
class ReplayedCase:
    """A stored case, and what would have become of it.

    Args:
        case: its identifier.
        opened_at: ISO 8601, UTC.
        outcome: whether it would have been opened.
        by: what says so: ``history``, ``clip``, or why nothing does.
    """

    case: str
    opened_at: str
    outcome: Outcome
    by: str


@dataclass(frozen=True)
class NewAlarm:
    """An alarm that would have been: begin and end (ISO 8601, UTC) and its worst second."""

    begin: str
    end: str
    peak_score: float
    min_p_value: float


@dataclass(frozen=True)
class ReplayResult:
    """All that a replay found.

    Args:
        machine: its name.
        since: ISO 8601, UTC.
        until: likewise.
        false_alarms_per_day: the budget tried.
        limit: of the decision for it.
        history_seconds: stored scores that were decided upon anew; 0 for another bundle.
        cases: stored cases of the time.
        appear: alarms that have no stored case.
        model: what was asked: the detector and the version of its bundle.
        other_seconds: stored scores that were left out, because another model made them, or nobody knows which.
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

    def to_dict(self) -> dict[str, Any]:
        """As JSON types."""
        counts: dict[str, int] = {name: sum(case.outcome == name for case in self.cases) for name in _COUNTED}
        return asdict(self) | {"summary": {**counts, "appear": len(self.appear)}}

    def lines(self) -> Iterator[str]:
        """For a person."""
        for case in self.cases:
            yield f"{case.outcome:<9} case {case.case[:SHORT_ID]}  {case.opened_at}  ({case.by})"
        for alarm in self.appear:
            yield f"appears   {alarm.begin} to {alarm.end}  score {alarm.peak_score:.1f}"
        if self.other_seconds:
            yield (
                f"left out: {self.other_seconds} s that another bundle or detector scored, or a monitor from before "
                "that was noted"
            )
        counts = self.to_dict()["summary"]
        yield (
            f"{self.machine} ({self.model}): {counts['stays']} stay, {counts['vanishes']} vanish, "
            f"{counts['appear']} appear, {counts['unknown']} unknown "
            f"(limit {self.limit:.1f} for {self.false_alarms_per_day:g} a day)"
        )
