"""Decision stage: which seconds the decision takes, in which order, and what resets and releases leave of them."""

from __future__ import annotations

import numpy as np

from anomaly.detect.decision import Limit, Policy, State
from anomaly.detect.decision_stage import DecidedSecond, DecisionStage
from anomaly.detect.operating.states import OperatingState
from anomaly.detect.operating.tracker import OperatingResult
from anomaly.detect.scoring import SecondScore

LIMIT = Limit(8.0, 1.0, 8.0, 0.0)
RUNNING = OperatingResult(OperatingState.RUNNING, True)
RAMPING = OperatingResult(OperatingState.RAMPING, False)
STOPPED = OperatingResult(OperatingState.STOPPED, False)
GOOD, BAD = 1.0, 1e-9


def late(count: int) -> OperatingResult:
    return OperatingResult(OperatingState.RUNNING, True, count)


class Stage:
    """A stage whose seconds are given by operating state and probability; a second ends at 100 plus its number."""

    def __init__(self, policy: Policy | None = None, first: int = 0) -> None:
        self.stage = DecisionStage(LIMIT, policy or Policy(), first=first)
        self._next = first

    def second(
        self,
        operating: OperatingResult = RUNNING,
        p: float = BAD,
        *,
        trusted: bool = True,
        fault: bool = False,
    ) -> list[int]:
        """Pass one second; return the numbers of those that were decided."""
        score = SecondScore(self._next, 0.0, p, np.zeros(16), operating)
        decided = self.stage.second(score, 100.0 + self._next, trusted=trusted, fault=fault)
        self._next += 1
        return numbers(decided)


def numbers(decided: list[DecidedSecond]) -> list[int]:
    assert all(one.time_s == 100.0 + one.number == 100.0 + one.score.second for one in decided)
    return [one.number for one in decided]


def test_a_second_is_decided_with_the_state_before_and_after_it() -> None:
    stage = DecisionStage(LIMIT)
    score = SecondScore(0, 0.0, BAD, np.zeros(16), RUNNING)
    decided = [stage.second(score, 7.0, trusted=True, fault=False) for _ in range(3)]
    assert [(one.before, one.state, one.total) for (one,) in decided] == [
        (State.OK, State.OK, 3.5),
        (State.OK, State.WATCH, 7.0),
        (State.WATCH, State.ALARM, 10.5),
    ]
    assert (stage.state, stage.total) == (State.ALARM, 10.5)


def test_numbers_begin_with_the_first() -> None:
    stage = Stage(first=40)
    assert [stage.second(), stage.second(STOPPED), stage.second()] == [[40], [], [42]]


def test_held_seconds_are_decided_before_the_one_that_shows_that_they_count() -> None:
    stage = Stage()
    assert [stage.second(RAMPING), stage.second(RAMPING), stage.second(late(2))] == [[], [], [0, 1, 2]]
    assert stage.stage.state is State.ALARM


def test_a_second_of_a_bad_sensor_is_left_out_and_held_with_the_others() -> None:
    stage = Stage()
    assert stage.second(trusted=False) == []
    assert stage.stage.total == 0.0
    assert [stage.second(RAMPING), stage.second(RAMPING, trusted=False), stage.second(RAMPING)] == [[]] * 3
    assert stage.second(late(3)) == [1, 3, 4]


def test_a_sensor_fault_begins_anew_without_the_held_seconds() -> None:
    stage = Stage()
    assert [stage.second(), stage.second(RAMPING), stage.second(RAMPING)] == [[0], [], []]
    assert stage.second(trusted=False, fault=True) == []
    assert (stage.stage.state, stage.stage.total) == (State.OK, 0.0)
    assert stage.second(late(3)) == [4]


def test_a_second_under_a_fault_is_not_decided() -> None:
    stage = Stage()
    assert stage.second(fault=True) == []
    assert stage.second(RAMPING, fault=True) == []
    assert stage.stage.release() == []


def test_a_release_decides_the_held_seconds_once() -> None:
    stage = Stage()
    for _ in range(3):
        assert stage.second(RAMPING) == []
    released = stage.stage.release()
    assert numbers(released) == [0, 1, 2]
    assert [one.state for one in released] == [State.OK, State.WATCH, State.ALARM]
    assert stage.stage.release() == []
    assert stage.second(RAMPING) == []
    assert stage.second(late(4)) == [3, 4]


def test_a_reset_drops_what_is_held_and_returns_to_ok() -> None:
    stage = Stage()
    assert [stage.second(), stage.second(), stage.second(RAMPING)] == [[0], [1], []]
    stage.stage.reset()
    assert (stage.stage.state, stage.stage.total) == (State.OK, 0.0)
    assert stage.stage.release() == []


def test_a_latched_alarm_outlasts_a_reset_until_it_is_acknowledged() -> None:
    stage = Stage(Policy(latch=True))
    for _ in range(3):
        stage.second()
    stage.stage.reset()
    assert stage.stage.state is State.ALARM
    stage.second(p=GOOD)
    assert stage.stage.state is State.ALARM
    stage.stage.acknowledge()
    stage.second(p=GOOD)
    assert stage.stage.state is State.OK
