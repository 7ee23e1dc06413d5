"""Times of impacts."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import butter, find_peaks, sosfiltfilt

from anomaly.audio.simulator import simulate
from anomaly.audio.simulator.motion.timeline import Timeline
from anomaly.audio.simulator.recipe.source_models import Knocks
from anomaly.audio.simulator.sources.impulses import knocks, place


def turning(revolutions_per_s: float, seconds: float) -> Timeline:
    steps = round(seconds * 100)
    speed = np.full(steps + 1, revolutions_per_s * 60.0, dtype=np.float64)
    return Timeline(
        16_000, 160, speed, np.arange(steps + 1, dtype=np.float64) * revolutions_per_s / 100.0, 60.0
    )


def test_an_impulse_between_samples_is_divided_among_them() -> None:
    sound = place(
        np.array([0.001, 0.00203125, -1.0, 99.0]), np.array([1.0, 2.0, 1.0, 1.0]), turning(1.0, 1.0)
    )
    assert sound[16] == pytest.approx(1.0)
    assert sound[32] == pytest.approx(1.0)
    assert sound[33] == pytest.approx(1.0)
    assert sound.sum() == pytest.approx(3.0)


def test_knocks_are_at_their_angles() -> None:
    spec = Knocks(name="k", kind="knocks", path="p", angles=(0.25, 0.5), jitter_s=0.0, spread=0.0)
    sound = knocks(spec, turning(2.0, 3.0), np.random.default_rng(0))
    times = np.flatnonzero(sound > 0.4) / 16_000
    expected = np.sort(np.concatenate([np.arange(6) / 2 + 0.125, np.arange(6) / 2 + 0.25]))
    np.testing.assert_allclose(times, expected, atol=1e-4)


def test_knocks_of_a_machine_at_rest() -> None:
    spec = Knocks(name="k", kind="knocks", path="p", angles=(0.25,))
    assert not knocks(spec, turning(0.0, 1.0), np.random.default_rng(0)).any()


def test_a_valve_clicks_twice_a_cycle() -> None:
    sound = simulate("valve", seconds=30.0, seed=2)
    band = sosfiltfilt(
        butter(3, [1_000.0, 4_000.0], "bandpass", fs=16_000, output="sos"),
        sound.normal_samples.astype(np.float64),
    )
    peaks, _ = find_peaks(np.abs(band), height=0.3 * np.abs(band).max(), distance=3_200)
    cycles = sound.states[0][2] / 60.0 * 30.0
    assert cycles - 2 <= len(peaks) <= 2 * cycles + 2
