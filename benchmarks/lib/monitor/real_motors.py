"""Real motors beside a real slide rail, whose recordings are disjoint between training, calibration and test.

The detection bench mixes every motor with a few background recordings. Here each test excerpt is mixed with every
test recording of the rail, and no recording of the rail is used both in training and in calibration. The false-alarm
figure for unseen normal sound is only as precise as the number of its recordings allows.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from anomaly.audio import SAMPLE_RATE_HZ
from anomaly.audio.files.recordings import read_16k
from anomaly.detect.model import Model
from anomaly.evaluate.bench.backgrounds import read_backgrounds
from anomaly.evaluate.bench.clips import mix_at_level, random_excerpt, to_unit_rms
from anomaly.evaluate.layouts.layouts import read_layout
from anomaly.training.in_memory import train_on_clips
from lib.monitor.hall_sound import score_take

PIECE_S, MIXES = 3.5, 6

Samples = npt.NDArray[np.float32]
Values = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Motors:
    """Recordings of motors and of the background that are mixed.

    Args:
        training: healthy motors.
        pieces: fault (None for a healthy motor), recording and sound of each test excerpt.
        rails: recordings of the slide rail for training.
        scenes: an excerpt of each of its other recordings.
    """

    training: list[Samples]
    pieces: list[tuple[str | None, str, Samples]]
    rails: list[Samples]
    scenes: list[Samples]


@dataclass(frozen=True, eq=False)
class PieceScores:
    """Scores of one test excerpt in one scene.

    Args:
        fault: None for a healthy motor.
        recording: source of the excerpt.
        scene: number of the background excerpt.
        scores: of the seconds that the decision uses.
    """

    fault: str | None
    recording: str
    scene: int
    scores: Values


def read_motors(recordings: Path, seed: int = 0) -> Motors:
    """Read the recordings of motors and slide rail.

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
        for sound in [to_unit_rms(read_16k(clip.path))]
        for start in range(0, len(sound) - length + 1, length)
    ]
    scenes = [random_excerpt([one], length, random) for one in rail.test]
    return Motors([to_unit_rms(read_16k(clip.path)) for clip in motors.train], pieces, rail.train, scenes)


def train_motors(motors: Motors, level_db: float, seed: int = 0) -> Model:
    """Train on every motor mixed with several rail recordings; sound is held out by rail recording."""
    random = np.random.default_rng([seed, 1])
    order = random.permutation(len(motors.rails))
    clips, names = [], []
    for number in range(MIXES * len(motors.training)):
        sound, rail = motors.training[number % len(motors.training)], int(order[number % len(order)])
        clips.append(mix_at_level(sound, random_excerpt([motors.rails[rail]], len(sound), random), level_db))
        names.append(f"rail {rail:03d}")
    return train_on_clips(clips, recordings=names)


def score_pieces(motors: Motors, model: Model, level_db: float) -> list[PieceScores]:
    """Score every excerpt in every scene, in the order of scenes."""
    return [
        PieceScores(fault, recording, scene, score_take(model, mix_at_level(piece, sound, level_db)).judged)
        for scene, sound in enumerate(motors.scenes)
        for fault, recording, piece in motors.pieces
    ]
