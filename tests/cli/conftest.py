"""Sound, plans of trainings that take seconds, and a folder to use the trained pump in."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

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
    from support.quick_training import FEW_SYNAPSES

    profile = TrainingProfile(teacher=TeacherPlan(epochs=2), closed_form=FEW_SYNAPSES, distil=None)
    monkeypatch.setitem(PROFILES, "tiny", profile)
    return ["--profile", "tiny"]


@pytest.fixture(scope="session")
def fault_recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty seconds of the trained pump, the last twelve with a fault."""
    sound = simulate(
        "pump", seconds=20, seed=301, fault="outer_race", severity=lambda t: np.where(t > 8, 1.0, 0.0)
    )
    path = tmp_path_factory.mktemp("sound") / "fault.wav"
    soundfile.write(path, sound.samples, sound.sample_rate_hz, subtype="FLOAT")
    return path


@pytest.fixture
def folder(own_folder: Path, monkeypatch: pytest.MonkeyPatch, pump_bundle: Path) -> Path:
    """Current folder of a user with the trained pump, and no state yet."""
    monkeypatch.setenv("ANOMALY_MODELS", str(pump_bundle.parent))
    return own_folder
