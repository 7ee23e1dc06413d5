"""Seconds and segments: a stream in any blocks is cut as a recording is."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anomaly.errors import ModelError
from anomaly.features.front_end import FrontEnd, SecondStream, frames_before, segment_levels
from anomaly.features.mel import mel_power, n_frames, pool

SOUND = (0.2 * np.random.default_rng(3).standard_normal(7 * 16_000 + 5_000)).astype(np.float32)
FRONT_END = FrontEnd(reset_s=3)
SEGMENTS = segment_levels(SOUND, FRONT_END)


def test_segments_begin_with_a_reset() -> None:
    assert SEGMENTS.shape == (3, n_frames(48_000), 32)
    for segment in range(2):
        part = SOUND[48_000 * segment : 48_000 * (segment + 1)]
        assert np.array_equal(SEGMENTS[segment], pool(mel_power(part), 32))
    last = pool(mel_power(SOUND[96_000:112_000]), 32)
    assert np.array_equal(SEGMENTS[2, : len(last)], last)
    assert (SEGMENTS[2, len(last) :] == 0).all()


@pytest.mark.parametrize(
    ("samples", "shape"), [(0, (0, 0)), (15_999, (0, 0)), (16_000, (1, 30)), (63_999, (1, 92))]
)
def test_only_whole_seconds_count(samples: int, shape: tuple[int, int]) -> None:
    assert segment_levels(SOUND[:samples], FRONT_END).shape[:2] == shape


def test_a_second_holds_the_frames_that_end_in_it() -> None:
    ends = 512 * np.arange(1000) + 1024
    for second in range(20):
        inside = (ends > 16_000 * second) & (ends <= 16_000 * (second + 1))
        assert frames_before(second + 1) - frames_before(second) == inside.sum()


def seconds_of(stream: SecondStream, sizes: list[int]) -> list[tuple[int, npt.NDArray[np.int32]]]:
    result, start, turn = [], 0, 0
    while start < len(SOUND):
        size = sizes[turn % len(sizes)]
        result += stream.push(SOUND[start : start + size])
        start, turn = start + size, turn + 1
    return result


def check(found: list[tuple[int, npt.NDArray[np.int32]]]) -> None:
    assert [second for second, _ in found] == [0, 1, 2, 0, 1, 2, 0]
    for index, (second, levels) in enumerate(found):
        expected = SEGMENTS[index // 3, frames_before(second) : frames_before(second + 1)]
        assert np.array_equal(levels, expected)


@pytest.mark.parametrize("size", [37, 160, 1023, 15_999, 16_000, 16_001, 48_000, 200_000])
def test_a_stream_is_cut_as_a_recording_is(size: int) -> None:
    check(seconds_of(SecondStream(FRONT_END), [size]))


@settings(deadline=None, max_examples=25)
@given(st.lists(st.integers(1, 50_000), max_size=8))
def test_a_stream_of_any_blocks_is_cut_as_a_recording_is(sizes: list[int]) -> None:
    check(seconds_of(SecondStream(FRONT_END), [*sizes, 9_001]))


def test_a_reset_begins_a_segment_and_drops_what_waits() -> None:
    stream = SecondStream(FRONT_END)
    stream.push(SOUND[:20_000])
    stream.reset()
    check(seconds_of(stream, [4_000]))


def test_samples_count_whether_or_not_the_answer_is_looked_at() -> None:
    stream = SecondStream(FRONT_END)
    stream.push(SOUND[:8_000])
    stream.push(SOUND[8_000:12_000])
    assert [second for second, _ in stream.push(SOUND[12_000:16_000])] == [0]


def test_the_caller_may_use_its_buffer_again() -> None:
    stream, buffer = SecondStream(FRONT_END), np.empty(4_000, np.float32)
    found = []
    for start in range(0, 16_000, 4_000):
        buffer[:] = SOUND[start : start + 4_000]
        found += stream.push(buffer)
    ((_, levels),) = found
    assert np.array_equal(levels, SEGMENTS[0, :30])


def test_settings_come_back() -> None:
    for front_end in (FrontEnd(), FrontEnd(64, 7, True)):
        written = front_end.to_dict()
        assert {"sample_rate_hz": 16_000, "n_fft": 1024, "hop": 512, "n_mels": 128}.items() <= written.items()
        assert FrontEnd.from_dict(written) == front_end


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"bands": 0}, "do not divide"),
        ({"bands": 33}, "do not divide"),
        ({"reset_s": 0}, "outside 1 to 3600"),
        ({"reset_s": 3601}, "outside 1 to 3600"),
        ({"hop": 256}, "another front end"),
        ({"n_fft": None}, "another front end"),
        ({"colour": "red"}, "unreadable settings"),
        ({"bands": "32"}, "whole numbers"),
        ({"bands": 32.0}, "whole numbers"),
        ({"bands": True}, "whole numbers"),
        ({"reset_s": [10]}, "whole numbers"),
        ({"level_normalise": "no"}, "truth value"),
        ({"level_normalise": 0}, "truth value"),
    ],
)
def test_settings_that_make_no_sense(change: dict[str, Any], words: str) -> None:
    with pytest.raises(ModelError, match=words):
        FrontEnd.from_dict({**FrontEnd().to_dict(), **change})
    with pytest.raises(ModelError):
        FrontEnd.from_dict({})


def test_at_a_reset_another_model_may_take_over() -> None:
    stream = SecondStream(FrontEnd(reset_s=2))
    found = []
    for _ in range(9):
        found.append(stream.at_reset)
        stream.push(np.zeros(8_000, np.float32))
    assert found == [True, False, False, False, True, False, False, False, True]
    stream.reset()
    assert stream.at_reset
