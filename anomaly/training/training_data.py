"""The sound a model learns from, in blocks, with a fifth of the recordings held out.

A recording of more than 60 s counts as blocks of 60 s with gaps of 2 s, so that "held out by recording"
means something for a single long recording too. Held-out sound sets thresholds and probabilities; no
weight is fitted on it.
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

LEAST_SECONDS = 30.0
# An hour teaches what normal is; more is thinned out evenly, to bound time and memory.
MOST_SECONDS = 3600.0
_BLOCK_S, _GAP_S = 60, 2
_HELD_OUT_EVERY = 5


@dataclass(frozen=True, eq=False)
class TrainingBlock:
    """A stretch of sound, uninterrupted unless it was joined from the pieces of one recording.

    Args:
        samples: [n], float32, 16 kHz, at least one second.
        recording: which recording it is a piece of.
    """

    samples: Samples
    recording: str

    @property
    def seconds(self) -> float:
        """How long it is."""
        return len(self.samples) / SAMPLE_RATE_HZ


@dataclass(frozen=True, eq=False)
class TrainingData:
    """Blocks to fit on and blocks to calibrate on."""

    training: tuple[TrainingBlock, ...]
    held_out: tuple[TrainingBlock, ...]

    @property
    def seconds(self) -> float:
        """Seconds of sound in all."""
        return sum(block.seconds for block in (*self.training, *self.held_out))


@dataclass(frozen=True, eq=False)
class Reading:
    """What was read.

    Args:
        blocks: usable sound.
        silent: files that hold nothing but silence, and were left out.
    """

    blocks: tuple[TrainingBlock, ...]
    silent: tuple[Path, ...]


def read_clips(clips: Sequence[Clip], *, progress: Callable[[float], None] = lambda _: None) -> Reading:
    """Read recordings as blocks, silent ones left out; memory stays bounded however many there are.

    Raises:
        InputError: a file cannot be read, or all of them are silent.
    """
    kept = _Thinned()
    silent: list[Path] = []
    for index, clip in enumerate(clips):
        heard = False
        for number, piece in enumerate(_pieces(clip.path)):
            if not _is_silent(piece):
                heard = True
                kept.add(_block(piece, clip.recording, number))
        if not heard:
            silent.append(clip.path)
        progress((index + 1) / len(clips))
    if silent and not kept.blocks:
        raise InputError(
            f"all {len(silent)} recordings are silent" if len(silent) > 1 else "is silent",
            where=silent[0].parent if len(silent) > 1 else silent[0],
            hint="check the microphone and its gain; `anomaly data check` lists the level of each file",
        )
    return Reading(tuple(kept.blocks), tuple(silent))


def _pieces(path: Path) -> Iterator[Samples]:
    try:
        yield from read_blocks(path, block_s=_BLOCK_S + _GAP_S)
    except InputError as error:
        hint = (
            error.hint or "mend it or take it out; `anomaly data check` lists every file that cannot be read"
        )
        raise InputError(error.message, where=error.where, hint=hint) from error


class _Thinned:
    """Keeps every block until there are too many, then every second, every fourth, and so on."""

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
        if self._seconds > MOST_SECONDS and len(self.blocks) > 1:
            self.blocks, self._every = self.blocks[::2], 2 * self._every
            self._seconds = sum(b.seconds for b in self.blocks)


def _is_silent(samples: Samples) -> bool:
    """Whether nothing was heard, as scoring judges it: a dead microphone teaches nothing of the machine."""
    return check_second(samples).status in ("silent", "constant")


def _block(piece: Samples, recording: str, number: int) -> TrainingBlock:
    # Blocks of one recording have names of their own; clips of less than a block keep theirs.
    name = (
        recording if number == 0 and len(piece) < _BLOCK_S * SAMPLE_RATE_HZ else f"{recording}#{number:05d}"
    )
    return TrainingBlock(piece[: _BLOCK_S * SAMPLE_RATE_HZ].copy(), name)


def cut(samples: Samples, recording: str) -> list[TrainingBlock]:
    """Cut one recording in memory into blocks; pieces that are silent or shorter than a second are left out."""
    step = (_BLOCK_S + _GAP_S) * SAMPLE_RATE_HZ
    pieces = [samples[start : start + step] for start in range(0, len(samples), step)]
    return [
        _block(p, recording, n)
        for n, p in enumerate(pieces)
        if len(p) >= SAMPLE_RATE_HZ and not _is_silent(p)
    ]


def split(blocks: Sequence[TrainingBlock], *, where: Path | None = None) -> TrainingData:
    """Hold out every fifth recording; a single block is cut, with a gap between.

    Raises:
        InputError: there are less than 30 seconds of sound.
    """
    seconds = sum(block.seconds for block in blocks)
    if seconds < LEAST_SECONDS:
        raise InputError(
            f"holds {seconds:.1f} s of usable normal sound",
            where=where,
            hint=f"training needs at least {LEAST_SECONDS:.0f} s, and gets better up to about ten minutes",
        )
    names = sorted({block.recording for block in blocks})
    if len(names) == 1:
        return _cut_one(list(blocks))
    held = set(names[2::_HELD_OUT_EVERY] or names[-1:])
    return TrainingData(
        training=tuple(b for b in blocks if b.recording not in held),
        held_out=tuple(b for b in blocks if b.recording in held),
    )


def _cut_one(blocks: list[TrainingBlock]) -> TrainingData:
    samples = np.concatenate([block.samples for block in blocks])
    first = int(len(samples) * (1 - 1 / _HELD_OUT_EVERY)) - _GAP_S * SAMPLE_RATE_HZ
    name = blocks[0].recording
    return TrainingData(
        (TrainingBlock(samples[:first], name),),
        (TrainingBlock(samples[first + _GAP_S * SAMPLE_RATE_HZ :], f"{name}#end"),),
    )


def block_segments(blocks: Sequence[TrainingBlock], front_end: FrontEnd) -> list[Centibels]:
    """Levels of every segment of every block, [frames, bands] each, as the detectors will see them."""
    return [segment for block in blocks for segment in sample_segments(block.samples, front_end)]


def sample_segments(samples: Samples, front_end: FrontEnd) -> list[Centibels]:
    """Levels of every segment of one stretch of sound, each [frames, bands]; whole seconds only."""
    levels = segment_levels(samples, front_end)
    if front_end.level_normalise and len(levels):
        levels = LevelNormaliser(len(levels)).push(levels)
    seconds = len(samples) // SAMPLE_RATE_HZ
    lengths = [min(front_end.reset_s, seconds - start) for start in range(0, seconds, front_end.reset_s)]
    return [segment[: frames_before(length)] for segment, length in zip(levels, lengths, strict=True)]
