"""Command `anomaly data check`: output and exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
import typer

from anomaly.cli.data import check
from anomaly.errors import InputError
from anomaly.evaluate.layouts.layouts import read_layout


def run(*arguments: str) -> int:
    app = typer.Typer()
    app.callback()(lambda: None)
    check.register(app)
    return int(app(args=["check", *arguments], standalone_mode=False) or 0)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number in range(3):
        x = 0.05 * np.random.default_rng(number).standard_normal(11 * 16_000)
        soundfile.write(tmp_path / f"[{number}].wav", x, 16_000)
    return tmp_path


def test_a_good_folder(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(str(folder)) == 0
    out, errors = capsys.readouterr()
    assert out.splitlines() == [
        "3 recordings, 33.0 s of usable normal sound to learn from",
        "recordings without a fault: 3",
        "microphone: ok in 33 s (each second by itself: there is no bundle of this machine to compare with)",
    ]
    assert errors == ""


def test_verbose_lists_every_file(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(str(folder), "--verbose") == 0
    assert "[2].wav" in capsys.readouterr().out


def test_problems_are_summed_up_with_a_few_names(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number in range(5):
        (folder / f"bad{number}.wav").write_text("text")
    (folder / "notes.txt").write_text("text")
    soundfile.write(folder / "silent.wav", np.zeros(32_000), 16_000)
    assert run(str(folder)) == 0
    out, errors = capsys.readouterr()
    lines = out.splitlines()
    assert lines[1] == "recordings that cannot be read, and are left out: 5"
    assert lines[2].startswith("    bad0.wav: is not a recording that can be read")
    assert lines[5:7] == ["    and 2 more", "recordings that are silent: 1"]
    assert lines[-3] == "recordings without a fault: 3"
    assert "microphone: silent in 2 s of 35 s" in lines[-2]
    assert "bad4" not in out
    assert errors == "warning: skipped by their names, no recordings: 1 .txt (notes.txt)\n"


def test_the_bundle_of_the_folder_is_the_reference(
    pump_bundle: Path, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = tmp_path / "data" / "pump"
    data.mkdir(parents=True)
    for path in folder.glob("*.wav"):
        path.rename(data / path.name)
    models = pump_bundle.parent
    assert run(str(data), "--models", str(models)) == 0
    assert f"compared with the training sound of {models / 'pump'}" in capsys.readouterr().out
    assert run(str(data), "--models", str(models), "--json") == 0
    assert json.loads(capsys.readouterr().out)["sensor"]["reference"] == str(models / "pump")


def test_the_folder_above_a_machine_is_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    below = folder / "pump" / "normal"
    below.mkdir(parents=True)
    for path in folder.glob("*.wav"):
        path.rename(below / path.name)
    assert run(str(folder)) == 0
    assert f"point at the machine: `anomaly data check {folder / 'pump'}`" in capsys.readouterr().err


def test_each_folder_in_the_data_folder_is_a_machine(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for machine in ("fan", "pump"):
        (folder / "data" / machine).mkdir(parents=True)
        soundfile.write(folder / "data" / machine / "a.wav", np.zeros(16_000), 16_000)
    monkeypatch.chdir(folder)
    assert run("data", "--json") == 4
    out, errors = capsys.readouterr()
    assert json.loads(out)["machines"] == ["data/fan", "data/pump"]
    assert "`anomaly data check data/fan`, `anomaly data check data/pump`" in errors


def test_json(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "bad.wav").write_text("text")
    assert run(str(folder), "--json") == 0
    out, errors = capsys.readouterr()
    answer = json.loads(out)
    assert answer["usable"] is True
    assert answer["training_seconds"] == 33
    assert answer["statuses"] == {"ok": 3, "unreadable": 1}
    assert "recordings that cannot be read, and are left out: 1" in errors


def test_too_little(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "[0].wav").unlink()
    assert run(str(folder)) == 4
    assert "training needs 30 s" in capsys.readouterr().err


def test_two_machines_are_refused_as_training_does(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for machine in ("fan", "pump"):
        (folder / machine / "train").mkdir(parents=True)
        for recording in folder.glob("*.wav"):
            (folder / machine / "train" / recording.name).write_bytes(
                recording.read_bytes() + machine.encode()
            )
    for recording in folder.glob("*.wav"):
        recording.unlink()
    with pytest.raises(InputError) as caught:
        read_layout(folder)
    assert run(str(folder)) == 4
    message = capsys.readouterr().err
    assert f"{caught.value.message}; {caught.value.hint}" in message
    assert "several machines here: fan, pump; give the folder of one of them" in message


def test_recordings_that_training_sets_aside_do_not_count(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("normal/1", "normal/2", "normal/3", "normal/4", "normal/5", "abnormal/1"):
        path = tmp_path / f"{name}.wav"
        path.parent.mkdir(exist_ok=True)
        x = 0.05 * np.random.default_rng(len(list(tmp_path.rglob("*.wav")))).standard_normal(7 * 16_000)
        soundfile.write(path, x, 16_000)
    assert len(read_layout(tmp_path).train) == 3
    assert run(str(tmp_path)) == 4
    out, errors = capsys.readouterr()
    assert out.startswith("6 recordings, 21.0 s of usable normal sound to learn from\n")
    assert "2 normal recordings set aside for testing, because there are recordings of faults" in errors
