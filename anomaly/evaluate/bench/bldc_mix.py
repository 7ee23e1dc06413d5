"""Brushless motors, intact and faulty, mixed into the sound of other places."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from anomaly.audio import SAMPLE_RATE_HZ
from anomaly.audio.files.recordings import read_16k
from anomaly.evaluate.bench.backgrounds import BACKGROUNDS, Mixtures, mixtures, read_backgrounds
from anomaly.evaluate.bench.clips import (
    DetectionSet,
    LabelledClip,
    Samples,
    mix_at_level,
    require_parts,
    to_unit_rms,
)
from anomaly.evaluate.layouts.layouts import Clip, read_layout

LEVELS_DB = (6.0, 0.0, -6.0, -12.0)
PIECE_S = 3.5
TRAIN_MIXES = 4
TEST_MIXES = 3


def bldc_mix(
    recordings: Path,
    levels_db: Sequence[float] = LEVELS_DB,
    seed: int = 0,
    *,
    backgrounds: Sequence[str] = BACKGROUNDS,
    train_mixes: int = TRAIN_MIXES,
    test_mixes: int = TEST_MIXES,
) -> list[DetectionSet]:
    """Make sets of brushless motors beside a slide rail and in rooms.

    Motors are brought to the same level; their RMS over that of the background is the level of the set. Training mixes
    each motor clip with ``train_mixes`` excerpts of each background; the test mixes every motor piece with the same
    ``test_mixes`` excerpts of other recordings of each background, so that the background carries no label. Test
    pieces last 3.5 s. Training and test pieces of a normal motor are cuts of one recording, as the source has them.

    Args:
        recordings: folder with ``bldc/``, ``slider/`` and ``noise/``.
        levels_db: one set each, with the same backgrounds.
        seed: of the choice of excerpts.
        backgrounds: ``slider``, ``noise``, or both.
        train_mixes: excerpts of each background for each training clip.
        test_mixes: excerpts of each background for each test piece.

    Raises:
        InputError: recordings are missing or cannot be read.
        UsageError: there is no such background.
    """
    motors = read_layout(recordings / "bldc")
    sound = [to_unit_rms(read_16k(clip.path)) for clip in motors.train]
    pieces = [(clip, piece) for clip in motors.test for piece in _pieces(to_unit_rms(read_16k(clip.path)))]
    require_parts(recordings / "bldc", train=sound, test=pieces)
    chosen = mixtures(
        read_backgrounds(recordings, backgrounds),
        sound,
        round(PIECE_S * SAMPLE_RATE_HZ),
        np.random.default_rng([seed, 1]),
        train_mixes=train_mixes,
        test_mixes=test_mixes,
    )
    return [
        DetectionSet("bldc-mix", level_db, chosen.training(level_db), _test(chosen, pieces, level_db))
        for level_db in levels_db
    ]


def _test(chosen: Mixtures, pieces: Sequence[tuple[Clip, Samples]], level_db: float) -> list[LabelledClip]:
    """Mix every piece into every scene."""
    return [
        LabelledClip(mix_at_level(piece, scene, level_db), clip.label, clip.fault, clip.recording, place)
        for place, scene in chosen.scenes
        for clip, piece in pieces
    ]


def _pieces(samples: Samples) -> list[Samples]:
    length = round(PIECE_S * SAMPLE_RATE_HZ)
    return [samples[start : start + length] for start in range(0, len(samples) - length + 1, length)]
