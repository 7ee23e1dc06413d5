"""Output of `anomaly score` on a pipe: rows as they are done, and what remains when nobody takes them."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from anomaly.cli import run
from support.lost_output import REASONS, run_without_stdout


@pytest.fixture
def words(pump_bundle: Path, pump_recordings: Path) -> list[str]:
    return ["score", str(pump_recordings), "--machine", "pump", "--models", str(pump_bundle.parent)]


def test_rows_go_to_the_pipe_while_a_bar_runs_on_the_terminal(words: list[str]) -> None:
    ours, theirs = pty.openpty()
    done = subprocess.run(
        [sys.executable, "-m", "anomaly", *words, "--jsonl"],
        stdout=subprocess.PIPE,
        stderr=theirs,
        check=True,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "100"},
    )
    os.close(theirs)
    shown = os.read(ours, 65_536).decode()
    os.close(ours)
    assert len([json.loads(line) for line in done.stdout.splitlines()]) == 8
    assert "scoring" in shown
    assert '"path"' not in shown


def test_the_reader_of_a_pipe_may_go_away(words: list[str]) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "anomaly", *words, "--jsonl"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as command:
        assert command.stdout is not None
        assert command.stderr is not None
        json.loads(command.stdout.readline())
        command.stdout.close()
        errors = command.stderr.read()
    assert "Traceback" not in errors
    if command.returncode:
        assert "standard output: cannot be written: it is closed" in errors


TABLES = ("scores.jsonl", "scores.csv", "run.json")


@pytest.fixture(scope="module")
def whole(
    pump_bundle: Path, pump_recordings: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[tuple[str, ...], dict[str, bytes]]:
    """Tables of a run whose output is taken, with and without seconds."""
    tables = {}
    for options in ((), ("--per-second",)):
        folder = tmp_path_factory.mktemp("whole") / "scores"
        line = ["score", str(pump_recordings), "--machine", "pump", "--models", str(pump_bundle.parent)]
        assert run([*line, "--out", str(folder), *options, "--json"]) == 0
        tables[options] = {name: (folder / name).read_bytes() for name in TABLES}
    return tables


@pytest.mark.parametrize("kind", REASONS)
@pytest.mark.parametrize("options", [[], ["--json", "--per-second"], ["--jsonl"]])
def test_tables_are_completed_when_stdout_is_lost(
    words: list[str],
    whole: dict[tuple[str, ...], dict[str, bytes]],
    kind: str,
    options: list[str],
    tmp_path: Path,
) -> None:
    folder = tmp_path / "scores"
    done = run_without_stdout(kind, *words, "--out", str(folder), *options)
    assert done.returncode == 3
    assert done.stderr.count(f"error: standard output: cannot be written: {REASONS[kind]}") == 1
    assert "files in ALARM" in done.stderr
    assert f"wrote {folder / 'scores.jsonl'}" in done.stderr
    assert "ended early" not in done.stderr
    assert "Traceback" not in done.stderr
    expected = whole[("--per-second",) if "--per-second" in options else ()]
    assert {name: (folder / name).read_bytes() for name in TABLES} == expected


@pytest.mark.parametrize("kind", REASONS)
def test_an_anomaly_is_reported_when_stdout_is_lost(words: list[str], kind: str, tmp_path: Path) -> None:
    line = [*words, "--out", str(tmp_path / "scores"), "--fail-on-anomaly", "--jsonl"]
    done = run_without_stdout(kind, *line)
    assert done.returncode == 10
    assert "error: standard output: cannot be written: " in done.stderr
