"""`anomaly train`: what it prints and leaves, also where it is interrupted or not installed."""

from __future__ import annotations

import json
import os
import pty
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import soxr

from anomaly.bundle import open_bundle
from anomaly.bundle.versions import versions
from anomaly.cli import run
from support.clips import RATE_HZ, tree, write_clips

pytestmark = pytest.mark.usefixtures("in_a_folder_of_its_own")


def test_forty_one_second_clips_are_enough(
    sound: np.ndarray, tiny: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    write_clips(Path("data/pump"), sound, 1)
    assert run(["train", "--machine", "pump", *tiny, "--json"]) == 0
    answer: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert answer["bundle"] == "models/pump"
    assert (answer["machine"], answer["fits"], answer["verified"]) == ("pump", True, True)
    assert 0 < answer["neurons"] <= 1024
    assert 0 < answer["synapses"] <= 25_600
    assert answer["seconds"] > 0
    assert [path.name for path in Path("models").iterdir()] == ["pump"]
    assert open_bundle(Path("models/pump")).manifest.machine == "pump"


def test_a_studio_recording_works_and_the_old_bundle_gives_way(
    sound: np.ndarray, tiny: list[str], pump_bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(pump_bundle, "models/pump")
    write_clips(Path("recordings"), soxr.resample(sound[: 32 * RATE_HZ], RATE_HZ, 192_000), 32, 192_000)
    assert soundfile.info("recordings/normal_00.wav").subtype == "PCM_24"
    words = ["train", "--machine", "pump", "--data", "recordings", "--models", "models", *tiny]
    assert run([*words, "--level-normalise", "--seed", "3"]) == 0
    shown = capsys.readouterr()
    assert "models/pump" in shown.out
    assert sorted(path.name for path in Path("models").iterdir()) == [".versions", "pump"]
    kept = [version for version in versions(Path("models"), "pump") if not version.active]
    progress, notice = shown.err.splitlines()[:-1], shown.err.splitlines()[-1]
    assert {line.split(":")[0] for line in progress} >= {"reading", "teaching", "compiling"}
    assert notice == (
        f"the bundle that was in models/pump is kept in {kept[0].path}; `anomaly models rollback pump` brings it back"
    )
    assert [open_bundle(version.path).manifest for version in kept] == [open_bundle(pump_bundle).manifest]
    manifest = open_bundle(Path("models/pump")).manifest
    assert manifest.front_end["level_normalise"] is True
    assert manifest.detectors["student"]["seed"] == 3


@pytest.mark.parametrize("stage", ["teaching", "distilling"])
def test_ctrl_c_in_the_middle_leaves_the_old_bundle_and_no_other(
    stage: str, sound: np.ndarray, pump_bundle: Path
) -> None:
    shutil.copytree(pump_bundle, "models/pump")
    write_clips(Path("data/pump"), sound, 10)
    before = tree(Path())
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "100", "OMP_NUM_THREADS": "1"}
    words = [sys.executable, "-m", "anomaly", "train", "--machine", "pump", "--profile", "fast"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=theirs, env=environment) as process:
        os.close(theirs)
        shown = ""
        while stage not in shown:
            shown += os.read(ours, 65_536).decode(errors="replace")
        process.send_signal(signal.SIGINT)
        try:
            while piece := os.read(ours, 65_536):
                shown += piece.decode(errors="replace")
        except OSError:
            # The other end of a terminal closes with an error.
            pass
        out, _ = process.communicate(timeout=60)
    os.close(ours)
    assert (process.returncode, out) == (130, b"")
    assert "Traceback" not in shown
    assert tree(Path()) == before


def test_without_the_extra_the_error_names_the_package() -> None:
    code = (
        "import sys; sys.modules['torch'] = None; from anomaly.cli import run;"
        "sys.exit(run(['train', '--machine', 'pump']))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 3
    assert "training needs the package torch" in done.stderr
    assert "pip install 'anomaly[train]'" in done.stderr
    assert "Traceback" not in done.stderr
