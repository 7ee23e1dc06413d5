from __future__ import annotations

import re
from dataclasses import replace

import pytest

from anomaly.detect.decision import State
from anomaly.evaluate.metrics.alarm_rates import Confusion, false_alarms_per_hour
from anomaly.evaluate.metrics.false_alarms import FalseAlarms, share_interval
from anomaly.evaluate.reporting.verdict import explain_misses, meaning, verdict_sentence
from anomaly.evaluate.run import Evaluation


def with_outcome(evaluation: Evaluation, **changes: object) -> Evaluation:
    """The same evaluation with another outcome of the student."""
    outcome = replace(evaluation.outcomes["student"], **changes)  # type: ignore[arg-type]
    return replace(evaluation, outcomes={**evaluation.outcomes, "student": outcome})


def without_alarms(evaluation: Evaluation) -> Evaluation:
    """The same evaluation with all clips in OK."""
    outcome = evaluation.outcomes["student"]
    scored = tuple(
        replace(file, verdict=replace(file.verdict, state=State.OK)) if file.verdict else file
        for file in outcome.scored
    )
    return with_outcome(evaluation, scored=scored, confusion=Confusion(0, 4, 0, 4))


def false_alarms(seconds: int, unlikely: int) -> FalseAlarms:
    rate = false_alarms_per_hour([False] * seconds)
    return FalseAlarms(1.0, rate, 0, seconds, unlikely, share_interval(unlikely, seconds))


def test_the_sentence_counts_faults_and_false_alarms(evaluation: Evaluation) -> None:
    changed = with_outcome(
        evaluation, confusion=Confusion(3, 1, 0, 4), false_alarms=false_alarms(7_200, unlikely=0)
    )
    assert verdict_sentence(changed) == (
        "3 of 4 faults raised an alarm at a budget of 1 false alarm a day, 0 false alarms in 2 h of normal sound."
    )
    assert "1 of 4 faults raised no alarm." in meaning(changed)


def test_without_normal_sound_false_alarms_cannot_be_counted(evaluation: Evaluation) -> None:
    assert "no normal sound to count false alarms in" in verdict_sentence(
        with_outcome(evaluation, false_alarms=None)
    )


def test_without_faults_the_false_alarms_come_first(normals_only: Evaluation) -> None:
    assert verdict_sentence(normals_only).startswith("No faults to test with; ")
    assert explain_misses(normals_only) == []


def test_little_sound_cannot_show_that_the_budget_is_kept(evaluation: Evaluation) -> None:
    (line,) = meaning(
        with_outcome(evaluation, confusion=Confusion(4, 0, 0, 4), false_alarms=false_alarms(120, 0))
    )
    assert line == (
        "With so little normal sound up to 90 false alarms an hour cannot be ruled out; to show that the budget is "
        "kept takes 3 days of it."
    )
    long = with_outcome(evaluation, confusion=Confusion(4, 0, 0, 4), false_alarms=false_alarms(260_000, 0))
    assert meaning(long) == []


def test_rare_normal_seconds_point_to_the_calibration(evaluation: Evaluation) -> None:
    found = false_alarms(260_000, unlikely=26_000)
    (line,) = meaning(with_outcome(evaluation, confusion=Confusion(4, 0, 0, 4), false_alarms=found))
    assert line.startswith("10 of 100 normal seconds were rarer than calibrated, 1 is expected")
    assert "`anomaly calibrate`" in line


def test_a_comparison_ends_with_a_conclusion(evaluation: Evaluation) -> None:
    assert meaning(evaluation, evaluation, other="old")[-1].startswith("old: ")
    assert meaning(evaluation, evaluation, other="old")[-1].endswith("no difference between the two.")


def test_every_miss_is_explained(evaluation: Evaluation) -> None:
    explanations = explain_misses(without_alarms(evaluation))
    assert sum(one.clips for one in explanations) == 4
    for one in explanations:
        assert one.reason
        assert one.remedy


@pytest.mark.parametrize("limit", [1_000.0])
def test_clips_too_short_for_an_alarm_have_a_reason_of_their_own(
    evaluation: Evaluation, limit: float
) -> None:
    silent = without_alarms(evaluation)
    outcome = silent.outcomes["student"]
    (one,) = explain_misses(with_outcome(silent, limit=replace(outcome.limit, value=limit)))
    assert re.search(r"are too short: an alarm takes 286 s", one.reason)
    assert one.clips == 4
