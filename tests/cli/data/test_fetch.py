"""Command `anomaly data fetch`: output, questions and exit codes."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest

from anomaly.archive.datasets import remote
from anomaly.cli import run
from anomaly.cli.data import fetch as fetch_command
from support.terminal import Terminal
from support.zenodo_server import Zenodo, sound_zip, status

RECORD = 4562016
SOUND = sound_zip("fan/train/section_00_source_train_normal_0000_a.wav", "fan/attributes_00.csv")


@pytest.fixture
def data(zenodo: Zenodo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    zenodo.publish(RECORD, "dev_data_fan.zip", SOUND)
    folder = tmp_path / "data"
    monkeypatch.setenv("ANOMALY_DATA", str(folder))
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    return folder


def fetch(*arguments: str) -> int:
    return run(["data", "fetch", *arguments])


def test_the_list(capsys: pytest.CaptureFixture[str]) -> None:
    assert fetch("--list") == 0
    output = capsys.readouterr()
    rows = {line.split()[0]: line for line in output.out.splitlines()}
    assert "8.09 GB" in rows["dcase2020"]
    assert "CC BY-NC-SA 4.0" in rows["dcase2020"]
    assert "ToyConveyor" in rows["dcase2020"]
    assert "–" in rows["dcase2021"]
    assert "–: not in the catalogue" in output.err


def test_the_list_of_one_set(capsys: pytest.CaptureFixture[str]) -> None:
    assert fetch("dcase2020", "--list") == 0
    rows = capsys.readouterr().out.splitlines()
    assert len(rows) == 7
    assert any("90e7091ef722b7238a7f1009365779cd" in row and "1.03 GB" in row for row in rows)


def test_the_list_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert fetch("--list", "--json") == 0
    sets = {row["name"]: row for row in json.loads(capsys.readouterr().out)["data_sets"]}
    assert sets["mimii-6db"]["licence"] == "CC BY-SA 4.0"
    assert sets["dcase2021"]["machines"]["fan"] == [
        {"record": RECORD, "name": "dev_data_fan.zip", "size_bytes": None, "md5": None}
    ]


def test_yes_fetches_without_a_question(
    zenodo: Zenodo, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert fetch("dcase2021", "--machine", "fan", "--yes") == 0
    out, err = capsys.readouterr()
    assert out == f"{data / 'dcase2021-fan'}\n"
    assert (data / "dcase2021-fan" / "train").is_dir()
    for text in (
        "dev_data_fan.zip",
        "0.4 kB",
        f"{zenodo.base}/records/{RECORD}/files/",
        "cc-by-4.0",
        "cite",
    ):
        assert text in err
    assert err.rstrip().endswith("train with `anomaly train --machine dcase2021-fan`")


def test_json(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        fetch("dcase2021", "--machine", "fan", "--data", str(data / "x"), "--as", "f", "--yes", "--json") == 0
    )
    out, err = capsys.readouterr()
    answer = json.loads(out)
    assert answer["folder"] == str(data / "x" / "f")
    assert (answer["recordings"], answer["already_here"]) == (1, False)
    assert answer["files"][0]["size_bytes"] == len(SOUND)
    assert f"--machine f --data {data / 'x' / 'f'}`" in err


def test_a_second_time(zenodo: Zenodo, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(2):
        assert fetch("dcase2021", "--machine", "fan", "--yes", "--json") == 0
    assert json.loads(capsys.readouterr().out.splitlines()[1])["already_here"] is True
    assert len(zenodo.ranges()) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "mimii-due"),
        (["dcase2021"], "gearbox"),
        (["dcase1999", "--machine", "fan"], "dcase2020"),
        (["dcase2021", "--machine", "lathe", "--yes"], "gearbox"),
        (["dcase2021", "--machine", "fan"], "--yes"),
    ],
)
def test_wrong_arguments(
    zenodo: Zenodo, data: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert fetch(*arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert message in err
    assert zenodo.ranges() == []


@pytest.mark.parametrize("answer", ["y", "n", ""])
def test_a_question_on_a_terminal(
    data: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal(f"{answer}\n"))
    assert fetch("dcase2021", "--machine", "fan") == 0
    out, err = capsys.readouterr()
    assert "Download? [y/N]" in err
    assert out == (f"{data / 'dcase2021-fan'}\n" if answer == "y" else "")
    assert (data / "dcase2021-fan").exists() == (answer == "y")
    assert ("nothing was downloaded" in err) == (answer != "y")


def test_a_folder_in_the_way_is_reported_before_the_question(
    data: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (data / "dcase2021-fan" / "normal").mkdir(parents=True)
    monkeypatch.setattr(sys, "stdin", Terminal())
    assert fetch("dcase2021", "--machine", "fan") == 2
    assert "Download?" not in capsys.readouterr().err


def test_a_missing_file(zenodo: Zenodo, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    zenodo.spoil("dev_data_fan.zip", status(404))
    assert fetch("dcase2021", "--machine", "fan", "--yes") == 7
    out, err = capsys.readouterr()
    assert out == ""
    assert f"error: {zenodo.base}/records/{RECORD}/files/dev_data_fan.zip?download=1: answered 404" in err


def test_a_busy_server_is_reported(
    zenodo: Zenodo, data: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote, "RequestRetries", lambda: RETRIES)
    zenodo.spoil("record", status(503))
    assert fetch("dcase2021", "--machine", "fan", "--yes") == 0
    assert "answered 503 Service Unavailable; trying again in 1 s" in capsys.readouterr().err


def test_progress_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    with fetch_command._progress() as report:
        report("downloading a.zip", 500_000, 1_000_000)
        report("downloading a.zip", 1_000_000, 1_000_000)
        report("checking a.zip", 1_000_000, 1_000_000)
    assert "downloading a.zip" in screen.getvalue()
    assert "checking a.zip" in screen.getvalue()


RETRIES = remote.RequestRetries(sleep=lambda seconds: None)


def test_without_a_terminal_it_reports_the_download(
    zenodo: Zenodo, data: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    assert fetch("dcase2021", "--machine", "fan") == 2
    output = capsys.readouterr().err
    for text in ("to download: ", "licence: ", "there is no terminal to ask on", "say --yes"):
        assert text in output
    assert fetch("dcase2021", "--machine", "unicorn") == 2
    assert "unicorn" in capsys.readouterr().err
    assert not any(data.rglob("*.wav"))
