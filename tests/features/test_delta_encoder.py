"""Send-on-delta: how far the receiver can be off, and what it can rely on."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from anomaly.errors import ModelError
from anomaly.features.delta_encoder import DeltaCode, DeltaEncoder

EXTREME = np.iinfo(np.int32)
LEVELS = st.integers(-12_500, 5_000)
ANY_LEVELS = st.one_of(LEVELS, st.integers(EXTREME.min, EXTREME.max))


@st.composite
def codes(
    draw: st.DrawFn, bands: int = 3, level: Any = LEVELS, leaks: tuple[int, ...] = (0, 0, 1, 4, 5, 30)
) -> DeltaCode:
    mean = draw(arrays(np.int32, bands, elements=level))
    threshold = draw(arrays(np.int32, bands, elements=st.integers(1, 2_000)))
    leak = draw(st.sampled_from(leaks))
    return DeltaCode(mean, threshold, draw(st.integers(1, 8)), draw(st.booleans()), leak)


def some_levels(streams: int = 2, level: Any = LEVELS) -> st.SearchStrategy[npt.NDArray[np.int32]]:
    shapes = st.integers(1, 6).map(lambda frames: (streams, frames, 3))
    return shapes.flatmap(lambda shape: arrays(np.int32, shape, elements=level))


def references(code: DeltaCode, levels: npt.NDArray[np.int32]) -> list[npt.NDArray[np.int64]]:
    """The encoder's reference after each frame, [streams, bands]."""
    encoder = DeltaEncoder(code, len(levels))
    after = []
    for frame in range(levels.shape[1]):
        encoder.push(levels[:, frame : frame + 1])
        after.append(encoder.reference)
    return after


@settings(deadline=None)
@given(codes(level=ANY_LEVELS), some_levels(level=ANY_LEVELS))
def test_within_a_threshold_or_all_events_of_one_sign(code: DeltaCode, levels: npt.NDArray[np.int32]) -> None:
    events = DeltaEncoder(code, len(levels)).push(levels).astype(np.int64)
    for frame, reference in enumerate(references(code, levels)):
        near = np.abs(levels[:, frame].astype(np.int64) - reference) <= code.threshold
        one_sign = np.abs(events[:, frame].sum(axis=1)) == code.micro_steps
        assert (near | one_sign).all()


