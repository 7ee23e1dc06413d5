"""The seconds that the decision takes of a recording are those that the monitor takes of it, live."""

from __future__ import annotations

import numpy as np
import pytest

from anomaly.audio.simulator import simulate
from anomaly.detect.decision_mask import decision_mask, recording_decision_mask
from anomaly.detect.operating.fit import learn_states
from anomaly.detect.operating.states import OperatingResult, OperatingState, OperatingTracker, second_spectra
from anomaly.detect.scoring import SecondScore
from anomaly.features.front_end import FrontEnd
from anomaly.monitor.ramp_buffer import RampBuffer

RUN, STOP, RAMP, UNKNOWN = (
    OperatingState.RUNNING,
    OperatingState.STOPPED,
    OperatingState.RAMPING,
    OperatingState.UNKNOWN,
)


def live(heard: list[OperatingResult]) -> list[bool]:
    """As the monitor holds seconds back and takes them."""
    held = RampBuffer()
    seconds = [SecondScore(k, 0.0, 0.5, np.zeros(16), each) for k, each in enumerate(heard)]
    took = [score.second for second in seconds for score in held.take(second)]
    took += [score.second for score in held.release()]
    assert took == sorted(took)
    return [k in took for k in range(len(heard))]


def test_stops_and_ramps_are_not_taken() -> None:
    heard = [
        OperatingResult(RUN, True),
        OperatingResult(RAMP, False),
        OperatingResult(STOP, False),
        OperatingResult(RAMP, False),
        OperatingResult(RUN, True),
    ]
    assert decision_mask(heard) == live(heard) == [True, False, False, False, True]


def test_what_was_no_ramp_is_taken_after_all() -> None:
    heard = [
        OperatingResult(RAMP, False),
        OperatingResult(RAMP, False),
        OperatingResult(UNKNOWN, True, 2),
        OperatingResult(STOP, False),
    ]
    assert decision_mask(heard) == live(heard) == [True, True, True, False]


def test_what_may_be_a_ramp_at_the_end_counts_unless_it_is_to_teach() -> None:
    heard = [OperatingResult(RUN, True), OperatingResult(RAMP, False), OperatingResult(RAMP, False)]
    assert decision_mask(heard) == live(heard) == [True, True, True]
    assert decision_mask(heard, end_counts=False) == [True, False, False]
    assert decision_mask([]) == []


@pytest.mark.parametrize("seed", range(3))
def test_on_levels_that_come_and_go_both_agree(seed: int) -> None:
    random = np.random.default_rng(seed)
    levels = np.repeat(random.choice([-10.0, -20.0, -33.0, -50.0, -60.0], 150), random.integers(1, 12, 150))
    spectra = levels[:, None] + random.normal(0, 0.5, (len(levels), 8))
    states = learn_states([spectra[: len(levels) // 2]])
    tracker = OperatingTracker(states)
    heard = [tracker.second(spectrum) for spectrum in spectra]
    assert decision_mask(heard) == live(heard)
    assert 0 < sum(decision_mask(heard)) < len(heard)


def test_a_machine_that_stands_is_not_judged() -> None:
    made = [
        simulate("pump", seconds=60, seed=k, states=[("high", 35), ("stopped", 25)]).samples for k in (1, 2)
    ]
    spectra = [second_spectra(samples, FrontEnd()) for samples in made]
    takes = recording_decision_mask(learn_states(spectra), spectra[1])
    assert all(takes[5:34])
    assert not any(takes[40:])
