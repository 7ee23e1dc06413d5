"""The ramp rule: held is not dropped, unless it was a ramp."""

from __future__ import annotations

import numpy as np
import pytest

from anomaly.audio.simulator import simulate
from anomaly.detect.operating.fit import learn_states
from anomaly.detect.operating.ramp import RampBuffer, decision_mask, recording_decision_mask
from anomaly.detect.operating.states import OperatingState, second_spectra
from anomaly.detect.operating.tracker import OperatingResult, OperatingTracker
from anomaly.features.front_end import FrontEnd

RUNNING = OperatingResult(OperatingState.RUNNING, True)
STOPPED = OperatingResult(OperatingState.STOPPED, False)
RAMPING = OperatingResult(OperatingState.RAMPING, False)
UNKNOWN = OperatingResult(OperatingState.UNKNOWN, True)


def late(count: int, operating: OperatingState = OperatingState.RUNNING) -> OperatingResult:
    return OperatingResult(operating, True, count)


def pushed(*results: OperatingResult) -> list[list[int]]:
    """Numbers of the seconds that each push returns, and those of the release at the end."""
    buffer = RampBuffer[int]()
    return [*(buffer.push(result, number) for number, result in enumerate(results)), buffer.release()]


def test_seconds_that_count_are_returned_at_once() -> None:
    assert pushed(RUNNING, UNKNOWN, STOPPED) == [[0], [1], [], []]


def test_a_ramp_is_dropped() -> None:
    assert pushed(RUNNING, RAMPING, RAMPING, RUNNING) == [[0], [], [], [3], []]
    assert pushed(RAMPING, STOPPED, RUNNING) == [[], [], [2], []]
    assert decision_mask([RUNNING, RAMPING, STOPPED, RAMPING, RUNNING]) == [True, False, False, False, True]


def test_seconds_that_were_no_ramp_are_returned_late_and_in_order() -> None:
    assert pushed(RAMPING, RAMPING, late(2)) == [[], [], [0, 1, 2], []]
    assert pushed(RAMPING, OperatingResult(OperatingState.STOPPED, False, 1)) == [[], [0], []]
    assert decision_mask([RAMPING, RAMPING, late(2, OperatingState.UNKNOWN), STOPPED]) == [
        True,
        True,
        True,
        False,
    ]


def test_what_is_held_at_the_end_counts_unless_it_is_to_teach() -> None:
    assert pushed(RUNNING, RAMPING) == [[0], [], [1]]
    assert decision_mask([RUNNING, RAMPING, RAMPING]) == [True, True, True]
    assert decision_mask([RUNNING, RAMPING, RAMPING], end_counts=False) == [True, False, False]
    assert decision_mask([]) == []


def test_after_a_clear_fewer_seconds_are_held_than_the_tracker_counts() -> None:
    buffer = RampBuffer[int]()
    for number in range(3):
        assert buffer.push(RAMPING, number) == []
    buffer.clear()
    assert buffer.push(RAMPING, 3) == []
    assert buffer.push(late(4), 4) == [3, 4]
    assert buffer.push(late(2), 5) == [5]


def test_all_seconds_that_were_held_after_a_clear_are_returned() -> None:
    buffer = RampBuffer[int]()
    buffer.push(RAMPING, 0)
    buffer.clear()
    for number in (1, 2, 3):
        buffer.push(RAMPING, number)
    assert buffer.push(late(4), 4) == [1, 2, 3, 4]


def test_released_seconds_are_returned_once() -> None:
    """A gap releases them in the middle of a stream; what follows it is held for itself."""
    buffer = RampBuffer[int]()
    buffer.push(RAMPING, 0)
    assert buffer.release() == [0]
    assert buffer.release() == []
    buffer.push(RAMPING, 1)
    assert buffer.push(late(1), 2) == [1, 2]
    buffer.push(RAMPING, 3)
    assert buffer.release() == [3]


@pytest.mark.parametrize("seed", range(3))
def test_the_mask_marks_what_a_tracker_lets_count(seed: int) -> None:
    random = np.random.default_rng(seed)
    levels = np.repeat(random.choice([-10.0, -20.0, -33.0, -50.0, -60.0], 150), random.integers(1, 12, 150))
    spectra = levels[:, None] + random.normal(0, 0.5, (len(levels), 8))
    tracker = OperatingTracker(learn_states([spectra[: len(levels) // 2]]))
    results = [tracker.second(spectrum) for spectrum in spectra]
    mask = decision_mask(results)
    assert 0 < sum(mask) < len(mask)
    assert all(mask[k] for k, result in enumerate(results) if result.counts)
    assert not any(mask[k] for k, result in enumerate(results) if result.operating is OperatingState.STOPPED)


def test_a_stopped_machine_is_left_out() -> None:
    made = [
        simulate("pump", seconds=60, seed=k, states=[("high", 35), ("stopped", 25)]).samples for k in (1, 2)
    ]
    spectra = [second_spectra(samples, FrontEnd()) for samples in made]
    mask = recording_decision_mask(learn_states(spectra), spectra[1])
    assert all(mask[5:34])
    assert not any(mask[40:])


def test_a_possible_ramp_at_the_end_of_a_recording_teaches_nothing() -> None:
    high, low = np.full((40, 8), -10.0), np.full((40, 8), -30.0)
    noise = np.random.default_rng(2).normal(0, 0.4, (80, 8))
    states = learn_states([np.concatenate([high, low]) + noise])
    mask = recording_decision_mask(states, np.concatenate([high[:5], np.full((2, 8), -20.0)]))
    assert mask == [True] * 5 + [False] * 2
