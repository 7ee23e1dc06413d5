"""Sound and plans of trainings that take seconds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from anomaly.audio.simulator import simulate


@pytest.fixture(scope="session")
def sound() -> np.ndarray:
    """Forty seconds of a healthy pump."""
    return simulate("pump", seconds=40, seed=11).samples


@pytest.fixture
def in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder of the test is the current one."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The options of a training that takes seconds."""
    from anomaly.teacher.fit import TeacherPlan
    from anomaly.training.profiles import PROFILES, TrainingProfile

    monkeypatch.setitem(PROFILES, "tiny", TrainingProfile(teacher=TeacherPlan(epochs=2), distil=None))
    return ["--profile", "tiny"]
