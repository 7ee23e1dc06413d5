"""A monitor in front of a private sound server, its lines read as they come; used by the monitor's benchmarks."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from running import Running

ROOT = Path(__file__).resolve().parents[1]
MACHINE = "pump"
RATE_HZ = 48_000
OPTIONS = ["--device", "pulse:mic", "--machine", MACHINE]
_TRAIN_S, _CLIP_S = 120, 10


def sound_server() -> ModuleType:
    """The private PulseAudio server of the tests, as a module."""
    spec = importlib.util.spec_from_file_location("sound_server", ROOT / "tests" / "sound_server.py")
    if spec is None or spec.loader is None:
        raise RuntimeError("tests/sound_server.py is not there")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@contextmanager
def served() -> Iterator[Any]:
    """A running server, with its environment set for every process that is started meanwhile."""
    with tempfile.TemporaryDirectory(prefix="an") as folder:
        server = sound_server().SoundServer(Path(folder))
        before = {key: os.environ.get(key) for key in server.environment}
        os.environ.update(server.environment)
        try:
            server.start()
            yield server
        finally:
            server.kill()
            for key, value in before.items():
                os.environ.pop(key, None) if value is None else os.environ.update({key: value})


def pump(seconds: int = 30, *, seed: int = 21, fault: str | None = None) -> np.ndarray:
    """A simulated pump as a sound card delivers it."""
    import soxr

    from anomaly.audio.simulator import simulate

    sound = simulate("pump", seconds=seconds, seed=seed, fault=fault, severity=1.0 if fault else 0.0)
    return np.asarray(soxr.resample(sound.samples, sound.sample_rate_hz, RATE_HZ), dtype=np.float32)


@contextmanager
def trained() -> Iterator[Path]:
    """A folder with `models/pump`, trained on what a card of 48 kHz hears of the simulated pump."""
    import soundfile

    with tempfile.TemporaryDirectory(prefix="anomaly-") as folder:
        data = Path(folder) / "data" / MACHINE
        data.mkdir(parents=True)
        for number, clip in enumerate(np.split(pump(_TRAIN_S, seed=7), _TRAIN_S // _CLIP_S)):
            soundfile.write(data / f"normal_{number:02}.wav", clip, RATE_HZ, subtype="FLOAT")
        words = ["train", "--machine", MACHINE, "--data", str(data), "--models", f"{folder}/models"]
        command = [sys.executable, "-m", "anomaly", *words, "--profile", "fast"]
        done = subprocess.run(command, cwd=folder, env=environment(), capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"anomaly train exited {done.returncode}: {done.stderr[-300:]}")
        yield Path(folder)


def environment() -> dict[str, str]:
    """That of this process, with one thread for each library, and this very package."""
    return {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}


class Monitor(Running):
    """`anomaly monitor --jsonl` as a process.

    Args:
        words: its options.
        cwd: its folder.
    """

    def __init__(self, words: list[str], cwd: Path) -> None:
        super().__init__([sys.executable, "-m", "anomaly", "monitor", "--jsonl", *words], cwd, environment())

    def wait_for(self, condition: Callable[[], Any], timeout_s: float = 30.0) -> Any:
        """Wait until something holds; None where it does not come about in time, or the monitor ends."""
        try:
            return super().wait_for(condition, timeout_s)
        except TimeoutError:
            return None

    def wait_for_seconds(self, count: int) -> bool:
        """Wait until it has judged so many seconds; say whether it has."""
        return bool(self.wait_for(lambda: len(self.seconds) >= count, 60))
