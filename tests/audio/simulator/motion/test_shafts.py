"""Driven shafts: constant ratios, and strokes of a carriage."""

from __future__ import annotations

import numpy as np
import pytest

from anomaly.audio.simulator import simulate
from anomaly.audio.simulator.motion.shafts import shaft_timeline, speed_profile
from anomaly.audio.simulator.motion.timeline import Timeline
from anomaly.audio.simulator.recipe.model import Shaft, Stroke


def main_shaft(seconds: float = 4.0) -> Timeline:
    steps = round(seconds * 100)
    return Timeline(
        16_000, 160, np.full(steps + 1, 30.0), np.arange(steps + 1, dtype=np.float64) * 0.005, 30.0
    )


def test_a_gear_turns_evenly() -> None:
    wheel = shaft_timeline(Shaft(ratio=0.5), main_shaft())
    np.testing.assert_allclose(wheel.revolutions, main_shaft().revolutions * 0.5)
    np.testing.assert_allclose(wheel.speed_rpm, 15.0)
    np.testing.assert_allclose(wheel.drive(1.0), 1.0)


def test_a_carriage_covers_its_way_in_each_cycle_and_rests_at_its_ends() -> None:
    pulley = shaft_timeline(Shaft(ratio=26.0, stroke=Stroke(rest=0.2, rise=0.2)), main_shaft())
    assert pulley.revolutions[-1] == pytest.approx(52.0, abs=0.01)
    assert np.all(np.diff(pulley.revolutions) >= 0.0)
    assert pulley.speed_rpm[0] == 0.0
    assert np.mean(pulley.speed_rpm == 0.0) == pytest.approx(0.2, abs=0.03)
    turned = np.diff(pulley.revolutions) * 100.0 * 60.0
    np.testing.assert_allclose(turned, 0.5 * (pulley.speed_rpm[1:] + pulley.speed_rpm[:-1]), atol=25.0)


def test_the_profile_has_mean_one() -> None:
    assert speed_profile(Stroke()).mean() == pytest.approx(1.0)


def test_a_slider_is_loud_while_it_runs() -> None:
    sound = simulate("slider", seconds=20.0, seed=1)
    cycle = 60.0 / sound.states[0][2]
    level = sound.normal_samples[:319_200].reshape(-1, 800).std(axis=1)
    spectrum = np.abs(np.fft.rfft(level - level.mean()))
    step = 1.0 / (len(level) * 0.05)
    strongest_hz = float(np.argmax(spectrum[: int(3.0 / step)])) * step
    assert strongest_hz == pytest.approx(2.0 / cycle, abs=2 * step)
