"""`anomaly evaluate` as a user types it."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from anomaly.cli import run


@pytest.fixture
def words(pump_bundle: Path, pump_recordings: Path) -> list[str]:
    given = ["--machine", "pump", "--data", str(pump_recordings), "--models", str(pump_bundle.parent)]
    return ["evaluate", *given]


def test_the_screen_begins_with_the_verdict(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(words) == 0
    shown = capsys.readouterr()
    assert re.fullmatch(
        r"\d of 4 faults raised an alarm at a budget of 1 false alarm a day, "
        r"\d false alarms? in 2\d s of normal sound\.",
        shown.out.splitlines()[0],
    )
    for line in ("cavitation", "outer_race", "normal sound"):
        assert f"\n{line} " in shown.out
    assert "pump, tested on 4 normal and 4 faulty recordings" in shown.out
    assert "AUC " not in shown.out.replace("AUC, intervals and chip: --details", "")
    assert shown.err == ""


def test_figures_come_with_details(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*words, "--details"]) == 0
    shown = capsys.readouterr().out
    for title in ("AUC", "pAUC", "AUC cavitation", "AUC outer_race", "false alarms per hour", "chip: "):
        assert f"\n{title}" in shown


def test_json(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*words, "--json"]) == 0
    values = json.loads(capsys.readouterr().out)
    assert values["machine"] == "pump"
    for name in ("student", "teacher"):
        assert {"auc", "pauc", "faults"} <= set(values["detectors"][name])


def test_normals_alone(
    words: list[str], pump_recordings: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "test").mkdir()
    for path in pump_recordings.rglob("normal_*"):
        shutil.copy(path, tmp_path / "test")
    given = [str(tmp_path) if word == str(pump_recordings) else word for word in words]
    assert run(given) == 0
    shown = capsys.readouterr()
    assert re.match(r"No faults to test with; \d false alarms? in ", shown.out)
    assert "note: no anomalies to test with" in shown.err


def test_report_and_comparison(
    words: list[str], pump_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = shutil.copytree(pump_bundle, tmp_path / "old")
    assert run([*words, "--compare", str(copy), "--out", str(tmp_path / "report"), "--json"]) == 0
    shown = capsys.readouterr()
    compared = json.loads(shown.out)["compare"]
    assert compared["bundle"] == str(copy)
    assert compared["difference"]["teacher"]["auc_ci"] == [0.0, 0.0]
    assert (tmp_path / "report" / "index.html").is_file()
    assert "wrote " in shown.err


@pytest.mark.parametrize(
    ("more", "code", "message"),
    [
        (["--machine", "pmup"], 3, "bundles here: pump"),
        (["--compare", "pmup"], 3, "bundles here: pump"),
        (["--compare", "elsewhere/pmup"], 5, "there is no bundle here"),
        (["--data", "nowhere"], 4, "nowhere: there is no such folder"),
        (["--out", "FILE"], 3, "cannot be written"),
    ],
)
def test_failures(
    more: list[str], code: int, message: str, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*words, *(__file__ if word == "FILE" else word for word in more)]) == code
    shown = capsys.readouterr()
    assert (shown.out, message in shown.err) == ("", True)


def test_a_single_recording_leads_to_a_test_set(
    words: list[str], pump_recordings: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "pump"
    folder.mkdir()
    shutil.copy(next(pump_recordings.rglob("normal_*.wav")), folder / "normal_1.wav")
    assert run([*words, "--data", str(folder)]) == 4
    shown = capsys.readouterr().err
    assert "a single recording cannot be split" in shown
    assert "`anomaly data simulate --machine pump --dataset --out data/pump-test`" in shown
    assert "`anomaly evaluate --machine pump --data data/pump-test`" in shown


def test_data_is_found_by_the_name_of_the_machine(
    words: list[str],
    pump_recordings: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "pump").symlink_to(pump_recordings)
    monkeypatch.setenv("ANOMALY_DATA", str(tmp_path))
    assert run([*words[:3], *words[5:], "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["data"]["folder"] == str(tmp_path / "pump")


def test_figures_need_no_torch_and_no_matplotlib(words: list[str]) -> None:
    code = (
        "import sys; from anomaly.cli import run; code = run(sys.argv[1:]);"
        "heavy = {'torch', 'librosa', 'sklearn', 'matplotlib', 'jinja2'} & set(sys.modules);"
        "sys.exit(f'{code} {heavy}' if code or heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


class _Loudness:
    """Stands in for a trained model: louder is stranger for one detector, quieter for the other."""

    def score_clip(self, samples: np.ndarray, *, detector: str) -> float:
        level = float(np.sqrt(np.mean(samples**2)))
        return level if detector == "student" else -level


@pytest.fixture
def untrained(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The bench without the minutes that its trainings take; returns the profiles asked for."""
    asked: list[str] = []

    def train(clips: Sequence[np.ndarray], *, profile: str, seed: int) -> _Loudness:
        asked.append(profile)
        return _Loudness()

    monkeypatch.setattr("anomaly.training.bench_models.train_on_clips", train)
    # Scores are kept by the code that made them; here it may change while the tests run.
    monkeypatch.setattr("anomaly.bundle.fingerprint.of_code", lambda: "this code")
    return asked


