"""Teacher-student gap of detectors with and without information."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from anomaly.detect.pooling import SUB_BAND_GROUPS
from anomaly.features.front_end import FrontEnd, segment_levels
from anomaly.features.mel import SAMPLE_RATE_HZ, Centibels, Samples
from anomaly.student.distillation.teacher_gap import teacher_student_gap

FRONT_END = FrontEnd()


class LevelDetector:
    """A detector of the deviation of the mean level, or of nothing."""

    name = "student"
    bands = FRONT_END.bands
    channels = SUB_BAND_GROUPS

    def __init__(self, expected: float | None) -> None:
        self._expected = expected

    def reset(self, streams: int) -> None:
        """Do nothing: there is no state."""

    def fresh(self) -> LevelDetector:
        """Return an equal detector."""
        return LevelDetector(self._expected)

    def push(self, levels: Centibels) -> npt.NDArray[Any]:
        """Return errors [streams, frames, groups]."""
        if self._expected is None:
            return np.ones((*levels.shape[:2], SUB_BAND_GROUPS))
        error = np.abs(levels.mean(axis=2) - self._expected)
        return np.repeat(error[..., None], SUB_BAND_GROUPS, axis=2)


def steady(seconds: float, seed: int) -> Samples:
    noise = 0.05 * np.random.default_rng(seed).standard_normal(int(seconds * SAMPLE_RATE_HZ))
    made: Samples = noise.astype(np.float32)
    return made


SOUNDS = [steady(10, seed) for seed in range(4)]


def expected() -> float:
    return float(segment_levels(SOUNDS[0], FRONT_END)[:, 5:].mean())


def gap(
    teacher: LevelDetector, student: LevelDetector, sounds: list[Samples] = SOUNDS, seed: int = 0
) -> float:
    return teacher_student_gap(teacher, student, sounds, FRONT_END, 8, seed=seed)


def test_the_gap_favours_the_sensitive_detector() -> None:
    sensitive, insensitive = LevelDetector(expected()), LevelDetector(None)
    assert gap(sensitive, insensitive) > 0.2
    assert gap(insensitive, sensitive) < -0.2
    assert gap(insensitive, insensitive) == 0.0


def test_the_gap_depends_on_the_seed_alone() -> None:
    sensitive, insensitive = LevelDetector(expected()), LevelDetector(None)
    assert gap(sensitive, insensitive) == gap(sensitive, insensitive)
    assert gap(sensitive, insensitive) != gap(sensitive, insensitive, seed=1)


def test_clips_below_a_second_give_no_gap() -> None:
    sensitive, insensitive = LevelDetector(expected()), LevelDetector(None)
    assert gap(sensitive, insensitive, [sound[:SAMPLE_RATE_HZ] for sound in SOUNDS]) > 0
    assert gap(sensitive, insensitive, [sound[: SAMPLE_RATE_HZ // 2] for sound in SOUNDS]) == 0.0
    assert gap(sensitive, insensitive, []) == 0.0
