"""Mesh and blade-pass frequencies, with side bands at the speed of the shafts."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from anomaly.audio.simulator import simulate

SECONDS = 20.0


def spectrum_db(sound: NDArray[np.float32]) -> NDArray[np.float64]:
    return 20.0 * np.log10(np.abs(np.fft.rfft(sound.astype(np.float64) * np.hanning(len(sound)))) + 1e-12)


def prominence_db(spectrum: NDArray[np.float64], frequency: float) -> float:
    """Return the level of the strongest line within 0.6 % of a frequency above that of its surroundings."""
    near = spectrum[int(frequency * 0.994 * SECONDS) : int(frequency * 1.006 * SECONDS) + 1]
    around = spectrum[int(frequency * 0.9 * SECONDS) : int(frequency * 1.1 * SECONDS)]
    return float(near.max() - np.median(around))


@pytest.mark.parametrize(("machine", "teeth"), [("gearbox", 21), ("pump", 6), ("fan", 7)])
@pytest.mark.parametrize("speed", ["low", "high"])
def test_mesh_and_blade_pass_frequency(machine: str, teeth: int, speed: str) -> None:
    sound = simulate(machine, seconds=SECONDS, seed=2, speed=speed)
    turn_hz = sound.states[0][2] / 60.0
    spectrum = spectrum_db(sound.normal_samples)
    assert prominence_db(spectrum, teeth * turn_hz) > 12.0
    assert prominence_db(spectrum, (teeth + 0.5) * turn_hz) < prominence_db(spectrum, teeth * turn_hz) - 6.0


def test_side_bands_at_both_shafts() -> None:
    sound = simulate("gearbox", seconds=SECONDS, seed=2)
    turn_hz = sound.states[0][2] / 60.0
    spectrum = spectrum_db(sound.normal_samples)
    mesh_hz = 21.0 * turn_hz
    for shaft_hz in (turn_hz, turn_hz * 21.0 / 67.0):
        strongest = max(prominence_db(spectrum, mesh_hz + side * shaft_hz) for side in (-2, -1, 1, 2))
        assert strongest > 8.0


def test_a_speed_in_rpm_moves_the_mesh() -> None:
    sound = simulate("gearbox", seconds=SECONDS, seed=2, speed=1000.0)
    assert sound.states == [(0.0, "custom", 1000.0)]
    assert prominence_db(spectrum_db(sound.normal_samples), 21.0 * 1000.0 / 60.0) > 12.0
