"""Brushless motors, sound and faulty, in the sound of other places."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from anomaly.audio import SAMPLE_RATE_HZ
from anomaly.audio.files.recordings import read_16k
from anomaly.evaluate.bench.backgrounds import BACKGROUNDS, Mixtures, mixtures, read_backgrounds
from anomaly.evaluate.bench.clips import DetectionSet, LabelledClip, Samples, levelled, mixed, need
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
    """Brushless motors running beside a slide rail, and in rooms.

    Motors are brought to the same level, their RMS over that of the background being the level of
    the set. Training mixes each motor clip with ``train_mixes`` stretches of each background; the
    test mixes every motor piece with the same ``test_mixes`` stretches of other recordings of each
    background, so that the background tells nothing. Pieces for testing all last 3.5 s. Train and
    test pieces of a normal motor are cuts of one recording, which is how the source gives them.

    Args:
        recordings: folder with ``bldc/``, ``slider/`` and ``noise/``.
        levels_db: one set each, with the same backgrounds.
        seed: of the choice of stretches.
        backgrounds: ``slider``, ``noise``, or both.
        train_mixes: stretches of each background for each training clip.
        test_mixes: stretches of each background for each test piece.

    Raises:
        InputError: recordings are missing or cannot be read.
        UsageError: there is no such background.
    """
    motors = read_layout(recordings / "bldc")
    sound = [levelled(read_16k(clip.path)) for clip in motors.train]
    pieces = [(clip, piece) for clip in motors.test for piece in _pieces(levelled(read_16k(clip.path)))]
    need(recordings / "bldc", train=sound, test=pieces)
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
    """Every piece in every scene."""
    return [
        LabelledClip(mixed(piece, scene, level_db), clip.label, clip.fault, clip.recording, place)
        for place, scene in chosen.scenes
        for clip, piece in pieces
    ]


def _pieces(samples: Samples) -> list[Samples]:
    length = round(PIECE_S * SAMPLE_RATE_HZ)
    return [samples[start : start + length] for start in range(0, len(samples) - length + 1, length)]
