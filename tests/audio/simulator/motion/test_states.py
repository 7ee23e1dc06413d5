"""Schedules, ramps and the speed that follows."""

from __future__ import annotations

import numpy as np
import pytest

from anomaly.audio.simulator import load_recipe, recipe_names, simulate
from anomaly.audio.simulator.motion.states import Segment, speed_curve


def test_steady_by_default() -> None:
    (only,) = simulate("pump", seconds=1.0, seed=4).states
    assert only[0] == 0.0
    assert only[1] == "high"
    assert only[2] == pytest.approx(2920.0, rel=0.02)


def test_a_schedule_in_order_with_ramps_between() -> None:
    sound = simulate("pump", seconds=40.0, seed=4, states=[("high", 15.0), ("stopped", 10.0), ("low", 5.0)])
    names = [name for _, name, _ in sound.states]
    starts = [start for start, _, _ in sound.states]
    assert names == ["high", "ramp", "stopped", "ramp", "low"]
    assert starts == pytest.approx([0.0, 15.0, 18.0, 25.0, 26.5], abs=0.05)
    level = sound.samples.reshape(40, -1).std(axis=1)
    assert level[20:25].max() < 0.02 * level[:15].min()
    assert level[30:].max() < level[:15].min()


def test_a_short_take_has_no_later_states() -> None:
    sound = simulate("pump", seconds=16.0, seed=4, states=[("high", 15.0), ("stopped", 10.0)])
    assert [name for _, name, _ in sound.states] == ["high", "ramp"]


@pytest.mark.parametrize("machine", recipe_names())
def test_a_cycle_visits_every_state_and_another_seed_another_order(machine: str) -> None:
    long = simulate(machine, seconds=400.0, seed=1, states="cycle", sample_rate_hz=8_000).states
    assert {name for _, name, _ in long} == {*load_recipe(machine).speeds_rpm, "ramp"}
    assert [start for start, _, _ in long] == sorted(start for start, _, _ in long)
    other = simulate(machine, seconds=100.0, seed=2, states="cycle", sample_rate_hz=8_000).states
    assert other[:3] != long[:3]


def test_a_ramp_is_smooth_and_ends_at_its_speed() -> None:
    segments = [Segment(0.0, "a", 1000.0), Segment(2.0, "ramp", 0.0), Segment(4.0, "b", 0.0)]
    times = np.linspace(0.0, 6.0, 601)
    speed = speed_curve(segments, times)
    assert speed[0] == 1000.0
    assert speed[-1] == 0.0
    assert speed[300] == pytest.approx(500.0)
    assert np.abs(np.diff(speed)).max() < 8.0


def test_a_ramp_is_a_sweep() -> None:
    sound = simulate("gearbox", seconds=12.0, seed=1, states=[("low", 5.0), ("high", 7.0)])
    turn_hz = {name: rpm / 60.0 for _, name, rpm in sound.states if name != "ramp"}
    for name, part in (("low", slice(0, 64_000)), ("high", slice(128_000, 192_000))):
        spectrum = np.abs(np.fft.rfft(sound.normal_samples[part].astype(np.float64) * np.hanning(64_000)))
        near = spectrum[int(21 * turn_hz[name] * 4 * 0.99) : int(21 * turn_hz[name] * 4 * 1.01)]
        assert near.max() > 10.0 * np.median(spectrum[800:4000])
