"""Verdict on a recording: which seconds count, the worst state, and the sensor fault of most seconds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from anomaly.audio.sensor.health import Status
from anomaly.detect.decision import State, limit_for
from anomaly.detect.operating.states import OperatingState
from anomaly.detect.operating.tracker import OperatingResult
from anomaly.detect.scoring import SecondScore, recording_score
from anomaly.detect.verdict import any_of, judge, second_status

LIMIT = limit_for(1.0, 0.0)


def seconds(*p_values: float) -> list[SecondScore]:
    return [SecondScore(i, -np.log10(p), p, np.zeros(16)) for i, p in enumerate(p_values)]


def test_normal_sound_is_ok() -> None:
    verdict = judge(seconds(0.5, 0.9, 0.2), LIMIT)
    assert verdict.state is State.OK
    assert verdict.p_value == pytest.approx(1 - 0.8**3)
    assert verdict.score == recording_score(seconds(0.5, 0.9, 0.2))


def test_the_worst_state_counts_even_when_it_passes() -> None:
    verdict = judge(seconds(*[1e-6] * 3, *[1.0] * 9), LIMIT)
    assert verdict.states[:3] == (State.OK, State.WATCH, State.ALARM)
    assert verdict.states[-1] is State.OK
    assert verdict.state is State.ALARM


def test_the_sum_reaches_the_limit_where_the_alarm_begins() -> None:
    verdict = judge(seconds(0.5, 1e-4, 1e-6, 1e-6, 1e-6, 0.9), LIMIT)
    first = verdict.states.index(State.ALARM)
    assert verdict.sums[first] >= LIMIT.value > verdict.sums[first - 1]
    assert len(verdict.sums) == 6


def test_one_second_alone_is_no_alarm() -> None:
    assert judge(seconds(1e-12), LIMIT).state is State.OK


def test_one_bad_second_is_left_out() -> None:
    p_values = [1e-6, 1e-6, 1e-12, 1e-6, 1e-6]
    verdict = judge(seconds(*p_values), LIMIT, sensor=["ok", "ok", "silent", "ok", "ok"])
    assert verdict.states == (State.OK, State.WATCH, None, State.ALARM, State.ALARM)
    assert verdict.p_value == pytest.approx(4e-6, rel=1e-4)
    assert verdict.score == recording_score(seconds(*[1e-6] * 4))


def test_a_sensor_fault_resets_the_decision() -> None:
    p_values = [1e-6] * 2 + [1e-12] * 3 + [1e-6] * 5
    sensor = ["ok"] * 2 + ["silent"] * 3 + ["ok"] * 5
    verdict = judge(seconds(*p_values), LIMIT, sensor=sensor)
    # Three bad seconds make a fault, three good ones end it: the third of these is trusted again.
    assert verdict.states == (State.OK, State.WATCH, *[None] * 5, State.OK, State.WATCH, State.ALARM)
    assert verdict.sums == pytest.approx([3.5, 7.0, 7.0, 7.0, *[0.0] * 3, 3.5, 7.0, 10.5])


def test_the_sensor_fault_of_most_seconds_is_reported() -> None:
    sensor: list[Status] = ["ok"] * 2 + ["hum"] * 4 + ["silent"] * 6 + ["ok"] * 4
    # Three bad seconds make a fault and three good ones end it: hum for four seconds, silence for six.
    verdict = judge(seconds(*[0.5] * len(sensor)), LIMIT, sensor=sensor)
    assert verdict.sensor == "silent"
    assert verdict.judged
    assert judge(seconds(0.5, 0.5, 0.5), LIMIT, sensor=["hum", "hum", "ok"]).sensor == "ok"


def test_a_recording_without_a_second_that_can_be_judged_has_no_verdict() -> None:
    stopped = OperatingResult(OperatingState.STOPPED, False)
    nothing = judge([replace(second, operating=stopped) for second in seconds(1e-9, 1e-9)], LIMIT)
    assert not nothing.judged
    assert (nothing.state, nothing.p_value, nothing.sums) == (State.OK, 1.0, (0.0, 0.0))


def test_a_stop_that_may_be_a_fault_of_the_microphone_is_a_sensor_fault() -> None:
    unlearned = OperatingResult(OperatingState.UNKNOWN, False, 0, (-60.0,) * 8)
    assert second_status("ok", unlearned) == "unlearned-stop"
    assert second_status("silent", unlearned) == "silent"
    assert second_status("ok", OperatingResult(OperatingState.STOPPED, False)) == "ok"
    whole = seconds(*[1e-6] * 9)
    quiet = [replace(second, operating=unlearned) if 2 <= k < 5 else second for k, second in enumerate(whole)]
    verdict = judge(quiet, LIMIT)
    assert verdict.sensor == "unlearned-stop"
    assert verdict.states == (State.OK, State.WATCH, *[None] * 5, State.OK, State.WATCH)


def test_each_second_has_a_sensor_status() -> None:
    with pytest.raises(ValueError, match="shorter"):
        judge(seconds(0.5, 0.5), LIMIT, sensor=["ok"])


def test_a_stopped_machine_and_a_ramp_are_scored_but_not_judged() -> None:
    rest, ramp = (
        OperatingResult(OperatingState.STOPPED, False),
        OperatingResult(OperatingState.RAMPING, False),
    )
    whole = seconds(1e-6, 1e-12, 1e-12, 1e-6)
    stop = [
        replace(second, operating=rest if k in (1, 2) else OperatingResult(OperatingState.RUNNING, True))
        for k, second in enumerate(whole)
    ]
    verdict = judge(stop, LIMIT)
    # A stop is not forgotten over, as the monitor does not.
    assert verdict.states == (State.OK, None, None, State.WATCH)
    assert verdict.p_value == pytest.approx(2e-6, rel=1e-4)
    assert verdict.score == recording_score(whole)
    assert judge(whole, LIMIT).state is State.ALARM
    nothing = judge([replace(second, operating=rest) for second in whole], LIMIT)
    assert (nothing.p_value, nothing.state, set(nothing.states)) == (1.0, State.OK, {None})
    ends_in = [replace(second, operating=ramp) for second in whole]
    assert judge(ends_in, LIMIT).states == judge(whole, LIMIT).states


@pytest.mark.parametrize(("p", "n", "expected"), [(1.0, 5, 1.0), (0.5, 1, 0.5), (1e-12, 100, 1e-10)])
def test_any_of(p: float, n: int, expected: float) -> None:
    assert any_of(p, n) == pytest.approx(expected)


def test_probability_is_that_of_the_highest_of_independent_seconds() -> None:
    generator = np.random.default_rng(1)
    found = [judge(seconds(*generator.uniform(size=5)), LIMIT).p_value for _ in range(2000)]
    # Uniform if it is right: the share below a tenth is a tenth, within four standard errors.
    assert np.mean(np.array(found) < 0.1) == pytest.approx(0.1, abs=0.027)
