"""States of a capture, on a monotonic clock."""

from __future__ import annotations

import pytest

from anomaly.audio.capture.capture_state import CaptureState, CaptureStateMachine


def test_from_start_to_loss_and_back() -> None:
    machine = CaptureStateMachine()
    assert machine.state is CaptureState.STARTING
    assert machine.sound(0.0) is CaptureState.HEALTHY
    assert machine.lost(1.0) is CaptureState.LOST
    assert machine.sound(2.0) is CaptureState.RECOVERING
    assert machine.sound(4.9) is CaptureState.RECOVERING
    assert machine.sound(5.1) is CaptureState.HEALTHY


def test_a_gap_degrades_for_a_while() -> None:
    machine = CaptureStateMachine()
    machine.sound(0.0)
    assert machine.sound(1.0, gap=True) is CaptureState.DEGRADED
    assert machine.sound(10.9) is CaptureState.DEGRADED
    assert machine.sound(11.1) is CaptureState.HEALTHY


def test_a_device_lost_for_long_has_failed_and_may_come_back() -> None:
    machine = CaptureStateMachine()
    assert machine.lost(0.0) is CaptureState.LOST
    assert machine.lost(599.0) is CaptureState.LOST
    assert machine.lost(600.0) is CaptureState.FAILED
    assert machine.sound(601.0) is CaptureState.RECOVERING
    assert machine.lost(602.0) is CaptureState.LOST


@pytest.mark.parametrize("state", list(CaptureState))
def test_values_are_the_names_in_lower_case(state: CaptureState) -> None:
    assert state == state.name.lower()