@settings(deadline=None)
@given(codes(leaks=(0,)), arrays(np.int32, 3, elements=LEVELS))
def test_at_constant_level_the_bound_holds_in_time(code: DeltaCode, level: npt.NDArray[np.int32]) -> None:
    distance = np.abs(level.astype(np.int64) - code.mean)
    frames = -(-distance // (code.micro_steps * code.threshold.astype(np.int64)))
    encoder = DeltaEncoder(code)
    for frame in range(1, int(frames.max()) + 3):
        encoder.push(level[None, None])
        late = frame >= frames
        assert (np.abs(level - encoder.reference[0])[late] <= code.threshold[late]).all()


@settings(deadline=None)
@given(codes(level=ANY_LEVELS, leaks=(0,)), some_levels(level=ANY_LEVELS))
def test_events_rebuild_the_reference(code: DeltaCode, levels: npt.NDArray[np.int32]) -> None:
    events = DeltaEncoder(code, len(levels)).push(levels)
    assert set(np.unique(events)) <= {-1, 0, 1}
    sums = events.astype(np.int64).sum(axis=2).cumsum(axis=1)
    rebuilt = code.mean + sums * code.threshold.astype(np.int64)
    assert np.array_equal(rebuilt, np.stack(references(code, levels), axis=1))


@settings(deadline=None)
@given(codes(leaks=(1, 4, 6)), some_levels(streams=1))
def test_a_receiver_that_leaks_holds_the_reference(code: DeltaCode, levels: npt.NDArray[np.int32]) -> None:
    """As near as fixed point comes to it: a 2^20th of what is held, and a 2^8th of a unit, in each frame."""
    events = DeltaEncoder(code).push(levels)[0].astype(np.float64)
    held, off = np.zeros(3), np.zeros(3)
    for sent, reference in zip(events, references(code, levels), strict=True):
        for step in sent:
            held = held * (1 - 2.0**-code.leak) + step * code.threshold
        off += (np.abs(held) + code.micro_steps * code.threshold) * 2.0**-19 + (
            1 + code.micro_steps
        ) * 2.0**-8
        assert (np.abs(code.mean + held - reference[0]) <= 0.5 + off).all()


@settings(deadline=None)
@given(codes(), some_levels())
def test_events_of_a_frame_have_one_sign_and_come_first(
    code: DeltaCode, levels: npt.NDArray[np.int32]
) -> None:
    events = DeltaEncoder(code, len(levels)).push(levels)
    busy = np.abs(events)
    assert (np.diff(busy, axis=2) <= 0).all()
    assert (np.abs(events.sum(axis=2)) == busy.sum(axis=2)).all()


@settings(deadline=None)
@given(codes(), some_levels(streams=1), st.data())
def test_any_cut_gives_the_same_events(
    code: DeltaCode, levels: npt.NDArray[np.int32], data: st.DataObject
) -> None:
    cut = data.draw(st.integers(0, levels.shape[1]))
    encoder = DeltaEncoder(code)
    parts = [encoder.push(levels[:, :cut]), encoder.push(levels[:, cut:])]
    assert np.array_equal(np.concatenate(parts, axis=1), DeltaEncoder(code).push(levels))


@settings(deadline=None)
@given(codes(), some_levels(streams=4))
def test_streams_are_independent(code: DeltaCode, levels: npt.NDArray[np.int32]) -> None:
    together = DeltaEncoder(code, 4).push(levels)
    for stream in range(4):
        assert np.array_equal(together[stream], DeltaEncoder(code).push(levels[stream : stream + 1])[0])


@settings(deadline=None)
@given(codes(), some_levels(), some_levels())
def test_a_reset_returns_to_the_mean(
    code: DeltaCode, before: npt.NDArray[np.int32], after: npt.NDArray[np.int32]
) -> None:
    encoder = DeltaEncoder(code, 2)
    encoder.push(before)
    encoder.reset()
    assert (encoder.reference == code.mean).all()
    assert np.array_equal(encoder.push(after), DeltaEncoder(code, 2).push(after))


def test_the_rule_by_hand() -> None:
    code = DeltaCode(np.array([0], np.int32), np.array([100], np.int32), 4)
    levels = np.array([[[100], [101], [350], [1000], [1000], [-100]]], np.int32)
    events = DeltaEncoder(code).push(levels)[0, :, :, 0]
    assert events.tolist() == [
        [0, 0, 0, 0],
        [1, 0, 0, 0],
        [1, 1, 0, 0],
        [1, 1, 1, 1],
        [1, 1, 0, 0],
        [-1, -1, -1, -1],
    ]


def test_the_nearest_level_is_sent_from_seven_tenths_of_a_threshold_on() -> None:
    code = DeltaCode(np.array([0], np.int32), np.array([100], np.int32), 4, nearest=True)
    levels = np.array([[[70], [71], [170], [171], [350], [1000], [-50], [-51]]], np.int32)
    events = DeltaEncoder(code).push(levels)[0, :, :, 0]
    assert events.tolist() == [
        [0, 0, 0, 0],
        [1, 0, 0, 0],
        [0, 0, 0, 0],
        [1, 0, 0, 0],
        [1, 1, 0, 0],
        [1, 1, 1, 1],
        [-1, -1, -1, -1],
        [-1, -1, -1, -1],
    ]


def test_the_reference_is_a_copy() -> None:
    encoder = DeltaEncoder(DeltaCode(np.zeros(2, np.int32), np.ones(2, np.int32)))
    encoder.reference[:] = 99
    assert (encoder.reference == 0).all()


def vector(*values: int) -> npt.NDArray[np.int32]:
    return np.array(values, dtype=np.int32)


@pytest.mark.parametrize(
    ("mean", "threshold", "steps"),
    [
        (vector(0, 0), vector(5), 4),
        (vector(0)[None], vector(5)[None], 4),
        (vector(), vector(), 4),
        (vector(0), vector(0), 4),
        (vector(0, 0), vector(9, -1), 4),
        (vector(0), vector(5), 0),
        (vector(0), vector(5), 65),
    ],
)
def test_codes_that_make_no_sense(
    mean: npt.NDArray[np.int32], threshold: npt.NDArray[np.int32], steps: int
) -> None:
    with pytest.raises(ModelError, match="delta encoder"):
        DeltaCode(mean, threshold, steps)


def test_a_code_knows_its_bands() -> None:
    assert DeltaCode(vector(1, 2, 3), vector(1, 1, 1)).bands == 3
