"""Command lines of the first page, exactly as written there, in a folder that holds only recordings."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from anomaly.bundle import open_bundle
from support.sound_card import SoundServer


@pytest.mark.slow
def test_anomaly_train_machine_pump(trained_by_user: Path) -> None:
    result = json.loads((trained_by_user / "train.json").read_text())
    assert result["code"] == 0, result["errors"]
    assert "models/pump" in result["out"]
    # Progress, and nothing else.
    assert [line for line in result["errors"].splitlines() if not re.fullmatch(r"[a-z]+: \d+ %", line)] == []
    bundle = open_bundle(trained_by_user / "models/pump")
    assert bundle.manifest.machine == "pump"
    assert {"teacher.onnx", "network.bit", "calibration.json"} <= set(bundle.manifest.files)
    assert sorted(path.name for path in trained_by_user.iterdir()) == ["data", "models", "train.json"]
    assert [path.name for path in (trained_by_user / "models").iterdir()] == ["pump"]


@pytest.mark.slow
def test_anomaly_monitor_device_hw_0(
    fake_card: SoundServer,
    workshop: Path,
    pump_sounds: dict[str, np.ndarray],
    start: Callable[..., Any],
    finish: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    fake_card.play(pump_sounds["healthy"])
    monitor = start("anomaly monitor --device hw:0", workshop)
    monitor.wait_for(lambda: [line for line in monitor.lines if "  pump  OK " in line])
    assert "device.opened: listening to hw:0" in monitor.lines[0]
    fake_card.play(pump_sounds["failing"])
    line = monitor.wait_for(lambda: [line for line in monitor.lines if "case.opened" in line])[0]
    assert "pump does not sound normal, most of all at" in line
    assert monitor.stop() == 0
    assert monitor.errors == ""
    (case,) = json.loads(finish("anomaly cases list --json", workshop).stdout)
    assert (case["machine"], case["kind"], case["state"]) == ("pump", "machine", "active-unacknowledged")


@pytest.mark.usefixtures("no_inputs")
@pytest.mark.slow
def test_without_a_sound_card_it_exits_6_with_the_reason(
    workshop: Path, finish: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    done = finish("anomaly monitor --device hw:0", workshop)
    assert (done.returncode, done.stdout) == (6, "")
    assert done.stderr.startswith("error: hw:0: cannot be opened")
    assert "inputs here: none" in done.stderr
    assert not (workshop / "state").exists()


@pytest.mark.slow
def test_a_missing_card_exits_6_with_the_list(
    fake_card: SoundServer, workshop: Path, finish: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    done = finish("anomaly monitor --device hw:7", workshop)
    assert (done.returncode, done.stdout) == (6, "")
    assert "hw:CARD=pump,DEV=0" in done.stderr
