"""A monitor of a simulated pump that fails after some seconds, its dashboard, and a browser to look at it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from support.waiting import wait_until

_ROOT = Path(__file__).resolve().parents[2]
_NORMAL_S, _FAULT_S = 12, 12
_SITE = """\
models_dir: {models}
state_dir: state
clips: {{content: full, before_s: 3, after_s: 3}}
machines:
  pump: {{source: pump.wav, model: example-pump, display_name: "Pump 3", location: "Hall 2, north wall"}}
  fan: {{source: fan.wav, display_name: "Exhaust fan", location: "Boiler house"}}
"""
_READY = "dashboard: "
_SMALL_TRAINING = Path(__file__).parent / "small_training"


@contextmanager
def failing_pump(folder: Path) -> Iterator[str]:
    """Monitor two machines, of which one fails and one has no model, and yield the address of their dashboard."""
    _write_sound(folder / "pump.wav")
    (folder / "fan.wav").write_bytes((folder / "pump.wav").read_bytes())
    (folder / "site.yaml").write_text(_SITE.format(models=_ROOT / "models"), encoding="utf-8")
    with ExitStack() as running:
        log = running.enter_context((folder / "server.log").open("w+", encoding="utf-8"))
        running.enter_context(_command(folder, log, "serve", "--port", "0"))
        wait_until(lambda: _address(folder), 30)
        running.enter_context(_command(folder, log, "monitor"))
        yield _address(folder)


@contextmanager
def empty_site(folder: Path) -> Iterator[str]:
    """Yield the address of a dashboard on a site without machines, whose trainings take seconds."""
    (folder / "site.yaml").write_text("models_dir: models\nstate_dir: state\n", encoding="utf-8")
    with ExitStack() as running:
        log = running.enter_context((folder / "server.log").open("w+", encoding="utf-8"))
        running.enter_context(_command(folder, log, "serve", "--port", "0"))
        wait_until(lambda: _address(folder), 30)
        yield _address(folder)


def pump_sound(seed: int, seconds: float, fault: str | None = None) -> tuple[Any, int]:
    """Sound of a simulated pump, and its rate."""
    from anomaly.audio.simulator import simulate

    sound = simulate("pump", seconds=seconds, seed=seed, fault=fault, severity=1.0 if fault else 0.0)
    return sound.samples, sound.sample_rate_hz


def _address(folder: Path) -> str:
    lines = (folder / "server.log").read_text(encoding="utf-8").splitlines()
    return next((line.removeprefix(_READY) for line in lines if line.startswith(_READY)), "")


@contextmanager
def _command(folder: Path, log: Any, *words: str) -> Iterator[None]:
    line = [sys.executable, "-m", "anomaly", *words, "--config", "site.yaml"]
    environment = {
        **os.environ,
        "PYTHONPATH": f"{_ROOT}{os.pathsep}{_SMALL_TRAINING}",
        "OMP_NUM_THREADS": "1",
    }
    process = subprocess.Popen(line, cwd=folder, env=environment, stdout=log, stderr=log)
    try:
        yield
    finally:
        process.terminate()
        process.wait(20)


def _write_sound(path: Path) -> None:
    normal, rate_hz = pump_sound(5, _NORMAL_S)
    fault, _ = pump_sound(6, _FAULT_S, "outer_race")
    # Long enough for the slowest computer; the monitor plays it in real time.
    soundfile.write(path, np.concatenate([normal, *[fault] * 20]), rate_hz, subtype="PCM_16")


@dataclass
class Visit:
    """Record of what a page did that it must not do.

    Args:
        base: address of the dashboard.
    """

    base: str
    elsewhere: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def watch(self, page: Any) -> None:
        """Note requests to other hosts, errors of scripts and of the server, and violations of the page's policy."""
        page.on("request", lambda request: self._requested(request.url))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", lambda message: self._said(message))
        page.on("response", lambda response: self._answered(response))

    def _requested(self, url: str) -> None:
        if not url.startswith((self.base, "data:")):
            self.elsewhere.append(url)

    def _said(self, message: Any) -> None:
        # What is not there is said on the page, and a browser says it here, too.
        if message.type in ("error", "warning") and not message.text.startswith("Failed to load resource"):
            self.complaints.append(message.text)

    def _answered(self, response: Any) -> None:
        if response.status >= 500:
            self.complaints.append(f"{response.status} {response.url}")
