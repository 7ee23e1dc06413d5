"""Half a minute of a simulated pump, and one small training of it that several tests look at."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import soundfile

from anomaly.audio.simulator import simulate
from anomaly.student.distillation.plan import DistilPlan
from anomaly.teacher.fit import TeacherPlan
from anomaly.training import TrainingRequest, TrainingResult, train
from anomaly.training.profiles import PROFILES, TrainingProfile
from support.quick_training import FEW_SYNAPSES

CLIPS, CLIP_S = 7, 5
SMALL = TrainingProfile(
    teacher=TeacherPlan(epochs=2),
    augmented=1,
    closed_form=FEW_SYNAPSES,
    distil=DistilPlan(windows=16, steps=6, batch=8, validation_windows=3),
)


@pytest.fixture(scope="session", autouse=True)
def small_profile() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(PROFILES, "small", SMALL)
        yield


@pytest.fixture(scope="session")
def pump_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data") / "pump"
    folder.mkdir()
    sound = simulate("pump", seconds=CLIPS * CLIP_S, seed=21)
    step = CLIP_S * sound.sample_rate_hz
    for number in range(CLIPS):
        clip = sound.samples[number * step : (number + 1) * step]
        soundfile.write(folder / f"normal_{number:02}.wav", clip, sound.sample_rate_hz, subtype="PCM_16")
    return folder


@pytest.fixture(scope="session")
def stages() -> list[tuple[str, float]]:
    return []


@pytest.fixture(scope="session")
def trained(
    pump_data: Path,
    tmp_path_factory: pytest.TempPathFactory,
    small_profile: None,
    stages: list[tuple[str, float]],
) -> TrainingResult:
    request = TrainingRequest("pump", pump_data, tmp_path_factory.mktemp("models"), profile="small", seed=3)
    return train(request, report=lambda stage, share: stages.append((stage, share)))
