"""Synthetic levels, and a teacher trained on them in a second."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from anomaly.teacher.fit import TeacherPlan, fit_teacher
from anomaly.teacher.network import Teacher

Centibels = npt.NDArray[np.int32]


def levels(frames: int, seed: int) -> Centibels:
    """Return bands that share a slow loudness, each with noise of its own, hundredths of a decibel."""
    random = np.random.default_rng(seed)
    loudness = np.convolve(random.standard_normal(frames + 9), np.ones(10) / 10, "valid")
    colour = -4000 - 60 * np.arange(32)
    noise = random.standard_normal((frames, 32)) * np.linspace(80, 300, 32)
    made: Centibels = np.rint(colour + 900 * loudness[:, None] + noise).astype(np.int32)
    return made


@pytest.fixture(scope="session")
def segments() -> list[Centibels]:
    return [levels(300, seed) for seed in range(4)]


@pytest.fixture(scope="session")
def unseen() -> Centibels:
    return levels(600, 99)


@pytest.fixture(scope="session")
def teacher(segments: list[Centibels]) -> Teacher:
    return fit_teacher(segments, TeacherPlan(epochs=3), seed=0)
