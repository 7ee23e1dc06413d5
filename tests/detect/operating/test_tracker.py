"""Tracker: the best path through the states, seconds of a possible ramp, and what a reset forgets."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from anomaly.detect.operating.states import OPERATING_BANDS, OperatingState, OperatingStates, Spectrum
from anomaly.detect.operating.tracker import OperatingResult, OperatingTracker

FAST, SLOW, REST = -10.0, -20.0, -50.0
# On the line from one state to the next, and beside all of them.
BETWEEN, ODD = -15.0, 5.0
LONGEST_RAMP_S = 3
RUN = OperatingResult(OperatingState.RUNNING, True)
STOP = OperatingResult(OperatingState.STOPPED, False)
RAMP = OperatingResult(OperatingState.RAMPING, False)
UNKNOWN = OperatingResult(OperatingState.UNKNOWN, True)


def spectrum(level_db: float) -> Spectrum:
    return np.full(OPERATING_BANDS, level_db)


def machine(*centres_db: float, stopped: int | None = None) -> OperatingStates:
    """States with a spread of 1 dB in every band."""
    centre = np.stack([spectrum(level) for level in centres_db])
    return OperatingStates(centre, np.ones_like(centre), stopped, 8.0, LONGEST_RAMP_S)


THREE = machine(FAST, SLOW, REST, stopped=2)
# A stop so near to the running state that a second at -12 dB is more likely a stop, by 4.5 in log likelihood: less than
# the penalty of a change.
NEAR = machine(-10.0, -13.0, REST, stopped=1)
UNDECIDED = -12.0


def late(result: OperatingResult, seconds: int) -> OperatingResult:
    return OperatingResult(result.operating, result.counts, seconds)


def follow(tracker: OperatingTracker, *levels_db: float) -> list[OperatingResult]:
    return [tracker.second(spectrum(level)) for level in levels_db]


def test_a_ramp_from_one_state_to_another_is_dropped() -> None:
    found = follow(OperatingTracker(THREE), FAST, BETWEEN, BETWEEN, SLOW)
    assert found == [RUN, RAMP, RAMP, RUN]


def test_held_seconds_count_if_the_state_before_them_follows() -> None:
    found = follow(OperatingTracker(THREE), FAST, BETWEEN, BETWEEN, FAST, FAST)
    assert found == [RUN, RAMP, RAMP, late(RUN, 2), RUN]


def test_held_seconds_count_if_no_known_state_follows() -> None:
    found = follow(OperatingTracker(THREE), FAST, BETWEEN, BETWEEN, ODD, ODD)
    assert found == [RUN, RAMP, RAMP, late(UNKNOWN, 2), UNKNOWN]


def test_held_seconds_count_if_no_known_state_was_before_them() -> None:
    found = follow(OperatingTracker(THREE), BETWEEN, BETWEEN, FAST, BETWEEN, SLOW)
    assert found == [RAMP, RAMP, late(RUN, 2), RAMP, RUN]


def test_held_seconds_between_two_stops_are_dropped() -> None:
    assert follow(OperatingTracker(THREE), REST, -35.0, REST) == [STOP, RAMP, STOP]


def test_held_seconds_between_two_stops_that_nobody_knows_count() -> None:
    """The machine may sound through a bad microphone there; a stop that a person has confirmed is a stop."""
    found = follow(OperatingTracker(THREE), -60.0, -35.0, -60.0)
    assert [(one.counts, one.late, one.can_be_judged) for one in found] == [
        (False, 0, False),
        (False, 0, True),
        (False, 1, False),
    ]
    confirmed = replace(THREE, confirmed_stops=np.stack([spectrum(-60.0)]))
    assert follow(OperatingTracker(confirmed), -60.0, -35.0, -60.0) == [STOP, RAMP, STOP]


def test_a_ramp_that_lasts_too_long_is_none() -> None:
    found = follow(OperatingTracker(THREE), FAST, *[BETWEEN] * (LONGEST_RAMP_S + 2), FAST)
    assert found == [RUN, *[RAMP] * LONGEST_RAMP_S, late(UNKNOWN, LONGEST_RAMP_S), UNKNOWN, RUN]


def test_after_a_known_state_the_next_ramp_is_held_again() -> None:
    tracker = OperatingTracker(THREE)
    follow(tracker, FAST, *[BETWEEN] * (LONGEST_RAMP_S + 1), FAST)
    assert follow(tracker, BETWEEN, SLOW) == [RAMP, RUN]


def test_after_an_unknown_second_a_ramp_that_lasted_too_long_is_still_none() -> None:
    tracker = OperatingTracker(THREE)
    follow(tracker, FAST, *[BETWEEN] * (LONGEST_RAMP_S + 1))
    assert follow(tracker, ODD, BETWEEN) == [UNKNOWN, UNKNOWN]


def test_a_machine_without_states_counts_always() -> None:
    assert follow(OperatingTracker(None), FAST, BETWEEN, REST) == [UNKNOWN] * 3


def test_a_change_of_state_needs_no_ramp() -> None:
    assert follow(OperatingTracker(THREE), FAST, FAST, SLOW, REST) == [RUN, RUN, RUN, STOP]


def test_a_change_of_state_must_be_worth_its_penalty() -> None:
    assert follow(OperatingTracker(NEAR), UNDECIDED) == [STOP]
    assert follow(OperatingTracker(NEAR), -10.0, UNDECIDED) == [RUN, RUN]
    # The second time the likelihoods add up to 9, more than the penalty of 8.
    assert follow(OperatingTracker(NEAR), -10.0, -10.0, UNDECIDED, UNDECIDED) == [RUN, RUN, RUN, STOP]


def test_the_way_out_of_a_ramp_costs_less_than_a_change() -> None:
    """A second that favours the stop by 4.5 only, as above: after a ramp it is taken for the stop."""
    assert follow(OperatingTracker(NEAR), -10.0, -30.0, -30.0, UNDECIDED) == [RUN, RAMP, RAMP, STOP]


def test_the_way_into_a_ramp_costs_less_than_a_change() -> None:
    """After an unknown second a ramp is as good an explanation as a state that fits better by 4.5."""
    assert follow(OperatingTracker(NEAR), ODD, UNDECIDED) == [UNKNOWN, RAMP]
    assert follow(OperatingTracker(NEAR), -10.0, -13.0, -11.0) == [RUN, STOP, RUN]


def test_an_hour_in_one_state_is_no_strain() -> None:
    found = follow(OperatingTracker(THREE), *[FAST, SLOW] * 1800, BETWEEN, SLOW)
    assert found == [*[RUN] * 3600, RAMP, late(RUN, 1)]


def test_a_confirmed_stop_is_known() -> None:
    tracker = OperatingTracker(replace(NEAR, confirmed_stops=np.stack([spectrum(-60.0)])))
    found = follow(tracker, -10.0, -61.0, -70.0)
    assert found[:2] == [RUN, STOP]
    assert not found[2].can_be_judged


def test_far_quieter_sound_than_in_training_has_its_levels_and_ends_the_path() -> None:
    tracker = OperatingTracker(NEAR)
    found = follow(tracker, -10.0, -10.0, -60.125678)
    levels = (-60.13,) * OPERATING_BANDS
    assert found[2] == OperatingResult(OperatingState.UNKNOWN, False, 0, levels)
    assert not found[2].can_be_judged
    assert follow(tracker, UNDECIDED) == [STOP]


@pytest.mark.parametrize("levels_db", [[-10.0, -10.0], [-10.0]])
def test_a_reset_forgets_the_path(levels_db: list[float]) -> None:
    tracker = OperatingTracker(NEAR)
    follow(tracker, *levels_db)
    tracker.reset()
    assert follow(tracker, UNDECIDED) == [STOP]


def test_a_reset_forgets_the_state_before() -> None:
    tracker = OperatingTracker(THREE)
    follow(tracker, FAST)
    tracker.reset()
    assert follow(tracker, BETWEEN, SLOW) == [RAMP, late(RUN, 1)]


def test_a_reset_forgets_what_was_held() -> None:
    tracker = OperatingTracker(THREE)
    follow(tracker, FAST, BETWEEN, BETWEEN)
    tracker.reset()
    assert follow(tracker, BETWEEN, ODD) == [RAMP, late(UNKNOWN, 1)]


def test_a_reset_forgets_a_ramp_that_lasted_too_long() -> None:
    tracker = OperatingTracker(THREE)
    follow(tracker, FAST, *[BETWEEN] * (LONGEST_RAMP_S + 1))
    tracker.reset()
    assert follow(tracker, BETWEEN) == [RAMP]
