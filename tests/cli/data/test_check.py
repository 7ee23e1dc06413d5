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
    assert "[2].wav" in out
    assert "33.0 s of usable normal sound" in out
    assert errors == ""


def test_json(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "bad.wav").write_text("text")
    assert run(str(folder), "--json") == 4
    out, errors = capsys.readouterr()
    answer = json.loads(out)
    assert answer["usable"] is False
    assert answer["training_seconds"] == 33
    assert answer["statuses"] == {"ok": 3, "unreadable": 1}
    assert "recordings to learn from that cannot be read: 1" in errors


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
