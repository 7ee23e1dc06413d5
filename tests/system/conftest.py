"""Fixtures of the system tests: running commands, a broker with a subscriber, and a bundle trained by the command."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr

from anomaly.audio.simulator import simulate
from lib.monitor.command_process import CommandProcess
from support.mqtt_broker import broker, listener, start_broker
from support.sound_card import SoundServer
from support.trained_bundle import make_once

__all__ = ["broker", "listener", "start_broker"]

# The folder of `anomaly` itself, as it is in a shell with the virtual environment.
BIN = Path(sys.executable).parent


def environment(**more: str) -> dict[str, str]:
    """Environment variables of this test, with `anomaly` on the path and one thread per library."""
    path = f"{BIN}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1", **more}


@pytest.fixture
def start() -> Iterator[Callable[..., CommandProcess]]:
    """Start a command line in a folder; processes that still run at the end of the test are killed."""
    running: list[CommandProcess] = []

    def begin(line: str, cwd: Path, **more: str) -> CommandProcess:
        running.append(CommandProcess(line.split(), cwd, environment(**more)))
        return running[-1]

    yield begin
    for command in running:
        command.kill()


@pytest.fixture
def listen(
    pulse_microphone: SoundServer, workshop: Path, start: Callable[..., CommandProcess]
) -> Callable[..., CommandProcess]:
    """Start a monitor at the microphone, in the workshop of the test."""

    def begin(**more: str) -> CommandProcess:
        return start(f"anomaly monitor --device {pulse_microphone.device} --jsonl", workshop, **more)

    return begin


@pytest.fixture(scope="session")
def finish() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run a command line in a folder to its end."""

    def run(line: str, cwd: Path, **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            line.split(), cwd=cwd, env=environment(**more), capture_output=True, text=True, check=False
        )

    return run


@pytest.fixture(scope="session")
def trained_by_user(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with ``data/pump``, the result of `anomaly train --machine pump`, and its output in `train.json`."""
    return make_once(tmp_path_factory, "user", _train_as_a_user_does)


def _train_as_a_user_does(folder: Path) -> None:
    data = folder / "data/pump"
    data.mkdir(parents=True, exist_ok=True)
    for number, clip in enumerate(np.split(at_48k(simulate("pump", seconds=80, seed=7).samples), 8)):
        soundfile.write(data / f"normal_{number:02}.wav", clip, 48_000, subtype="PCM_24")
    done = subprocess.run(
        ["anomaly", "train", "--machine", "pump"],
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    (folder / "train.json").write_text(
        json.dumps({"code": done.returncode, "out": done.stdout, "errors": done.stderr})
    )


@pytest.fixture
def workshop(trained_by_user: Path, tmp_path: Path) -> Path:
    """Folder with a copy of the trained bundle, for one test."""
    shutil.copytree(trained_by_user / "models", tmp_path / "models")
    return tmp_path


@pytest.fixture(scope="session")
def pump_sounds() -> dict[str, np.ndarray]:
    """Half a minute of the pump at 48 kHz: healthy at another time, and with two faults."""
    healthy = simulate("pump", seconds=30, seed=21)
    failing = simulate("pump", seconds=30, seed=22, fault="outer_race", severity=1.0)
    return {"healthy": at_48k(healthy.samples), "failing": at_48k(failing.samples)}


def at_48k(samples: np.ndarray) -> np.ndarray:
    """Resample sound to the rate of a sound card, so that all of it passes through the same resampler."""
    return soxr.resample(samples, 16_000, 48_000)
