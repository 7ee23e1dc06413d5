"""Rotor faults are at their characteristic multiples of the speed."""

from __future__ import annotations

import numpy as np
import pytest

from anomaly.audio.simulator import simulate


@pytest.mark.parametrize(
    ("machine", "fault", "order"),
    [("pump", "unbalance", 1.0), ("gearbox", "unbalance", 1.0), ("pump", "misalignment", 2.0)],
)
def test_the_strongest_line_of_a_rotor_fault(machine: str, fault: str, order: float) -> None:
    sound = simulate(machine, seconds=16.0, seed=2, fault=fault, severity=1.0)
    spectrum = np.abs(
        np.fft.rfft(sound.fault_samples.astype(np.float64) * np.hanning(len(sound.fault_samples)))
    )
    strongest_hz = float(np.argmax(spectrum)) / 16.0
    assert strongest_hz == pytest.approx(order * sound.states[0][2] / 60.0, rel=0.01)


def test_looseness_has_half_orders() -> None:
    sound = simulate("pump", seconds=16.0, seed=2, fault="looseness", severity=1.0)
    spectrum = np.abs(
        np.fft.rfft(sound.fault_samples.astype(np.float64) * np.hanning(len(sound.fault_samples)))
    )
    turn_hz = sound.states[0][2] / 60.0
    for order in (1.5, 2.5):
        near = spectrum[int(order * turn_hz * 0.99 * 16) : int(order * turn_hz * 1.01 * 16)]
        between = spectrum[int((order + 0.2) * turn_hz * 16) : int((order + 0.3) * turn_hz * 16)]
        assert near.max() > 5.0 * np.median(between)


def test_hum_stays_at_twice_the_mains_frequency() -> None:
    for speed in ("low", "high"):
        sound = simulate("gearbox", seconds=16.0, seed=2, speed=speed).normal_samples.astype(np.float64)
        spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound))))
        assert spectrum[1600] > 5.0 * np.median(spectrum[1500:1700])


def test_orders_beyond_half_the_sample_rate_are_left_out() -> None:
    """Three times the highest speed puts mesh harmonics beyond 8 kHz: nothing may fold back."""
    sound = simulate("gearbox", seconds=8.0, seed=2, speed=4400.0).normal_samples.astype(np.float64)
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound))))
    mesh_hz = 21.0 * 4400.0 / 60.0
    folded_hz = 16_000.0 - 6.0 * mesh_hz
    near = spectrum[int(folded_hz * 0.998 * 8) : int(folded_hz * 1.002 * 8)]
    assert near.max() < 6.0 * np.median(spectrum[int(folded_hz * 0.9 * 8) : int(folded_hz * 1.1 * 8)])
