from __future__ import annotations

import json
from dataclasses import replace

import pytest

from anomaly.detect.calibration.excursions import Excursions
from anomaly.training import TrainingResult
from anomaly.training.reporting.verdict import TrainingVerdict, training_verdict


def test_held_out_sound_without_an_alarm_promises_the_rule_of_three(trained: TrainingResult) -> None:
    verdict = training_verdict("pump", trained.artifacts)
    assert verdict.calibration_s == len(trained.artifacts.student.scores) == 5
    assert verdict.promised_per_day == 3 * 86_400 / 5
    assert verdict.calibration_s_for_budget == 3 * 86_400


def test_excursions_over_the_limit_are_counted_as_alarms(trained: TrainingResult) -> None:
    # One long excursion among forty short ones hardly raises the limit.
    excursions = Excursions((500.0, *[2.0] * 40), 5)
    student = replace(trained.artifacts.student, excursions=excursions)
    assert 2.0 < student.limit(1.0).value < 500.0
    promised = training_verdict("pump", replace(trained.artifacts, student=student)).promised_per_day
    assert promised > 3 * 86_400 / 5


@pytest.mark.parametrize(("seconds", "ready"), [(59, False), (60, True)])
def test_a_minute_of_calibration_makes_it_ready(seconds: int, ready: bool) -> None:
    verdict = TrainingVerdict("pump", 300.0, seconds, 3 * 86_400 / seconds)
    assert verdict.ready is ready
    assert verdict.sentence().startswith("ready: pump" if ready else "not ready: pump")
    assert "\n" not in verdict.sentence()


def test_the_verdict_is_part_of_the_json(trained: TrainingResult) -> None:
    verdict = json.loads(json.dumps(trained.to_dict()))["verdict"]
    assert (verdict["ready"], verdict["calibration_seconds"]) == (False, 5)
    assert verdict["false_alarms_per_day_promised"] == 51_840
