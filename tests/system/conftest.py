"""Commands that run while the test goes on, and a broker with somebody who listens."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import soundfile
import soxr
import trained
from sound_server import SoundServer

from anomaly.audio.simulator import simulate

ROOT = Path(__file__).resolve().parents[2]
# The folder of `anomaly` itself, as it is in a shell with the virtual environment.
BIN = Path(sys.executable).parent

_spec = importlib.util.spec_from_file_location("broker_fixtures", ROOT / "tests/alerts/sinks/conftest.py")
assert _spec is not None
assert _spec.loader is not None
_broker_fixtures = importlib.util.module_from_spec(_spec)
sys.modules[_spec.name] = _broker_fixtures
_spec.loader.exec_module(_broker_fixtures)
start_broker = _broker_fixtures.start_broker
broker = _broker_fixtures.broker
listener = _broker_fixtures.listener


def environment(**more: str) -> dict[str, str]:
    """That of this test, with `anomaly` on the path and one thread: the tests share few cores."""
    path = f"{BIN}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1", **more}


class Running:
    """A command whose lines are read as they come."""

    def __init__(self, line: str, cwd: Path, **more: str) -> None:
        self.lines: list[str] = []
        self._said: list[str] = []
        self._process = subprocess.Popen(
            line.split(),
            cwd=cwd,
            env=environment(**more),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._readers = [
            threading.Thread(target=lambda: self.lines.extend(self._process.stdout or []), daemon=True),
            threading.Thread(target=lambda: self._said.extend(self._process.stderr or []), daemon=True),
        ]
        for reader in self._readers:
            reader.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def errors(self) -> str:
        return "".join(self._said)

    @property
    def records(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in list(self.lines)]

    @property
    def seconds(self) -> list[dict[str, Any]]:
        return [record for record in self.records if "event" not in record]

    def events(self, *names: str) -> list[dict[str, Any]]:
        return [record for record in self.records if record.get("event") in names]

    @property
    def captures(self) -> list[psutil.Process]:
        """Its capture processes that live."""
        found = []
        for child in psutil.Process(self.pid).children(recursive=True):
            # One that has ended, reaped or not, has no command line.
            with suppress(psutil.NoSuchProcess):
                if "anomaly.audio.capture" in child.cmdline():
                    found.append(child)
        return found

    def wait_for(self, condition: Callable[[], Any], timeout_s: float = 30.0) -> Any:
        """Wait until something holds, and return it."""
        end = time.monotonic() + timeout_s
        while not (found := condition()):
            assert self._process.poll() is None, f"it ended: {self.errors}"
            assert time.monotonic() < end, f"not in time; {self.lines[-5:]} {self.errors}"
            time.sleep(0.05)
        return found

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal and return the exit code."""
        self._process.send_signal(number)
        code = self._process.wait(40)
        for reader in self._readers:
            reader.join(10)
        return code

    def kill(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        for reader in self._readers:
            reader.join(10)
        for pipe in (self._process.stdout, self._process.stderr):
            if pipe is not None:
                pipe.close()


@pytest.fixture
def start() -> Iterator[Callable[..., Running]]:
    """Start a command line in a folder; what still runs at the end of the test is killed."""
    running: list[Running] = []

    def begin(line: str, cwd: Path, **more: str) -> Running:
        running.append(Running(line, cwd, **more))
        return running[-1]

    yield begin
    for command in running:
        command.kill()


@pytest.fixture
def listen(
    pulse_microphone: SoundServer, workshop: Path, start: Callable[..., Running]
) -> Callable[..., Running]:
    """Start a monitor at the microphone, in the workshop of the test."""

    def begin(**more: str) -> Running:
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
    """A folder with ``data/pump`` and what `anomaly train --machine pump` made of it, `train.json` too."""
    return trained._once(tmp_path_factory, "user", _train_as_a_user_does)


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
    """A folder with the user's bundle in it, for one test."""
    shutil.copytree(trained_by_user / "models", tmp_path / "models")
    return tmp_path


@pytest.fixture(scope="session")
def pump_sounds() -> dict[str, np.ndarray]:
    """Half a minute of the pump at 48 kHz: healthy at another time, and with two faults."""
    healthy = simulate("pump", seconds=30, seed=21)
    failing = simulate("pump", seconds=30, seed=22, fault="outer_race", severity=1.0)
    return {"healthy": at_48k(healthy.samples), "failing": at_48k(failing.samples)}


def at_48k(samples: np.ndarray) -> np.ndarray:
    """Sound as a sound card delivers it: all of it takes the same way to 16 kHz."""
    return soxr.resample(samples, 16_000, 48_000)