def test_bench(
    untrained: list[str], recordings: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["evaluate", "--bench", "--quick", "--recordings", str(recordings), "--sets", "slider-fault"]
    assert run([*words, "--sets", "slider-fault", "--out", str(tmp_path)]) == 0
    shown = capsys.readouterr()
    assert shown.out.splitlines()[0].split()[:4] == ["set", "level", "student", "AUC"]
    assert [line.split()[:2] for line in shown.out.splitlines()[1:]] == [
        ["slider-fault", level] for level in ("0", "-5", "-10", "-15")
    ]
    assert "note: slider-fault: modelled faults" in shown.err
    assert untrained == ["standard"]
    values = json.loads((tmp_path / "bench.json").read_text())
    figures = values["sets"]["slider-fault"]["0"]["student"]
    assert figures["ci"][0] <= figures["auc"] <= figures["ci"][1]
    assert values["differences"]["student less teacher"]["overall"]["auc"] > 0
    assert "fault by level" in (tmp_path / "index.html").read_text()
    assert (tmp_path / "bench.csv").read_text().startswith("set,level,detector,part,auc")
    # What was scored is there for the next run.
    assert run([*words, "--out", str(tmp_path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["sets"] == values["sets"]
    assert len(untrained) == 1


def test_bench_without_recordings_is_simulated(
    untrained: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("ANOMALY_RECORDINGS", raising=False)
    assert run(["evaluate", "--bench", "--quick", "--sets", "rig"]) == 4
    assert "rig needs real recordings" in capsys.readouterr().err
    assert untrained == []


@pytest.mark.parametrize(
    ("words", "code", "error"),
    [
        (["--bench", "--machine", "pump", "--compare", "x"], 2, "takes no --machine, --compare"),
        (["--bench", "--quick", "--seeds", "2"], 2, "--quick is one seed"),
        (["--bench", "--sets", "toaster"], 2, "there is no set 'toaster'"),
        (["--bench", "--profile", "huge"], 2, "there is no profile 'huge'"),
        (["--bench", "--recordings", "/no/such/folder"], 4, "there is no such folder"),
        (["--bench", "--seeds", "0"], 2, "--seeds"),
        (["--recordings", "."], 2, "without --bench there is no --recordings"),
        (["--quick"], 2, "without --bench there is no --quick"),
        (["--sets", "rig", "--seeds", "2"], 2, "without --bench there is no --sets, --seeds"),
    ],
)
def test_mistakes_with_the_bench(
    words: list[str],
    code: int,
    error: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.delenv("ANOMALY_RECORDINGS", raising=False)
    assert run(["evaluate", *words]) == code
    assert error in capsys.readouterr().err
