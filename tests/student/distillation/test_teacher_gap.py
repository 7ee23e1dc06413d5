"""What a teacher is ahead by: detectors that hear nothing, loudness, or the machine's beat."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from anomaly.detect.pooling import SUB_BAND_GROUPS
from anomaly.features.front_end import FrontEnd, segment_levels
from anomaly.features.mel import SAMPLE_RATE_HZ, Centibels, Samples
from anomaly.student.distillation.teacher_gap import teacher_student_gap

FRONT_END = FrontEnd()


class Listener:
    """Hears how far the mean level of a frame is from what it was told, if it is told anything."""

    name = "student"
    bands = FRONT_END.bands
    channels = SUB_BAND_GROUPS

    def __init__(self, expected: float | None) -> None:
        self._expected = expected

    def reset(self, streams: int) -> None:
        """It has no state."""

    def fresh(self) -> Listener:
        """The same."""
        return Listener(self._expected)

    def push(self, levels: Centibels) -> npt.NDArray[Any]:
        """Errors [streams, frames, groups]."""
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


def of(teacher: Listener, student: Listener, sounds: list[Samples] = SOUNDS, seed: int = 0) -> float:
    return teacher_student_gap(teacher, student, sounds, FRONT_END, 8, seed=seed)


def test_who_hears_what_the_other_does_not_is_ahead() -> None:
    hearing, deaf = Listener(expected()), Listener(None)
    assert of(hearing, deaf) > 0.2
    assert of(deaf, hearing) < -0.2
    assert of(deaf, deaf) == 0.0


def test_the_seed_decides() -> None:
    hearing, deaf = Listener(expected()), Listener(None)
    assert of(hearing, deaf) == of(hearing, deaf)
    assert of(hearing, deaf) != of(hearing, deaf, seed=1)


def test_clips_of_a_second_will_do_and_less_says_nothing() -> None:
    hearing, deaf = Listener(expected()), Listener(None)
    assert of(hearing, deaf, [sound[:SAMPLE_RATE_HZ] for sound in SOUNDS]) > 0
    assert of(hearing, deaf, [sound[: SAMPLE_RATE_HZ // 2] for sound in SOUNDS]) == 0.0
    assert of(hearing, deaf, []) == 0.0
