"""A small gain is taken off; a change of shape, a large gain and the machine's own gains are left alone."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from anomaly.features.front_end import FrontEnd, frames_before
from anomaly.features.level_compensation import LevelCompensator, compensate_segments
from anomaly.features.level_reference import LevelReference

FRONT_END = FrontEnd()
SHAPE = (np.arange(32) * 37 % 900 - 4_000).astype(np.int64)
REFERENCE = LevelReference(SHAPE[None], own_gain_cb=(40, 40, 30), shape_cb=30)


def seconds(*gains_cb: int) -> npt.NDArray[np.int32]:
    """Return levels [gains, 31, 32] of seconds with these gains."""
    return (SHAPE + np.array(gains_cb)[:, None, None] + np.zeros((31, 1), int)).astype(np.int32)


def compensated(compensator: LevelCompensator, second: npt.NDArray[np.int32]) -> int:
    """Return the gain that is left after one second [31, 32]."""
    left = compensator.push(second[None])[0] - SHAPE
    return int(np.median(left))


@pytest.mark.parametrize("gain_cb", [-800, -300, -41, 41, 100, 300, 800])
def test_a_small_gain_is_taken_off(gain_cb: int) -> None:
    assert compensated(LevelCompensator(REFERENCE), seconds(gain_cb)[0]) == 0


@pytest.mark.parametrize("gain_cb", [-40, -1, 0, 40])
def test_gains_of_the_machine_itself_are_left_alone(gain_cb: int) -> None:
    assert compensated(LevelCompensator(REFERENCE), seconds(gain_cb)[0]) == gain_cb


@pytest.mark.parametrize("gain_cb", [-801, 801, 2_000])
def test_a_large_gain_is_left_to_the_sensor_check(gain_cb: int) -> None:
    assert compensated(LevelCompensator(REFERENCE), seconds(gain_cb)[0]) == gain_cb


def test_another_shape_is_left_alone() -> None:
    second = seconds(200)
    second[..., :8] += 300
    assert compensated(LevelCompensator(REFERENCE), second[0]) == 200


def test_the_gain_is_averaged_since_the_reset() -> None:
    compensator = LevelCompensator(REFERENCE)
    first, second = seconds(200, 300)
    assert compensated(compensator, first) == 0
    assert compensated(compensator, second) == 50
    compensator.reset()
    assert compensated(compensator, second) == 0


def test_it_holds_while_half_of_the_seconds_have_the_shape() -> None:
    compensator = LevelCompensator(REFERENCE)
    other = seconds(200)
    other[..., :8] += 300
    assert compensated(compensator, seconds(200)[0]) == 0
    assert compensated(compensator, other[0]) == 0
    # One of three has it.
    assert compensated(compensator, other[0]) == 200


def test_streams_do_not_depend_on_each_other() -> None:
    both, first, second = (
        LevelCompensator(REFERENCE, 2),
        LevelCompensator(REFERENCE),
        LevelCompensator(REFERENCE),
    )
    for pair in (seconds(200, -100), seconds(100, -300), seconds(0, 0)):
        alone = np.concatenate([first.push(pair[:1]), second.push(pair[1:])])
        assert (both.push(pair) == alone).all()


def test_segments_are_compensated_second_by_second() -> None:
    random = np.random.default_rng(4)
    segments = (SHAPE + random.integers(-300, 300, (2, frames_before(10), 1))).astype(np.int32)
    whole = compensate_segments(segments, 13, FRONT_END, REFERENCE)
    for segment, length in ((0, 10), (1, 3)):
        compensator = LevelCompensator(REFERENCE)
        for k in range(length):
            part = slice(frames_before(k), frames_before(k + 1))
            expected = compensator.push(segments[segment : segment + 1, part])[0]
            assert (whole[segment, part] == expected).all()
    # What carries no meaning stays, and so does the caller's array.
    assert (whole[1, frames_before(3) :] == segments[1, frames_before(3) :]).all()
    assert compensate_segments(segments, 13, FRONT_END, None) is segments
