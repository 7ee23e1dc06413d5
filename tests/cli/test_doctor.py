"""`anomaly doctor`: the verdict first, a remedy for each problem, the exit code of the first failure."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from anomaly.cli import run


@pytest.fixture(autouse=True)
def without_inputs(own_folder: Path, no_inputs: None) -> None:
    """A computer without microphones."""


def _with_the_example(folder: Path) -> None:
    bundle = "models/example-pump"
    shutil.copytree(Path(__file__).parents[2] / bundle, folder / bundle)


def test_nothing_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _with_the_example(tmp_path)
    assert run(["doctor"]) == 0
    verdict, *lines = capsys.readouterr().out.splitlines()
    assert verdict.startswith("ready: a monitor can run here")
    assert not any(line.startswith("FAIL") for line in lines)
    assert "passed: python.version, " in lines[-1]
    assert run(["doctor", "--details"]) == 0
    assert "\nok    python.version" in capsys.readouterr().out


def test_the_first_failure_gives_the_exit_code(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "models" / "pump").mkdir(parents=True)
    (tmp_path / "models" / "pump" / "bundle.json").write_text("{}")
    assert run(["doctor", "--json"]) == 5
    report = json.loads(capsys.readouterr().out)
    assert report["ok"] is False
    (failing,) = [check for check in report["checks"] if check["level"] == "fail"]
    assert failing["check"] == "site.bundle.pump"
    assert failing["remedy"]
    assert set(failing) == {"check", "level", "words", "remedy"}
    assert run(["doctor"]) == 5
    assert "\nFAIL  site.bundle.pump" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "code", "check"),
    [
        (["--models", "nowhere"], 3, "site.bundles"),
        (["--models", "file"], 3, "site.bundles"),
        (["--models", "empty"], 5, "site.bundles"),
        (["--models", "models", "--state", "file"], 3, "disk.state"),
    ],
)
def test_a_folder_that_cannot_be_used_is_a_failure(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], code: int, check: str
) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "empty").mkdir()
    _with_the_example(tmp_path)
    assert run(["doctor", *options]) == code
    shown = capsys.readouterr().out
    assert shown.startswith("not ready: a monitor cannot run here; ")
    assert f"FAIL  {check}" in shown


def test_a_site_file_that_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "site.yaml").write_text("clips: {content: all}\n")
    assert run(["doctor"]) == 3
    assert "site.yaml:1" in capsys.readouterr().out
    assert run(["doctor", "--config", "nowhere.yaml"]) == 3
