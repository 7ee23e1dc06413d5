"""Help is quick, names every command, and mistakes get words and exit code 2."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from anomaly import __version__
from anomaly.__main__ import main
from anomaly.cli import GROUPS, run

COMMANDS = (
    "demo",
    "devices",
    "record",
    "data",
    "train",
    "distill",
    "evaluate",
    "score",
    "monitor",
    "verify",
    "chip",
)


def test_every_command_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == 0
    shown = capsys.readouterr().out
    assert [name for name in COMMANDS if name not in shown] == []


@pytest.mark.parametrize("group", GROUPS)
def test_every_group_explains_itself(group: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([group, "--help"]) == 0
    assert "Usage" in capsys.readouterr().out


@pytest.mark.parametrize("words", [["verify", "--no-such-option"], ["no-such-command"], ["feedback"]])
def test_a_mistake_is_a_usage_error(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(words) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("error: ")
    assert "--help" in said.err


def test_the_module_runs_as_a_program() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "anomaly", "verify", "--help"], capture_output=True, text=True
    )
    assert done.returncode == 0
    assert "BUNDLE" in done.stdout


def test_the_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == 0
    assert capsys.readouterr().out == f"anomaly {__version__}\n"


@pytest.mark.parametrize(
    "command", [["score", "x.wav"], ["evaluate"], ["verify", ""], ["monitor", "--source", "x.wav"]]
)
def test_an_empty_machine_is_no_machine(
    command: list[str], pump_bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    machine = [] if command[0] == "verify" else ["--machine", ""]
    assert run([*command, *machine, "--models", str(pump_bundle.parent)]) == 3
    assert "is no machine name" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["score", "", "--machine", "pump"], ["monitor", "--source", ""], [""]])
def test_an_empty_argument_is_not_the_current_folder(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments) == 2
    assert "is empty" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (["train", "--machine", "pump", "--seed", "-1"], "must be greater than or equal to 0"),
        (["train", "--machine", "pump", "--seed", "nan"], "must be a whole number"),
        (["chip", "simulate", "x.npz", "--rate", "nan"], "must be less than or equal to 1"),
        (["data", "simulate", "--machine", "pump", "--format", "mp3"], "'mp3' is not one of 'wav', 'flac'"),
    ],
)
def test_a_wrong_value_is_explained_without_the_terms_of_a_library(
    line: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(line) == 2
    said = capsys.readouterr().err
    assert words in said
    assert "Input" not in said
    assert "Value error" not in said


def test_ctrl_c_outside_of_a_command_shows_no_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(arguments: list[str]) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr("anomaly.cli.run", interrupted)
    with pytest.raises(SystemExit) as end:
        main(["--help"])
    assert end.value.code == 130
    assert capsys.readouterr().err == "interrupted\n"
