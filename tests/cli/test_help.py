"""Help is quick, names every command, and mistakes get words and exit code 2."""

from __future__ import annotations

import subprocess
import sys

import pytest

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


@pytest.mark.parametrize("words", [["verify", "--no-such-option"], ["no-such-command"], ["verify"]])
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
