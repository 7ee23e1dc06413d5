"""A small trained bundle of a simulated pump, and recordings to test it with."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable
from pathlib import Path

import pytest

_SECONDS, _CLIP_S = 90, 6
_SEED = 7


@pytest.fixture(scope="session")
def pump_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a bundle named ``pump`` in a models folder, to be read only.

    It is trained once per run of pytest, in about ten seconds, for all workers.
    """
    return make_once(tmp_path_factory, "models", _train) / "pump"


@pytest.fixture(scope="session")
def pump_recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ``test/normal_*`` and ``test/anomaly_<fault>_*`` of the same pump, at other times."""
    return make_once(tmp_path_factory, "recordings", _record)


def make_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None]) -> Path:
    """Folder that the first worker makes and all workers share."""
    base = factory.getbasetemp()
    # With xdist each worker has a folder of its own below the one that they share.
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    folder = shared / "trained" / name
    folder.parent.mkdir(exist_ok=True)
    with (folder.parent / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            work = folder.with_name(f"{name}.new")
            work.mkdir(exist_ok=True)
            make(work)
            work.rename(folder)
    return folder


def _train(models: Path) -> None:
    import soundfile

    from anomaly.audio.simulator import simulate
    from anomaly.teacher.fit import TeacherPlan
    from anomaly.training import TrainingRequest, train
    from anomaly.training.profiles import PROFILES, TrainingProfile

    data = models.with_name("data")
    data.mkdir(exist_ok=True)
    sound = simulate("pump", seconds=_SECONDS, seed=_SEED)
    step = _CLIP_S * sound.sample_rate_hz
    for number in range(_SECONDS // _CLIP_S):
        clip = sound.samples[number * step : (number + 1) * step]
        soundfile.write(data / f"normal_{number:02}.wav", clip, sound.sample_rate_hz, subtype="FLOAT")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(PROFILES, "tiny", TrainingProfile(teacher=TeacherPlan(epochs=4), distil=None))
        train(TrainingRequest("pump", data, models, profile="tiny"))


def _record(folder: Path) -> None:
    import soundfile

    from anomaly.audio.simulator import simulate

    (folder / "test").mkdir(exist_ok=True)
    for number, fault in enumerate([None] * 4 + ["cavitation", "outer_race"] * 2):
        sound = simulate(
            "pump", seconds=_CLIP_S, seed=100 + number, fault=fault, severity=1.0 if fault else 0.0
        )
        label = f"anomaly_{fault}" if fault else "normal"
        path = folder / "test" / f"{label}_{number:02}.wav"
        soundfile.write(path, sound.samples, sound.sample_rate_hz, subtype="FLOAT")
