from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import binomtest

from anomaly.detect.decision import Limit, limit_for
from anomaly.detect.file_score import FileScore
from anomaly.detect.operating.states import OperatingState
from anomaly.detect.operating.tracker import OperatingResult
from anomaly.detect.scoring import SecondScore
from anomaly.detect.verdict import judge
from anomaly.evaluate.metrics.false_alarms import FalseAlarms, share_interval
from anomaly.evaluate.metrics.false_alarms import false_alarms as counted

LIMIT = limit_for(1.0, 0.0)


def file(p_values: list[float], dead: tuple[int, ...] = ()) -> FileScore:
    seconds = tuple(SecondScore(i, 0.0, p, np.zeros(16)) for i, p in enumerate(p_values))
    sensor = ["silent" if i in dead else "ok" for i in range(len(p_values))]
    return FileScore(Path("n.wav"), "ok", float(len(p_values)), seconds, judge(seconds, LIMIT, sensor=sensor))


def false_alarms(normals: list[FileScore], limit: Limit) -> FalseAlarms:
    found = counted(normals, limit)
    assert found is not None
    return found


def test_normals_without_a_decided_second_have_no_rate() -> None:
    assert counted([], LIMIT) is None
    rest = OperatingResult(OperatingState.STOPPED, False)
    seconds = [replace(second, operating=rest) for second in file([1e-6] * 9).scores]
    stop = FileScore(Path("n.wav"), "ok", 9.0, tuple(seconds), judge(seconds, LIMIT))
    assert counted([stop], LIMIT) is None
    both = false_alarms([stop, file([0.5] * 30)], LIMIT)
    assert (both.seconds, both.rate.alarms) == (30, 0)


def test_an_alarm_that_goes_on_is_one_alarm_and_time() -> None:
    found = false_alarms([file([0.5] * 30 + [1e-6] * 5 + [1.0] * 25)], LIMIT)
    assert found.rate.alarms == 1
    assert found.rate.hours == pytest.approx(60 / 3600)
    assert found.rate.per_hour == pytest.approx(60)
    assert found.alarm_seconds >= 3
    assert found.time_in_alarm == found.alarm_seconds / 60
    assert (found.unlikely, found.unlikely_share) == (5, 5 / 60)


def test_clips_are_played_one_after_the_other() -> None:
    halves = [file([1e-6] * 2), file([1e-6] * 2)]
    assert all(half.verdict is not None and half.verdict.state == "WATCH" for half in halves)
    assert false_alarms(halves, LIMIT).rate.alarms == 1


def test_two_alarms_are_two() -> None:
    found = false_alarms([file([*[1e-6] * 4, *[1.0] * 20] * 2)], LIMIT)
    assert found.rate.alarms == 2


def test_sound_without_an_alarm_still_bounds_the_rate() -> None:
    found = false_alarms([file([0.5] * 3600)], LIMIT)
    assert (found.rate.alarms, found.rate.per_hour) == (0, 0.0)
    assert found.rate.upper_per_hour == pytest.approx(3.0, abs=0.01)
    assert found.as_json()["time_in_alarm"] == 0.0


def test_seconds_of_a_dead_microphone_are_no_seconds() -> None:
    found = false_alarms([file([1e-6] * 6, dead=(2, 3)), file([0.5] * 2)], LIMIT)
    assert (found.seconds, found.unlikely, found.rate.alarms) == (6, 4, 0)


@pytest.mark.parametrize(("count", "of"), [(0, 10), (10, 10), (3, 150), (25, 150)])
def test_interval_is_that_of_clopper_and_pearson(count: int, of: int) -> None:
    expected = binomtest(count, of).proportion_ci(0.95, method="exact")
    assert share_interval(count, of) == pytest.approx((expected.low, expected.high))
