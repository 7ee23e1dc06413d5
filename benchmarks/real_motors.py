"""Real motors beside a real slide rail, whose recordings are disjoint between training, calibration and test.

The detection bench mixes every motor with a few scenes. Here each test piece runs beside every test recording of the
rail, and no recording of the rail is both trained and calibrated on. How normal unseen sound is judged can be told no
better than by the number of recordings that it comes from.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from hall_sound import hear

from anomaly.audio import SAMPLE_RATE_HZ
from anomaly.audio.files.recordings import read_16k
from anomaly.detect.model import Model
from anomaly.evaluate.bench.backgrounds import read_backgrounds
from anomaly.evaluate.bench.clips import levelled, mixed, stretch
from anomaly.evaluate.layouts.layouts import read_layout
from anomaly.training.in_memory import train_on_clips

PIECE_S, MIXES = 3.5, 6

Samples = npt.NDArray[np.float32]
Values = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Motors:
    """What is mixed.

    Args:
        training: sound motors.
        pieces: fault (None for a sound motor), recording and sound of each piece to test with.
        rails: recordings of the slide rail to train beside.
        scenes: a stretch of each of its other recordings.
    """

    training: list[Samples]
    pieces: list[tuple[str | None, str, Samples]]
    rails: list[Samples]
    scenes: list[Samples]


@dataclass(frozen=True, eq=False)
class Judged:
    """Scores of the seconds of a piece that the decision takes.

    Args:
        fault: None for a sound motor.
        recording: that the piece is of.
        scene: beside which it runs.
        scores: per second.
    """

    fault: str | None
    recording: str
    scene: int
    scores: Values


def read_motors(recordings: Path, seed: int = 0) -> Motors:
    """Read motors and rail.

    Raises:
        InputError: recordings are missing or cannot be read.
    """
    motors = read_layout(recordings / "bldc")
    (rail,) = read_backgrounds(recordings, ["slider"])
    length = round(PIECE_S * SAMPLE_RATE_HZ)
    random = np.random.default_rng([seed, 2])
    pieces = [
        (clip.fault if clip.label == "anomaly" else None, clip.recording, sound[start : start + length])
        for clip in motors.test
        for sound in [levelled(read_16k(clip.path))]
        for start in range(0, len(sound) - length + 1, length)
    ]
    scenes = [stretch([one], length, random) for one in rail.test]
    return Motors([levelled(read_16k(clip.path)) for clip in motors.train], pieces, rail.train, scenes)


def train_motors(motors: Motors, level_db: float, seed: int = 0) -> Model:
    """Train on every motor beside several recordings of the rail; what is held out is held out by these."""
    random = np.random.default_rng([seed, 1])
    order = random.permutation(len(motors.rails))
    clips, names = [], []
    for number in range(MIXES * len(motors.training)):
        sound, rail = motors.training[number % len(motors.training)], int(order[number % len(order)])
        clips.append(mixed(sound, stretch([motors.rails[rail]], len(sound), random), level_db))
        names.append(f"rail {rail:03d}")
    return train_on_clips(clips, recordings=names)


def judged(motors: Motors, model: Model, level_db: float) -> list[Judged]:
    """Every piece in every scene, in the order of scenes."""
    return [
        Judged(fault, recording, scene, hear(model, mixed(piece, sound, level_db)).counted)
        for scene, sound in enumerate(motors.scenes)
        for fault, recording, piece in motors.pieces
    ]
