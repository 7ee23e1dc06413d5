"""Training sound in blocks, with a fifth of the recordings held out.

A recording longer than 60 s counts as blocks of 60 s with gaps of 2 s, so that a single long recording can be
split "by recording" too. Held-out sound sets thresholds and probabilities; no weight is fitted on it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from anomaly.audio.sensor.health import check_second
from anomaly.errors import InputError
from anomaly.features.front_end import FrontEnd, frames_before, segment_levels
from anomaly.features.level_normaliser import LevelNormaliser
from anomaly.features.mel import SAMPLE_RATE_HZ, Centibels, Samples

MIN_TRAINING_S = 30.0
# More sound than this is thinned out evenly, to bound time and memory of a training.
MAX_TRAINING_S = 3600.0
BLOCK_S, GAP_S = 60, 2
_HELD_OUT_EVERY = 5

# Parts that detectors are trained without, one at a time, to calibrate on sound that nothing was fitted on.
FOLDS = 3
# Fewer recordings than two a fold are not cross-fitted.
MIN_RECORDINGS_TO_FOLD = 2 * FOLDS


@dataclass(frozen=True, eq=False)
class TrainingBlock:
    """Stretch of one recording, uninterrupted unless it was joined from pieces.

    Args:
        samples: [n], float32, 16 kHz, at least one second.
        recording: name of the recording it is part of.
    """

    samples: Samples
    recording: str

    @property
    def seconds(self) -> float:
        """Length in seconds."""
        return len(self.samples) / SAMPLE_RATE_HZ


@dataclass(frozen=True, eq=False)
class TrainingData:
    """Blocks to fit on and held-out blocks to calibrate on."""

    training: tuple[TrainingBlock, ...]
    held_out: tuple[TrainingBlock, ...]

    @property
    def seconds(self) -> float:
        """Total length in seconds."""
        return sum(block.seconds for block in (*self.training, *self.held_out))


class ThinnedBlocks:
    """Collection that keeps every block until it is full, then every second, every fourth and so on."""

    def __init__(self) -> None:
        self.blocks: list[TrainingBlock] = []
        self._seen, self._every, self._seconds = 0, 1, 0.0

    def remove(self, blocks: Sequence[TrainingBlock]) -> None:
        """Remove blocks of a recording that turned out to be faulty."""
        gone = {id(block) for block in blocks}
        self.blocks = [block for block in self.blocks if id(block) not in gone]
        self._seconds = sum(block.seconds for block in self.blocks)

    def add(self, block: TrainingBlock) -> None:
        """Add a block of a second or more."""
        if len(block.samples) < SAMPLE_RATE_HZ:
            return
        if self._seen % self._every == 0:
            self.blocks.append(block)
            self._seconds += block.seconds
        self._seen += 1
        if self._seconds > MAX_TRAINING_S and len(self.blocks) > 1:
            self.blocks, self._every = self.blocks[::2], 2 * self._every
            self._seconds = sum(b.seconds for b in self.blocks)


def is_silent(samples: Samples) -> bool:
    """Return whether scoring would treat the samples as those of a dead microphone."""
    return check_second(samples).status in ("silent", "constant")


def named_block(piece: Samples, recording: str, number: int) -> TrainingBlock:
    """Return a piece of a recording as a block without the gap to the next one."""
    # Blocks of one recording have names of their own; clips of less than a block keep theirs.
    name = recording if number == 0 and len(piece) < BLOCK_S * SAMPLE_RATE_HZ else f"{recording}#{number:05d}"
    return TrainingBlock(piece[: BLOCK_S * SAMPLE_RATE_HZ].copy(), name)


def cut_blocks(samples: Samples, recording: str) -> list[TrainingBlock]:
    """Cut one recording in memory into blocks, without pieces that are silent or shorter than a second."""
    step = (BLOCK_S + GAP_S) * SAMPLE_RATE_HZ
    pieces = [samples[start : start + step] for start in range(0, len(samples), step)]
    return [
        named_block(p, recording, n)
        for n, p in enumerate(pieces)
        if len(p) >= SAMPLE_RATE_HZ and not is_silent(p)
    ]


def split_held_out(blocks: Sequence[TrainingBlock], *, where: Path | None = None) -> TrainingData:
    """Hold out every fifth recording; cut a single recording in two, with a gap between.

    Raises:
        InputError: there is less than 30 s of sound.
    """
    seconds = sum(block.seconds for block in blocks)
    if seconds < MIN_TRAINING_S:
        raise InputError(
            f"holds {seconds:.1f} s of usable normal sound, {MIN_TRAINING_S - seconds:.1f} s too little",
            where=where,
            hint=f"training needs at least {MIN_TRAINING_S:.0f} s, and gets better up to about ten minutes:"
            " `anomaly record` adds recordings",
        )
    names = sorted({block.recording for block in blocks})
    if len(names) == 1:
        return _split_single(list(blocks))
    held_out = set(names[2::_HELD_OUT_EVERY] or names[-1:])
    return TrainingData(
        training=tuple(b for b in blocks if b.recording not in held_out),
        held_out=tuple(b for b in blocks if b.recording in held_out),
    )


def recording_folds(blocks: Sequence[TrainingBlock], seed: int) -> list[list[TrainingBlock]]:
    """Divide blocks into folds with each recording in one of them; empty with too few recordings.

    Recordings are drawn at random: if they follow the machine's speeds in turn, every third of them could leave out a
    whole speed.
    """
    names = sorted({block.recording for block in blocks})
    if len(names) < MIN_RECORDINGS_TO_FOLD:
        return []
    drawn = [names[i] for i in np.random.default_rng([seed, 5]).permutation(len(names))]
    return [[b for b in blocks if b.recording in set(drawn[part::FOLDS])] for part in range(FOLDS)]


def _split_single(blocks: list[TrainingBlock]) -> TrainingData:
    samples = np.concatenate([block.samples for block in blocks])
    first = int(len(samples) * (1 - 1 / _HELD_OUT_EVERY)) - GAP_S * SAMPLE_RATE_HZ
    name = blocks[0].recording
    return TrainingData(
        (TrainingBlock(samples[:first], name),),
        (TrainingBlock(samples[first + GAP_S * SAMPLE_RATE_HZ :], f"{name}#end"),),
    )


def block_segments(blocks: Sequence[TrainingBlock], front_end: FrontEnd) -> list[Centibels]:
    """Levels of every segment of every block, [frames, bands] each, as the detectors receive them."""
    return [segment for block in blocks for segment in sample_segments(block.samples, front_end)]


def sample_segments(samples: Samples, front_end: FrontEnd) -> list[Centibels]:
    """Levels of every segment of one stretch of sound, each [frames, bands]; whole seconds only."""
    levels = segment_levels(samples, front_end)
    if front_end.level_normalise and len(levels):
        levels = LevelNormaliser(len(levels)).push(levels)
    seconds = len(samples) // SAMPLE_RATE_HZ
    lengths = [min(front_end.reset_s, seconds - start) for start in range(0, seconds, front_end.reset_s)]
    return [segment[: frames_before(length)] for segment, length in zip(levels, lengths, strict=True)]
