from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from anomaly.errors import InputError
from anomaly.features.front_end import FrontEnd, SecondStream
from anomaly.features.level_normaliser import LevelNormaliser
from anomaly.features.mel import Samples
from anomaly.training import training_data
from anomaly.training.training_data import (
    TrainingBlock,
    block_segments,
    cut_blocks,
    sample_segments,
    split_held_out,
)

RANDOM = np.random.default_rng(0)


def noise(seconds: float, level: float = 0.05) -> Samples:
    made: Samples = (level * RANDOM.standard_normal(round(16_000 * seconds))).astype(np.float32)
    return made


def lengths(blocks: list[TrainingBlock]) -> list[float]:
    return [block.seconds for block in blocks]


def test_long_recordings_are_blocks_of_a_minute_with_gaps() -> None:
    sound = noise(200)
    blocks = cut_blocks(sound, "long")
    assert lengths(blocks) == [60, 60, 60, 14]
    for number, block in enumerate(blocks):
        start = 62 * 16_000 * number
        assert np.array_equal(block.samples, sound[start : start + len(block.samples)])
    assert len({block.recording for block in blocks}) == 4


def test_short_clips_keep_their_name() -> None:
    assert [block.recording for block in cut_blocks(noise(5), "clip")] == ["clip"]
    assert lengths(cut_blocks(noise(61), "clip")) == [60]


def test_what_is_shorter_than_a_second_or_silent_is_left_out() -> None:
    assert cut_blocks(noise(0.99), "short") == []
    assert lengths(cut_blocks(noise(62.5), "long")) == [60]
    for dead in (np.zeros(48_000, np.float32), np.full(48_000, 0.3, np.float32), noise(3, 1e-6)):
        assert cut_blocks(dead, "dead") == []
    sound = np.concatenate([noise(62), np.zeros(62 * 16_000, np.float32), noise(10)])
    assert [block.recording for block in cut_blocks(sound, "gap")] == ["gap#00000", "gap#00002"]


def test_hours_are_thinned_out_evenly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training_data, "MAX_TRAINING_S", 40.0)
    kept = training_data.ThinnedBlocks()
    for number in range(200):
        kept.add(TrainingBlock(noise(2), f"{number:03}"))
    numbers = [int(block.recording) for block in kept.blocks]
    assert 20 <= sum(lengths(kept.blocks)) <= 40
    assert len(set(np.diff(numbers))) == 1
    assert numbers[0] == 0
    assert numbers[-1] >= 180


def blocks_of(count: int, seconds: float) -> list[TrainingBlock]:
    return [TrainingBlock(noise(seconds), f"clip {number:03}") for number in range(count)]


@pytest.mark.parametrize("count", [2, 3, 5, 12, 43])
def test_a_fifth_of_the_recordings_is_held_out(count: int) -> None:
    found = split_held_out(blocks_of(count, 60 / count + 1))
    names = [{block.recording for block in part} for part in (found.training, found.held_out)]
    assert not names[0] & names[1]
    assert len(names[0] | names[1]) == count
    assert len(names[1]) == max(1, round(count / 5))
    assert found.seconds == pytest.approx(60 + count, abs=0.01)


def test_pieces_of_a_recording_stay_together() -> None:
    blocks = [TrainingBlock(noise(3), f"motor {number // 4}") for number in range(20)]
    found = split_held_out(blocks)
    assert {block.recording for block in found.held_out} == {"motor 2"}
    assert len(found.held_out) == 4


def test_a_single_recording_is_cut_with_a_gap() -> None:
    (block,) = blocks_of(1, 40)
    found = split_held_out([block])
    (training,), (held_out,) = found.training, found.held_out
    assert (training.seconds, held_out.seconds) == (30, 8)
    assert np.array_equal(training.samples, block.samples[: 30 * 16_000])
    assert np.array_equal(held_out.samples, block.samples[32 * 16_000 :])


def test_one_second_clips_are_enough() -> None:
    found = split_held_out(blocks_of(30, 1))
    assert (len(found.training), len(found.held_out)) == (24, 6)


@pytest.mark.parametrize("blocks", [[], blocks_of(29, 1), blocks_of(1, 29.9)])
def test_half_a_minute_is_the_least(blocks: list[TrainingBlock]) -> None:
    with pytest.raises(
        InputError, match=r"data/pump: holds \d+\.\d s of usable normal sound, \d+\.\d s too little"
    ) as caught:
        split_held_out(blocks, where=Path("data/pump"))
    assert "at least 30 s" in str(caught.value.hint)


@pytest.mark.parametrize("level_normalise", [False, True])
@pytest.mark.parametrize("seconds", [1.0, 7.4, 9.0])
def test_segments_are_what_a_stream_gives_to_a_detector(level_normalise: bool, seconds: float) -> None:
    front_end = FrontEnd(reset_s=3, level_normalise=level_normalise)
    sound = noise(seconds)
    segments = sample_segments(sound, front_end)
    streamed: list[list[np.ndarray[tuple[int, int], np.dtype[np.int32]]]] = []
    normaliser = LevelNormaliser()
    for second, levels in SecondStream(front_end).push(sound):
        if second == 0:
            streamed.append([])
            normaliser.reset()
        streamed[-1].append(normaliser.push(levels[None])[0] if level_normalise else levels)
    assert len(segments) == len(streamed)
    for segment, parts in zip(segments, streamed, strict=True):
        assert np.array_equal(segment, np.concatenate(parts))


def test_segments_of_blocks_are_in_order() -> None:
    front_end = FrontEnd(reset_s=3)
    blocks = blocks_of(3, 4.0)
    expected = [segment for block in blocks for segment in sample_segments(block.samples, front_end)]
    found = block_segments(blocks, front_end)
    assert [len(segment) for segment in found] == [92, 30] * 3
    assert all(np.array_equal(a, b) for a, b in zip(found, expected, strict=True))
