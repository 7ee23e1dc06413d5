"""One small trained bundle for all tests that need one: a pump that exists only in the simulator."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

import pytest

_SECONDS, _CLIP_S = 90, 6
_SEED = 7


@pytest.fixture(scope="session")
def pump_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a whole bundle named ``pump``; its parent is a models folder. Read it, never write to it.

    It is trained once per run of pytest, in about ten seconds, however many workers there are.
    """
    base = tmp_path_factory.getbasetemp()
    # With xdist each worker has a folder of its own below the one that they share.
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    models = shared / "trained" / "models"
    models.mkdir(parents=True, exist_ok=True)
    with (models.parent / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (models / "pump").exists():
            _train(models)
    return models / "pump"


def _train(models: Path) -> None:
    import soundfile

    from anomaly.audio.simulator import simulate
    from anomaly.teacher.fit import TeacherPlan
    from anomaly.training import TrainingRequest, train
    from anomaly.training.profiles import PROFILES, Profile

    data = models.parent / "data"
    data.mkdir(exist_ok=True)
    sound = simulate("pump", seconds=_SECONDS, seed=_SEED)
    step = _CLIP_S * sound.sample_rate_hz
    for number in range(_SECONDS // _CLIP_S):
        clip = sound.samples[number * step : (number + 1) * step]
        soundfile.write(data / f"normal_{number:02}.wav", clip, sound.sample_rate_hz, subtype="FLOAT")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(PROFILES, "tiny", Profile(teacher=TeacherPlan(epochs=4), distil=None))
        train(TrainingRequest("pump", data, models, profile="tiny"))
