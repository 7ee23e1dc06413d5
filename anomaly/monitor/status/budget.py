"""Alarms of a machine compared with its budget of false alarms, over the stored time."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from anomaly.poisson import tail_probability
from anomaly.readable import count, duration, rate
from anomaly.store.database.rows import EventRow

_DAY_S = 86_400.0
# More false alarms than the budget allows are no chance below this probability.
_SIGNIFICANCE = 0.05


@dataclass(frozen=True)
class BudgetStatus:
    """Alarms of a machine over the stored time, compared with its budget of false alarms.

    Args:
        false_alarms_per_day: the budget.
        days: time with a score that is stored, in days.
        alarms: machine cases opened in it.
        false_alarms: those of them that were reported as normal.
        faults: those that were reported as faults.
        kept: true if all alarms but the reported faults are within the budget; false if the false alarms are more than
            chance allows; None where neither can be said yet.
    """

    false_alarms_per_day: float
    days: float
    alarms: int
    false_alarms: int
    faults: int
    kept: bool | None

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON types."""
        return asdict(self) | {"days": round(self.days, 4)}

    def text(self) -> str:
        """Return the verdict in one phrase."""
        budget = rate(self.false_alarms_per_day, "false alarm")
        if not self.days:
            return f"budget {budget}: nothing judged yet"
        verdict = {True: "kept", False: "not kept", None: "cannot be said yet"}[self.kept]
        known = [f"{self.false_alarms} false"] * bool(self.false_alarms)
        known += [count(self.faults, "fault")] * bool(self.faults)
        which = f" ({', '.join(known)})" if known else ""
        return f"budget {budget}: {verdict}, {count(self.alarms, 'alarm')}{which} in {duration(self.days * _DAY_S)}"


def budget_status(
    per_day: float, scored_s: float, cases: Iterable[str], feedback: Iterable[EventRow]
) -> BudgetStatus:
    """Compare the alarms of the stored time with the budget.

    Args:
        per_day: the budget.
        scored_s: seconds with a score.
        cases: identifiers of the machine's cases.
        feedback: events of feedback on them, oldest first; the last one of a case counts.
    """
    opened = set(cases)
    verdicts = {event.case_id: event.detail.get("verdict") for event in feedback if event.case_id in opened}
    false_alarms = sum(verdict == "normal" for verdict in verdicts.values())
    faults = sum(verdict == "fault" for verdict in verdicts.values())
    days = scored_s / _DAY_S
    kept: bool | None = None
    if days and len(opened) - faults <= per_day * days:
        kept = True
    elif days and false_alarms and tail_probability(false_alarms, per_day * days) < _SIGNIFICANCE:
        kept = False
    return BudgetStatus(per_day, days, len(opened), false_alarms, faults, kept)
