from __future__ import annotations

import numpy as np
import pytest

from anomaly.audio.simulator.motion.timeline import Timeline, control_hop


def spinning_up() -> Timeline:
    speed = np.linspace(0.0, 3_000.0, 201)
    turned = np.concatenate([[0.0], np.cumsum(0.5 * (speed[:-1] + speed[1:]) / 60.0 / 100.0)])
    return Timeline(16_000, 160, speed, turned, 1_500.0)


def test_angles_are_the_revolutions_without_the_whole_ones() -> None:
    timeline = spinning_up()
    for ratio in (1.0, 0.5, 7.3):
        expected = np.interp(
            np.arange(timeline.samples), np.arange(timeline.steps + 1) * 160, timeline.revolutions * ratio
        )
        difference = (timeline.angle(ratio) - expected + 0.5) % 1.0 - 0.5
        assert np.abs(difference).max() < 1e-5


def test_expand_interpolates() -> None:
    timeline = spinning_up()
    sound = timeline.expand(timeline.times_s)
    assert sound.dtype == np.float32
    np.testing.assert_allclose(sound, np.arange(timeline.samples) / 16_000, atol=1e-6)


def test_drive_is_one_at_nominal_speed_and_zero_at_rest() -> None:
    timeline = spinning_up()
    for exponent in (0.0, 1.0, 2.5):
        drive = timeline.drive(exponent)
        assert drive[0] == 0.0
        assert drive[100] == pytest.approx(1.0)
        assert drive[200] == pytest.approx(2.0**exponent)


def test_times_at_a_number_of_revolutions() -> None:
    timeline = spinning_up()
    times = timeline.times_at(np.array([10.0, 20.0]))
    np.testing.assert_allclose(timeline.at(timeline.revolutions, times), [10.0, 20.0])


@pytest.mark.parametrize(("rate", "hop"), [(16_000, 160), (44_100, 441), (11_025, 110), (8_000, 80)])
def test_control_points_are_ten_milliseconds_apart(rate: int, hop: int) -> None:
    assert control_hop(rate) == hop
