"""Bearing defects have the characteristic frequencies of their geometry."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.signal import butter, hilbert, sosfiltfilt

from anomaly.audio.simulator import load_recipe, simulate
from anomaly.audio.simulator.motion.timeline import Timeline
from anomaly.audio.simulator.recipe.source_models import Bearing
from anomaly.audio.simulator.sources.bearing import bearing as bearing_blows
from anomaly.audio.simulator.sources.bearing import impacts_per_turn


def bearing(damage: str, **changes: float) -> Bearing:
    values = {"balls": 9, "ball_mm": 7.94, "pitch_mm": 39.04} | changes
    return Bearing.model_validate(
        {"name": "pit", "kind": "bearing", "path": "housing", "damage": damage} | values
    )


@pytest.mark.parametrize(
    ("damage", "per_turn"),
    # SKF 6205-2RS of the Case Western bearing data centre; its table gives 2 x BSF = 4.7135 strikes per turn.
    [("outer_race", 3.5848), ("inner_race", 5.4152), ("ball", 4.7135), ("cage", 0.39828)],
)
def test_rates_of_a_known_bearing(damage: str, per_turn: float) -> None:
    assert impacts_per_turn(bearing(damage)) == pytest.approx(per_turn, rel=1e-3)


def test_a_contact_angle_brings_the_rates_of_the_races_together() -> None:
    straight, slanted = (impacts_per_turn(bearing("outer_race", contact_deg=a)) for a in (0.0, 40.0))
    assert straight < slanted < 4.5
    both = impacts_per_turn(bearing("outer_race")) + impacts_per_turn(bearing("inner_race"))
    assert both == pytest.approx(9.0)


def envelope_spectrum(
    sound: NDArray[np.float32], low: float, high: float
) -> tuple[NDArray[np.float64], float]:
    band = sosfiltfilt(butter(4, [low, high], "bandpass", fs=16_000, output="sos"), sound.astype(np.float64))
    envelope = np.abs(hilbert(band))
    envelope -= envelope.mean()
    return np.abs(np.fft.rfft(envelope * np.hanning(len(envelope)))), 16_000 / len(envelope)


def strongest(spectrum: NDArray[np.float64], step: float, low: float, high: float) -> float:
    begin, end = int(low / step), int(high / step)
    return (begin + int(np.argmax(spectrum[begin:end]))) * step


@pytest.mark.parametrize(
    ("machine", "damage", "shaft_ratio"),
    [
        ("pump", "outer_race", 1.0),
        ("fan", "outer_race", 1.0),
        ("gearbox", "outer_race", 1.0),
        ("pump", "inner_race", 1.0),
    ],
)
def test_envelope_spectrum_peaks_at_the_rate(machine: str, damage: str, shaft_ratio: float) -> None:
    sound = simulate(machine, seconds=16.0, seed=3, fault=damage, severity=0.7)
    (source,) = load_recipe(machine).faults[damage].sources
    assert isinstance(source, Bearing)
    rate_hz = impacts_per_turn(source) * shaft_ratio * sound.states[0][2] / 60.0
    spectrum, step = envelope_spectrum(sound.samples, 2_000.0, 5_000.0)
    turn_hz = sound.states[0][2] / 60.0
    assert strongest(spectrum, step, 1.2 * turn_hz, 1.5 * rate_hz) == pytest.approx(rate_hz, rel=0.02)
    healthy, _ = envelope_spectrum(sound.normal_samples, 2_000.0, 5_000.0)
    near = slice(int(0.98 * rate_hz / step), int(1.02 * rate_hz / step))
    assert spectrum[near].max() > 5.0 * healthy[near].max()


def test_the_shaft_modulates_an_inner_race_defect_and_no_outer_race_defect() -> None:
    turn_hz = simulate("pump", seconds=1.0).states[0][2] / 60.0
    depth = {}
    for damage in ("inner_race", "outer_race"):
        spectrum, step = envelope_spectrum(
            simulate("pump", seconds=16.0, seed=3, fault=damage, severity=1.0).fault_samples, 2_000.0, 5_000.0
        )
        near = slice(int(0.98 * turn_hz / step), int(1.02 * turn_hz / step))
        depth[damage] = spectrum[near].max() / np.median(spectrum[: int(1_000 / step)])
    assert depth["inner_race"] > 5.0 * depth["outer_race"]


@pytest.mark.parametrize(("slip", "locked"), [(0.0, True), (0.02, False)])
def test_with_slip_impacts_are_not_locked_to_the_shaft(slip: float, locked: bool) -> None:
    """Exact intervals give lines up to any harmonic; errors that add up spread the high ones."""
    steps = 1_600
    turned = np.arange(steps + 1, dtype=np.float64) * 0.3
    timeline = Timeline(16_000, 160, np.full(steps + 1, 1_800.0), turned, 1_800.0)
    blows = bearing_blows(bearing("outer_race", slip=slip), timeline, np.random.default_rng(1))
    spectrum = np.abs(np.fft.rfft(blows.astype(np.float64) * np.hanning(len(blows))))
    line = impacts_per_turn(bearing("outer_race")) * 30.0 * 20.0 * 16.0
    near = spectrum[int(line * 0.99) : int(line * 1.01)]
    assert (near.max() > 20.0 * np.median(near)) == locked
