"""The sound a model learns from, in blocks, with a fifth of the recordings held out.

A recording of more than 60 s counts as blocks of 60 s with gaps of 2 s, so that "held out by recording"
means something for a single long recording too. Held-out sound sets thresholds and probabilities; no
weight is fitted on it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from anomaly.audio.files import read_16k
from anomaly.errors import InputError
from anomaly.evaluate.layouts import Clip
from anomaly.features.front_end import FrontEnd, frames_before, segment_levels
from anomaly.features.level import LevelNormaliser
from anomaly.features.mel import SAMPLE_RATE_HZ, Centibels, Samples

LEAST_SECONDS = 30.0
# Half an hour teaches what normal is; more is thinned out evenly, to bound time and memory.
MOST_SECONDS = 1800.0
_BLOCK_S, _GAP_S = 60, 2
_HELD_OUT_EVERY = 5
# Below this level, -90 dBFS, there is no microphone that hears anything.
_SILENCE = 10 ** (-90 / 20)


@dataclass(frozen=True, eq=False)
class Block:
    """An uninterrupted stretch of sound.

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
class Material:
    """Blocks to fit on and blocks to calibrate on."""

    training: tuple[Block, ...]
    held_out: tuple[Block, ...]

    @property
    def seconds(self) -> float:
        """Seconds of sound in all."""
        return sum(block.seconds for block in (*self.training, *self.held_out))


def read_clips(clips: Sequence[Clip], *, progress: Callable[[float], None] = lambda _: None) -> list[Block]:
    """Read recordings as blocks.

    Raises:
        InputError: a file cannot be read, nothing but silence is in it, or there is too little sound in all.
    """
    blocks: list[Block] = []
    for index, clip in enumerate(clips):
        samples = read_16k(clip.path)
        if len(samples) and float(np.abs(samples).max()) < _SILENCE:
            raise InputError(
                "is silent",
                where=clip.path,
                hint="check the microphone, or take the file out; `anomaly data check` lists all such files",
            )
        blocks += cut(samples, clip.recording)
        progress((index + 1) / len(clips))
    return blocks


def cut(samples: Samples, recording: str) -> list[Block]:
    """Cut one recording into blocks; pieces of less than a second are left out."""
    step = (_BLOCK_S + _GAP_S) * SAMPLE_RATE_HZ
    pieces = [samples[start : start + _BLOCK_S * SAMPLE_RATE_HZ] for start in range(0, len(samples), step)]
    many = len(pieces) > 1
    return [
        Block(piece, f"{recording}#{index}" if many else recording)
        for index, piece in enumerate(pieces)
        if len(piece) >= SAMPLE_RATE_HZ
    ]


def split(blocks: Sequence[Block], *, where: Path | None = None) -> Material:
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
    kept = _thin(list(blocks), seconds)
    names = sorted({block.recording for block in kept})
    if len(names) == 1:
        return _cut_one(kept)
    held = set(names[2::_HELD_OUT_EVERY] or names[-1:])
    return Material(
        training=tuple(b for b in kept if b.recording not in held),
        held_out=tuple(b for b in kept if b.recording in held),
    )


def _thin(blocks: list[Block], seconds: float) -> list[Block]:
    if seconds <= MOST_SECONDS:
        return blocks
    keep = int(len(blocks) * MOST_SECONDS / seconds)
    chosen = np.unique(np.linspace(0, len(blocks) - 1, max(2, keep)).astype(int))
    return [blocks[index] for index in chosen]


def _cut_one(blocks: list[Block]) -> Material:
    samples = np.concatenate([block.samples for block in blocks])
    first = int(len(samples) * (1 - 1 / _HELD_OUT_EVERY)) - _GAP_S * SAMPLE_RATE_HZ
    name = blocks[0].recording
    return Material(
        (Block(samples[:first], name),), (Block(samples[first + _GAP_S * SAMPLE_RATE_HZ :], f"{name}#end"),)
    )


def block_segments(blocks: Sequence[Block], front_end: FrontEnd) -> list[Centibels]:
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
