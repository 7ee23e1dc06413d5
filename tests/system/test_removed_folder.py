"""State folder that is removed while a monitor runs: it is made anew, and another process sees the monitor in it."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from anomaly.store.store import DATABASE_NAME, Store
from lib.monitor.command_process import CommandProcess
from support.waiting import wait_until

pytestmark = pytest.mark.slow

PATIENCE_S = 120.0


@pytest.fixture
def workshop(pump_bundle: Path, pump_sounds: dict[str, np.ndarray], tmp_path: Path) -> Path:
    """Folder with a bundle and five minutes of sound."""
    shutil.copytree(pump_bundle.parent, tmp_path / "models")
    soundfile.write(tmp_path / "sound.wav", np.tile(pump_sounds["failing"], 10), 48_000, subtype="PCM_16")
    soundfile.write(tmp_path / "short.wav", pump_sounds["healthy"][: 3 * 48_000], 48_000, subtype="PCM_16")
    return tmp_path


def test_the_state_folder_is_removed(
    workshop: Path,
    start: Callable[..., CommandProcess],
    finish: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    def pump() -> Any:
        done = finish("anomaly status --json", workshop)
        found = json.loads(done.stdout)["machines"] if done.returncode == 0 else [{"state": None}]
        return found[0]

    state = workshop / "state"
    monitor = start("anomaly monitor --machine pump --source sound.wav --jsonl", workshop)
    monitor.wait_for(lambda: monitor.events("case.opened"), PATIENCE_S)
    (case,) = monitor.events("case.opened")
    wait_until(lambda: pump()["state"] == "ALARM", PATIENCE_S)
    shutil.rmtree(state)
    # The lock of the machine is held again, too, within a quarter of a minute.
    wait_until(lambda: pump()["state"] == "ALARM", PATIENCE_S)
    assert pump()["cases"] == [case["case"]]
    assert "was removed; it was made anew, with all that it held" in monitor.errors
    second = finish("anomaly monitor --machine pump --source short.wav", workshop)
    assert second.returncode == 3
    assert "another monitor watches pump" in second.stderr
    assert monitor.stop() == 0
    with Store.open(state / DATABASE_NAME) as store:
        assert [one.id for one in store.cases.select()] == [case["case"]]
        assert {row.second for row in store.history.scores("pump")} == {
            record["second"] for record in monitor.seconds
        }
