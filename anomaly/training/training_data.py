"""Training sound in blocks, with a fifth of the recordings held out.

A recording longer than 60 s counts as blocks of 60 s with gaps of 2 s, so that a single long recording can be
split "by recording" too. Held-out sound sets thresholds and probabilities; no weight is fitted on it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from anomaly.audio.files.recordings import blocks as read_blocks
from anomaly.audio.sensor.health import check_second
from anomaly.errors import InputError
from anomaly.evaluate.layouts.layouts import Clip
from anomaly.features.front_end import FrontEnd, frames_before, segment_levels
from anomaly.features.level_normaliser import LevelNormaliser
from anomaly.features.mel import SAMPLE_RATE_HZ, Centibels, Samples

MIN_TRAINING_S = 30.0
# More sound than this is thinned out evenly, to bound time and memory of a training.
MAX_TRAINING_S = 3600.0
_BLOCK_S, _GAP_S = 60, 2
_HELD_OUT_EVERY = 5


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


@dataclass(frozen=True, eq=False)
class ReadResult:
    """Blocks read from recordings, and the recordings without sound.

    Args:
        blocks: blocks with sound.
        silent: files that hold only silence.
    """

    blocks: tuple[TrainingBlock, ...]
    silent: tuple[Path, ...]


def read_clips(clips: Sequence[Clip], *, progress: Callable[[float], None] = lambda _: None) -> ReadResult:
    """Read recordings as blocks without the silent ones; memory does not grow with their number.

    Raises:
        InputError: a file cannot be read, or all of them are silent.
    """
    kept = _ThinnedBlocks()
    silent: list[Path] = []
    for index, clip in enumerate(clips):
        has_sound = False
        for number, piece in enumerate(_pieces(clip.path)):
            if not _is_silent(piece):
                has_sound = True
                kept.add(_block(piece, clip.recording, number))
        if not has_sound:
            silent.append(clip.path)
        progress((index + 1) / len(clips))
    if silent and not kept.blocks:
        raise InputError(
            f"all {len(silent)} recordings are silent" if len(silent) > 1 else "is silent",
            where=silent[0].parent if len(silent) > 1 else silent[0],
            hint="check the microphone and its gain; `anomaly data check` lists the level of each file",
        )
    return ReadResult(tuple(kept.blocks), tuple(silent))


def _pieces(path: Path) -> Iterator[Samples]:
    try:
        yield from read_blocks(path, block_s=_BLOCK_S + _GAP_S)
    except InputError as error:
        hint = (
            error.hint or "mend it or take it out; `anomaly data check` lists every file that cannot be read"
        )
        raise InputError(error.message, where=error.where, hint=hint) from error


class _ThinnedBlocks:
    """Collection that keeps every block until it is full, then every second, every fourth and so on."""

    def __init__(self) -> None:
        self.blocks: list[TrainingBlock] = []
        self._seen, self._every, self._seconds = 0, 1, 0.0

    def add(self, block: TrainingBlock) -> None:
        if len(block.samples) < SAMPLE_RATE_HZ:
            return
        if self._seen % self._every == 0:
            self.blocks.append(block)
            self._seconds += block.seconds
        self._seen += 1
        if self._seconds > MAX_TRAINING_S and len(self.blocks) > 1:
            self.blocks, self._every = self.blocks[::2], 2 * self._every
            self._seconds = sum(b.seconds for b in self.blocks)


def _is_silent(samples: Samples) -> bool:
    """Return whether scoring would treat the samples as those of a dead microphone."""
    return check_second(samples).status in ("silent", "constant")


def _block(piece: Samples, recording: str, number: int) -> TrainingBlock:
    # Blocks of one recording have names of their own; clips of less than a block keep theirs.
    name = (
        recording if number == 0 and len(piece) < _BLOCK_S * SAMPLE_RATE_HZ else f"{recording}#{number:05d}"
    )
    return TrainingBlock(piece[: _BLOCK_S * SAMPLE_RATE_HZ].copy(), name)


def cut_blocks(samples: Samples, recording: str) -> list[TrainingBlock]:
    """Cut one recording in memory into blocks, without pieces that are silent or shorter than a second."""
    step = (_BLOCK_S + _GAP_S) * SAMPLE_RATE_HZ
    pieces = [samples[start : start + step] for start in range(0, len(samples), step)]
    return [
        _block(p, recording, n)
        for n, p in enumerate(pieces)
        if len(p) >= SAMPLE_RATE_HZ and not _is_silent(p)
    ]


def split_held_out(blocks: Sequence[TrainingBlock], *, where: Path | None = None) -> TrainingData:
    """Hold out every fifth recording; cut a single recording in two, with a gap between.

    Raises:
        InputError: there is less than 30 s of sound.
    """
    seconds = sum(block.seconds for block in blocks)
    if seconds < MIN_TRAINING_S:
        raise InputError(
            f"holds {seconds:.1f} s of usable normal sound",
            where=where,
            hint=f"training needs at least {MIN_TRAINING_S:.0f} s, and gets better up to about ten minutes",
        )
    names = sorted({block.recording for block in blocks})
    if len(names) == 1:
        return _split_single(list(blocks))
    held_out = set(names[2::_HELD_OUT_EVERY] or names[-1:])
    return TrainingData(
        training=tuple(b for b in blocks if b.recording not in held_out),
        held_out=tuple(b for b in blocks if b.recording in held_out),
    )


def _split_single(blocks: list[TrainingBlock]) -> TrainingData:
    samples = np.concatenate([block.samples for block in blocks])
    first = int(len(samples) * (1 - 1 / _HELD_OUT_EVERY)) - _GAP_S * SAMPLE_RATE_HZ
    name = blocks[0].recording
    return TrainingData(
        (TrainingBlock(samples[:first], name),),
        (TrainingBlock(samples[first + _GAP_S * SAMPLE_RATE_HZ :], f"{name}#end"),),
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
