"""States of a capture follow what happens to it, on a clock that nobody sets."""

from __future__ import annotations

import pytest

from anomaly.audio.capture.capture_state import CaptureState, CaptureStateMachine


def test_from_start_to_loss_and_back() -> None:
    watch = CaptureStateMachine()
    assert watch.state is CaptureState.STARTING
    assert watch.sound(0.0) is CaptureState.HEALTHY
    assert watch.lost(1.0) is CaptureState.LOST
    assert watch.sound(2.0) is CaptureState.RECOVERING
    assert watch.sound(4.9) is CaptureState.RECOVERING
    assert watch.sound(5.1) is CaptureState.HEALTHY


def test_a_gap_degrades_for_a_while() -> None:
    watch = CaptureStateMachine()
    watch.sound(0.0)
    assert watch.sound(1.0, gap=True) is CaptureState.DEGRADED
    assert watch.sound(10.9) is CaptureState.DEGRADED
    assert watch.sound(11.1) is CaptureState.HEALTHY


def test_one_that_does_not_come_back_has_failed_and_may_still_come_back() -> None:
    watch = CaptureStateMachine()
    assert watch.lost(0.0) is CaptureState.LOST
    assert watch.lost(599.0) is CaptureState.LOST
    assert watch.lost(600.0) is CaptureState.FAILED
    assert watch.sound(601.0) is CaptureState.RECOVERING
    assert watch.lost(602.0) is CaptureState.LOST


@pytest.mark.parametrize("state", list(CaptureState))
def test_states_are_the_words_that_are_told(state: CaptureState) -> None:
    assert state == state.name.lower()
