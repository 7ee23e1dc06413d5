"""`anomaly doctor`: one line a check, a remedy where one is due, an exit code that says what fails first."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from anomaly.cli import run


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, no_inputs: None) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("ANOMALY_CONFIG", "ANOMALY_STATE", "ANOMALY_MODELS"):
        monkeypatch.delenv(name, raising=False)


def test_nothing_fails(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["doctor"]) == 0
    said = capsys.readouterr()
    lines = [line for line in said.out.splitlines() if not line.startswith(" ")]
    assert all(line.startswith(("ok    ", "warn  ")) for line in lines)
    assert "0 failures" in said.err


def test_the_first_failure_gives_the_exit_code(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "models" / "pump").mkdir(parents=True)
    (tmp_path / "models" / "pump" / "bundle.json").write_text("{}")
    assert run(["doctor", "--json"]) == 5
    told = json.loads(capsys.readouterr().out)
    assert told["ok"] is False
    (failing,) = [check for check in told["checks"] if check["level"] == "fail"]
    assert failing["check"] == "site.bundle.pump"
    assert failing["remedy"]
    assert set(failing) == {"check", "level", "words", "remedy"}
    assert run(["doctor"]) == 5
    assert "\nFAIL  site.bundle.pump" in capsys.readouterr().out


def test_a_site_file_that_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "site.yaml").write_text("clips: {content: all}\n")
    assert run(["doctor"]) == 3
    assert "site.yaml:1" in capsys.readouterr().out
    assert run(["doctor", "--config", "nowhere.yaml"]) == 3
