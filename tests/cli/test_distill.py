"""`anomaly distill`: a new student of a teacher that there is, and of which teachers there is none."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from anomaly.audio.simulator import simulate
from anomaly.bundle import open_bundle
from anomaly.cli import run
from support.clips import tree, write_clips

pytestmark = pytest.mark.usefixtures("in_a_folder_of_its_own")


def test_distil_repeats_the_latter_part_from_the_teacher_of_the_bundle(
    sound: np.ndarray, tiny: list[str], pump_bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(pump_bundle, "models/pump")
    write_clips(Path("data/pump"), sound, 10)
    assert run(["distill", "--machine", "pump", *tiny, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["verified"] is True
    made = open_bundle(Path("models/pump"))
    assert made.read("teacher.onnx") == open_bundle(pump_bundle).read("teacher.onnx")
    assert made.manifest.detectors["teacher"]["given"] is True


def test_a_damaged_teacher_is_refused(
    sound: np.ndarray, pump_bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(pump_bundle, "models/pump")
    write_clips(Path("data/pump"), sound, 10)
    teacher = Path("models/pump/teacher.onnx")
    data = bytearray(teacher.read_bytes())
    data[len(data) // 2] ^= 1
    teacher.write_bytes(data)
    before = tree(Path())
    assert run(["distill", "--machine", "pump"]) == 5
    assert "teacher.onnx: is damaged" in capsys.readouterr().err
    assert run(["distill", "--machine", "fan"]) == 3
    assert run(["distill", "--machine", "pump", "--teacher", "nowhere.onnx"]) == 5
    assert run(["distill", "--machine", "pump", "--seed", str(2**63)]) == 2
    assert tree(Path()) == before


def test_a_teacher_of_other_levels_or_of_another_machine_is_refused(
    tiny: list[str], sound: np.ndarray, pump_bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_clips(Path("data/pump"), sound, 10)
    write_clips(Path("data/fan"), simulate("fan", seconds=40, seed=11).samples, 10)
    teacher = ["--teacher", str(pump_bundle / "teacher.onnx"), *tiny]
    assert run(["distill", "--machine", "pump", *teacher, "--level-normalise"]) == 2
    assert "--level-normalise: the teacher in" in capsys.readouterr().err
    assert run(["distill", "--machine", "fan", *teacher]) == 5
    assert "--teacher: the teacher does not know this machine" in capsys.readouterr().err
    assert not Path("models/fan").exists()


def test_a_teacher_outside_a_bundle_is_used_with_a_warning(
    tiny: list[str], sound: np.ndarray, pump_bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_clips(Path("data/pump"), sound, 10)
    shutil.copy(pump_bundle / "teacher.onnx", "alone.onnx")
    distil = ["distill", "--machine", "pump", "--teacher", "alone.onnx", *tiny]
    assert run(distil) == 0
    assert "alone.onnx: no calibration.json lies beside it" in capsys.readouterr().err
    assert open_bundle(Path("models/pump")).manifest.front_end["level_normalise"] is False
    # It was trained on levels that are not normalised, and predicts others badly.
    assert run([*distil, "--level-normalise"]) == 5
    assert "nats a band worse than a linear predictor" in capsys.readouterr().err
