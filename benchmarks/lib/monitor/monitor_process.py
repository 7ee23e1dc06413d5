"""A monitor process in front of a private sound server, with a machine that was trained for it."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from lib.monitor.command_process import CommandProcess
from lib.monitor.sound_server import SoundServer
from lib.paths import ROOT

MACHINE = "pump"
RATE_HZ = 48_000
OPTIONS = ["--device", "pulse:mic", "--machine", MACHINE]
_TRAIN_S, _CLIP_S = 120, 10


@contextmanager
def running_sound_server() -> Iterator[SoundServer]:
    """Run a sound server, with its environment variables set for every process that is started meanwhile."""
    with tempfile.TemporaryDirectory(prefix="an") as folder:
        server = SoundServer(Path(folder))
        before = {key: os.environ.get(key) for key in server.environment}
        os.environ.update(server.environment)
        try:
            server.start()
            yield server
        finally:
            server.kill()
            for key, value in before.items():
                os.environ.pop(key, None) if value is None else os.environ.update({key: value})


def pump_sound(seconds: int = 30, *, seed: int = 21, fault: str | None = None) -> np.ndarray:
    """Sound of a simulated pump, resampled to the rate of a sound card."""
    import soxr

    from anomaly.audio.simulator import simulate

    sound = simulate("pump", seconds=seconds, seed=seed, fault=fault, severity=1.0 if fault else 0.0)
    return np.asarray(soxr.resample(sound.samples, sound.sample_rate_hz, RATE_HZ), dtype=np.float32)


@contextmanager
def trained_machine() -> Iterator[Path]:
    """Train ``models/pump`` in a temporary folder on the simulated pump at 48 kHz, and yield that folder."""
    import soundfile

    with tempfile.TemporaryDirectory(prefix="anomaly-") as folder:
        data = Path(folder) / "data" / MACHINE
        data.mkdir(parents=True)
        for number, clip in enumerate(np.split(pump_sound(_TRAIN_S, seed=7), _TRAIN_S // _CLIP_S)):
            soundfile.write(data / f"normal_{number:02}.wav", clip, RATE_HZ, subtype="FLOAT")
        words = ["train", "--machine", MACHINE, "--data", str(data), "--models", f"{folder}/models"]
        command = [sys.executable, "-m", "anomaly", *words, "--profile", "fast"]
        done = subprocess.run(command, cwd=folder, env=environment(), capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"anomaly train exited {done.returncode}: {done.stderr[-300:]}")
        yield Path(folder)


def environment() -> dict[str, str]:
    """Environment variables of this process, with one thread for each library and this copy of the packages."""
    return {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}


class MonitorProcess(CommandProcess):
    """`anomaly monitor --jsonl` as a process.

    Args:
        words: its options.
        cwd: its working directory.
    """

    def __init__(self, words: list[str], cwd: Path) -> None:
        super().__init__([sys.executable, "-m", "anomaly", "monitor", "--jsonl", *words], cwd, environment())

    def wait_for(self, condition: Callable[[], Any], timeout_s: float = 30.0) -> Any:
        """Wait until a condition is true; None if it is not in time, or if the monitor ends."""
        try:
            return super().wait_for(condition, timeout_s)
        except TimeoutError:
            return None

    def wait_for_seconds(self, count: int) -> bool:
        """Wait until it has scored this many seconds; return whether it has."""
        return bool(self.wait_for(lambda: len(self.seconds) >= count, 60))
