"""Scores, states and stored data of an earlier version: the same after every change that is not meant to change them.

`tests/golden` holds bundles trained on a simulated fan and a simulated pump, a recording of each, the state folder that
a monitor of that version left behind, and `scores.json` with what it printed. Student scores are compared to the last
digit that is the same on every processor, and under one hash; the teacher's float32 kernels round by processor.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from anomaly.cli import run

GOLDEN = Path(__file__).resolve().parents[1] / "golden"
WANTED: dict[str, Any] = json.loads((GOLDEN / "scores.json").read_text(encoding="utf-8"))
SOUND = {"fan": GOLDEN / "fan.flac", "example-pump": GOLDEN / "pump.flac"}


def rounded(value: float | None) -> str | None:
    """A number to twelve digits: further digits differ between processors."""
    return None if value is None else f"{value:.12g}"


def digest(rows: list[list[Any]]) -> str:
    """One hash over rows whose numbers are rounded."""
    text = json.dumps([[rounded(v) if isinstance(v, float) else v for v in row] for row in rows])
    return hashlib.sha256(text.encode()).hexdigest()


def scored(machine: str, detector: str, capsys: pytest.CaptureFixture[str]) -> list[list[Any]]:
    """Second, score, p and state of each second as `anomaly score` prints them."""
    command = ["score", str(SOUND[machine]), "--machine", machine, "--models", str(GOLDEN / "models")]
    assert run([*command, "--detector", detector, "--per-second", "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    head = [-1, row["score"], row["p_value"], row["state"]]
    return [head, *([s["second"], s["score"], s["p_value"], s["state"]] for s in row["per_second"])]


def monitored(machine: str, state: Path, capsys: pytest.CaptureFixture[str]) -> list[list[Any]]:
    """The same of each second, and sensor and operating state, as `anomaly monitor` prints them."""
    command = ["monitor", "--source", str(SOUND[machine]), "--machine", machine]
    command += ["--models", str(GOLDEN / "models"), "--state", str(state), "--no-realtime", "--jsonl"]
    assert run(command) == 0
    records = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    keys = ("second", "score", "p_value", "state", "sensor", "operating_state")
    return [
        [record[key] for key in keys] for record in records if "second" in record and "event" not in record
    ]


@pytest.mark.parametrize("machine", sorted(SOUND))
def test_the_student_scores_files_as_before(machine: str, capsys: pytest.CaptureFixture[str]) -> None:
    found = scored(machine, "student", capsys)
    wanted = WANTED[machine]["student"]
    assert [[rounded(v) if isinstance(v, float) else v for v in row] for row in found] == [
        [rounded(v) if isinstance(v, float) else v for v in row] for row in wanted
    ]
    assert digest(found) == WANTED[machine]["student_sha256"]


@pytest.mark.parametrize("machine", sorted(SOUND))
def test_the_teacher_scores_files_as_before(machine: str, capsys: pytest.CaptureFixture[str]) -> None:
    found, wanted = scored(machine, "teacher", capsys), WANTED[machine]["teacher"]
    assert [row[0] for row in found] == [row[0] for row in wanted]
    assert [row[1] for row in found] == pytest.approx([row[1] for row in wanted], abs=1e-3)


@pytest.mark.parametrize("machine", sorted(SOUND))
def test_the_monitor_scores_a_stream_as_before(
    machine: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert digest(monitored(machine, tmp_path / "state", capsys)) == WANTED[machine]["monitor_sha256"]


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A copy of a state folder of the earlier version."""
    return Path(shutil.copytree(GOLDEN / "state", tmp_path / "state"))


def test_a_state_folder_of_the_earlier_version_is_opened(
    state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["cases", "list", "--all", "--state", str(state), "--json"]) == 0
    (case,) = json.loads(capsys.readouterr().out)
    assert (case["machine"], case["kind"], case["state"]) == ("fan", "machine", "active-unacknowledged")
    assert run(["cases", "ack", case["id"], "--by", "Ada", "--state", str(state)]) == 0


def test_calibration_and_open_case_of_the_earlier_version_are_continued(
    state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["calibrate", "--machine", "fan", "--list", "--json", "--models", str(GOLDEN / "models")]
    assert run([*command, "--state", str(state)]) == 0
    assert "153" in capsys.readouterr().out
    found = monitored("fan", state, capsys)
    assert digest(found) == WANTED["fan"]["monitor_calibrated_sha256"]
    # The case of the earlier run is still the open one: no second case was opened.
    assert run(["cases", "list", "--all", "--state", str(state), "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)) == 1
