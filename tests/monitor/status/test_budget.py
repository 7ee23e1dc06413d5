"""Alarms compared with the budget: kept, not kept, or not known yet."""

from __future__ import annotations

import pytest

from anomaly.monitor.status.budget import budget_status
from anomaly.store.database.rows import EventRow

DAY_S = 86_400.0


def feedback(case: str, verdict: str) -> EventRow:
    return EventRow("2026-11-30T08:00:00.000Z", "case.feedback", "pump", case, {"verdict": verdict})


@pytest.mark.parametrize(
    ("days", "cases", "normal", "faults", "kept"),
    [
        (3.0, 0, 0, 0, True),
        (3.0, 3, 3, 0, True),
        (3.0, 4, 1, 0, None),
        (0.1, 1, 1, 0, None),
        (0.1, 2, 2, 0, False),
        (1.0, 9, 0, 9, True),
        (1.0, 9, 9, 0, False),
        (0.0, 1, 1, 0, None),
    ],
)
def test_verdicts(days: float, cases: int, normal: int, faults: int, kept: bool | None) -> None:
    names = [f"{number:032x}" for number in range(cases)]
    events = [feedback(name, "normal") for name in names[:normal]]
    events += [feedback(name, "fault") for name in names[normal : normal + faults]]
    found = budget_status(1.0, days * DAY_S, names, events)
    assert (found.alarms, found.false_alarms, found.faults, found.kept) == (cases, normal, faults, kept)


def test_the_last_feedback_on_a_case_counts() -> None:
    found = budget_status(1.0, DAY_S, ["a"], [feedback("a", "normal"), feedback("a", "fault")])
    assert (found.false_alarms, found.faults) == (0, 1)


def test_feedback_on_a_case_that_is_no_longer_stored_is_left_out() -> None:
    found = budget_status(1.0, DAY_S, ["a"], [feedback("b", "normal")])
    assert (found.alarms, found.false_alarms) == (1, 0)


def test_texts() -> None:
    assert budget_status(1.0, 0.0, [], []).text() == "budget 1 false alarm a day: nothing judged yet"
    assert (
        budget_status(1.0, 3 * DAY_S, ["a", "b"], [feedback("a", "normal"), feedback("b", "fault")]).text()
        == "budget 1 false alarm a day: kept, 2 alarms (1 false, 1 fault) in 3 days"
    )
