from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from anomaly.features.level_normaliser import LevelNormaliser

LEVELS = arrays(np.int32, (2, 40, 4), elements=st.integers(-12_000, 5_000))


@settings(deadline=None, max_examples=50)
@given(LEVELS, st.integers(0, 40))
def test_any_cut_gives_the_same_levels(levels: npt.NDArray[np.int32], cut: int) -> None:
    whole = LevelNormaliser(2).push(levels)
    stream = LevelNormaliser(2)
    parts = [stream.push(levels[:, :cut]), stream.push(levels[:, cut:])]
    assert np.array_equal(np.concatenate(parts, axis=1), whole)
    assert whole.dtype == np.int32


@settings(deadline=None, max_examples=50)
@given(LEVELS, st.integers(-3_000, 3_000))
def test_gain_is_taken_off(levels: npt.NDArray[np.int32], gain: int) -> None:
    louder = LevelNormaliser(2).push(levels + np.int32(gain))
    # Integer division may move the running level by one hundredth of a decibel.
    assert np.abs(louder - LevelNormaliser(2).push(levels)).max() <= 1


def test_streams_are_independent() -> None:
    levels = np.random.default_rng(0).integers(-9_000, 0, (3, 50, 8), dtype=np.int32)
    together = LevelNormaliser(3).push(levels)
    for stream in range(3):
        alone = LevelNormaliser().push(levels[stream : stream + 1])
        assert np.array_equal(together[stream], alone[0])


def test_the_shape_of_a_frame_is_kept_and_its_level_is_not() -> None:
    levels = np.array([[[-3000, -5000, -7000]]], np.int32)
    assert LevelNormaliser().push(levels).tolist() == [[[2000, 0, -2000]]]


def test_a_step_decays_with_two_seconds() -> None:
    levels = np.zeros((1, 500, 4), np.int32)
    levels[:, 1:] = 1000
    after = LevelNormaliser().push(levels)[0, :, 0]
    # 64 frames of 32 ms after a step of 10 dB, 1/e of it is left.
    assert after[64] == pytest.approx(1000 / np.e, rel=0.05)
    assert abs(after[-1]) <= 2
    assert (np.diff(after[1:]) <= 0).all()


def test_it_looks_only_back() -> None:
    levels = np.random.default_rng(0).integers(-9_000, 0, (1, 60, 4), dtype=np.int32)
    other = levels.copy()
    other[:, 30:] += 500
    assert np.array_equal(LevelNormaliser().push(levels)[:, :30], LevelNormaliser().push(other)[:, :30])


def test_after_a_reset_the_next_frame_sets_the_level() -> None:
    levels = np.random.default_rng(0).integers(-9_000, 0, (1, 60, 4), dtype=np.int32)
    used = LevelNormaliser()
    used.push(levels[:, ::-1])
    used.reset()
    assert np.array_equal(used.push(levels), LevelNormaliser().push(levels))
