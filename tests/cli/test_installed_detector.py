"""A detector of an installed package, from the command line: listed, calibrated, configured and used."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import soundfile

from anomaly.audio.simulator import simulate
from anomaly.cli import run

Capture = pytest.CaptureFixture[str]
MACHINE = ("--machine", "pump", "--detector", "deviation")


@pytest.fixture
def folder(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    pump_bundle: Path,
    install_detector: Callable[..., Path],
) -> Path:
    """A folder to work in, with two minutes of normal sound in ``normal`` and a fault in ``fault.wav``."""
    for name in ("ANOMALY_CONFIG", "ANOMALY_STATE", "ANOMALY_MODELS"):
        monkeypatch.delenv(name, raising=False)
    install_detector()
    work = tmp_path / "work"
    (work / "normal").mkdir(parents=True)
    monkeypatch.chdir(work)
    monkeypatch.setenv("ANOMALY_MODELS", str(pump_bundle.parent))
    for seed in range(4):
        normal = simulate("pump", seconds=30, seed=400 + seed).samples
        soundfile.write(work / "normal" / f"{seed}.wav", normal, 16_000, subtype="FLOAT")
    fault = simulate("pump", seconds=20, seed=500, fault="outer_race", severity=1.0).samples
    soundfile.write(work / "fault.wav", fault, 16_000, subtype="FLOAT")
    return work


def printed(capsys: Capture, *words: str) -> Any:
    capsys.readouterr()
    assert run([*words]) == 0
    return json.loads(capsys.readouterr().out)


def records(capsys: Capture, *words: str) -> list[dict[str, Any]]:
    capsys.readouterr()
    assert run(["monitor", *words, "--no-realtime", "--jsonl"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    return [line for line in lines if "score" in line and "event" not in line]


def test_it_is_listed(folder: Path, capsys: Capture) -> None:
    assert run(["score", "normal", "--machine", "pump", "--detector", "parrot"]) == 2
    assert "one of student, teacher, deviation" in capsys.readouterr().err


def test_without_a_calibration_it_says_how_to_make_one(folder: Path, capsys: Capture) -> None:
    for words in (["score", "normal"], ["monitor", "--source", "fault.wav", "--no-realtime"]):
        assert run([*words, *MACHINE]) == 5
        assert "`anomaly calibrate --detector deviation --from RECORDINGS`" in capsys.readouterr().err


def test_it_is_calibrated_and_used(folder: Path, capsys: Capture) -> None:
    made = printed(capsys, "calibrate", *MACHINE, "--from", "normal", "--by", "ann", "--json")
    assert (made["number"], made["in_use"], made["by"], made["reason"]) == (0, True, "ann", "normal")
    assert 60 <= made["seconds"] <= 120
    assert made["limit"] > 0
    rows = printed(capsys, "score", "fault.wav", *MACHINE, "--json", "--per-second")
    normal = printed(capsys, "score", "normal", *MACHINE, "--json")
    assert max(row["score"] for row in normal) < rows[0]["score"]
    by_monitor = records(capsys, "--source", "fault.wav", *MACHINE)
    assert [second["score"] for second in by_monitor] == pytest.approx(
        [second["score"] for second in rows[0]["per_second"]]
    )
    student = printed(capsys, "score", "fault.wav", "--machine", "pump", "--json")
    assert student[0]["score"] != rows[0]["score"]


def test_further_calibrations_build_on_the_first(folder: Path, capsys: Capture) -> None:
    first = printed(capsys, "calibrate", *MACHINE, "--from", "normal", "--json")
    more = folder / "more.wav"
    soundfile.write(more, simulate("pump", seconds=70, seed=450).samples, 16_000, subtype="FLOAT")
    second = printed(capsys, "calibrate", *MACHINE, "--from", str(more), "--force", "--json")
    assert (first["number"], second["number"]) == (0, 1)
    listed = printed(capsys, "calibrate", *MACHINE, "--list", "--json")
    assert [version["number"] for version in listed] == [1]
    printed(capsys, "calibrate", *MACHINE, "--revert", "0", "--json")


def test_a_minute_of_sound_is_needed(folder: Path, capsys: Capture) -> None:
    assert run(["calibrate", *MACHINE, "--from", "fault.wav"]) == 4
    assert "20 s of sound that can be used" in capsys.readouterr().err


def test_the_site_file_names_it(folder: Path, capsys: Capture) -> None:
    (folder / "site.yaml").write_text("machines:\n  pump: {source: fault.wav, detector: deviation}\n")
    assert run(["config", "check"]) == 0
    printed(capsys, "calibrate", "--from", "normal", "--json")
    assert list((folder / "state" / "calibrations" / "pump" / "deviation").glob("base-*.json"))
    assert len(records(capsys, "--machine", "pump")) == 20
    (folder / "site.yaml").write_text("machines:\n  pump: {source: fault.wav, detector: parrot}\n")
    assert run(["config", "check"]) == 3
    assert "2: machines.pump.detector: must be 'student', 'teacher' or 'deviation'" in capsys.readouterr().err


def test_a_damaged_base_calibration_is_named(folder: Path, capsys: Capture) -> None:
    printed(capsys, "calibrate", *MACHINE, "--from", "normal", "--json")
    (path,) = (folder / "state" / "calibrations" / "pump" / "deviation").glob("base-*.json")
    path.write_bytes(path.read_bytes().replace(b'"scores": [', b'"scores": [0.5, ', 1))
    assert run(["score", "fault.wav", *MACHINE]) == 5
    shown = capsys.readouterr().err
    assert f"{path.relative_to(folder)}: is no calibration: its checksum is wrong" in shown


def test_a_state_folder_is_of_use_with_a_detector_only(folder: Path, capsys: Capture) -> None:
    assert run(["score", "fault.wav", "--machine", "pump", "--state", "elsewhere"]) == 2
    assert "--detector" in capsys.readouterr().err
    printed(capsys, "calibrate", *MACHINE, "--from", "normal", "--state", "elsewhere", "--json")
    assert printed(capsys, "score", "fault.wav", *MACHINE, "--state", "elsewhere", "--json")
