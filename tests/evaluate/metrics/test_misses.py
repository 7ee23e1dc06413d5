from __future__ import annotations

from dataclasses import replace

import pytest

from anomaly.detect.decision import State
from anomaly.detect.verdict import Verdict
from anomaly.evaluate.metrics.misses import MissReason, count_reasons, miss_reasons, shortest_alarm_s
from anomaly.evaluate.run import Evaluation


def with_verdicts(evaluation: Evaluation, verdict: Verdict) -> Evaluation:
    """The same evaluation with one verdict for all clips with a fault; normals score 1."""
    outcome = evaluation.outcomes["student"]
    normal = Verdict(1.0, 0.5, State.OK, (State.OK,) * 6)
    scored = tuple(
        replace(file, verdict=verdict if faulty else normal)
        for file, faulty in zip(outcome.scored, evaluation.labels, strict=True)
    )
    limit = replace(outcome.limit, value=14.0)
    return replace(evaluation, outcomes={"student": replace(outcome, scored=scored, limit=limit)})


@pytest.mark.parametrize(
    ("verdict", "reason"),
    [
        (Verdict(9.0, 1.0, State.OK, (None,) * 6), MissReason.NOT_JUDGED),
        (Verdict(9.0, 1e-9, State.WATCH, (State.WATCH,) * 3 + (None,) * 3), MissReason.TOO_SHORT),
        (Verdict(9.0, 1e-9, State.WATCH, (State.WATCH,) * 6), MissReason.WATCH),
        (Verdict(0.9, 0.1, State.OK, (State.OK,) * 6), MissReason.LIKE_NORMAL),
        (Verdict(1.1, 0.1, State.OK, (State.OK,) * 6), MissReason.TOO_BRIEF),
    ],
)
def test_the_first_reason_that_applies(evaluation: Evaluation, verdict: Verdict, reason: MissReason) -> None:
    changed = with_verdicts(evaluation, verdict)
    assert set(miss_reasons(changed, "student").values()) == {reason}
    assert count_reasons(changed, "student") == {reason.value: 4}


def test_alarmed_faults_have_none(evaluation: Evaluation) -> None:
    alarmed = with_verdicts(evaluation, Verdict(9.0, 1e-9, State.ALARM, (State.ALARM,) * 6))
    assert miss_reasons(alarmed, "student") == {}


def test_the_shortest_alarm() -> None:
    assert [shortest_alarm_s(limit) for limit in (3.5, 14.0, 14.1)] == [1, 4, 5]
