"""`anomaly demo` as a user types it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from anomaly.bundle import open_bundle
from anomaly.cli import run


@pytest.mark.slow
def test_the_demo_ends_by_itself_with_report_and_delivered_alert(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "anomaly", "demo", "--seconds", "60", "--out", "out", "--json"]
    done = subprocess.run(
        words,
        cwd=tmp_path,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    assert answer["report"] == "out/index.html"
    assert (answer["alert"]["event"], answer["alert"]["machine"]) == ("case.opened", "pump")
    assert answer["fault_began_s"] < answer["alarm_s"] < 60
    assert answer["training"]["verified"] is True
    assert 'src="data:image/png;base64,' in (tmp_path / "out/index.html").read_text()
    assert open_bundle(tmp_path / "out/models/pump").manifest.machine == "pump"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    # What the monitor said goes to stderr, so that stdout holds the result alone.
    assert "  pump  case.opened: " in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--seconds", "59"], 2, "--seconds"),
        (["--seconds", "3601"], 2, "--seconds"),
        (["--seed", "-1"], 2, "--seed"),
        (["--out", __file__], 3, "cannot be"),
    ],
)
def test_wrong_words(
    words: list[str],
    code: int,
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["demo", *words]) == code
    shown = capsys.readouterr()
    assert (shown.out, said in shown.err, "Traceback" in shown.err) == ("", True, False)
    assert list(tmp_path.iterdir()) == []
