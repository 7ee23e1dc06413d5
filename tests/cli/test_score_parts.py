"""`anomaly score --format parquet`: parts, resumption, machines and times from paths, refusals."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from anomaly.cli import run


@pytest.fixture
def words(pump_bundle: Path, pump_recordings: Path) -> list[str]:
    return ["score", str(pump_recordings), "--machine", "pump", "--models", str(pump_bundle.parent)]


def rows(folder: Path, table: str = "files") -> list[dict[str, Any]]:
    parts = sorted((folder / table).glob("*.parquet"))
    return [row for part in parts for row in pq.ParquetFile(part).read().to_pylist()]


def test_rows_are_those_of_json(words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "scores"
    assert run([*words, "--out", str(out), "--format", "parquet", "--per-second"]) == 0
    assert "of 8 files in ALARM" in capsys.readouterr().err
    assert run([*words, "--json", "--per-second"]) == 0
    expected = json.loads(capsys.readouterr().out)
    files, seconds = rows(out), rows(out, "seconds")
    names = ("path", "seconds", "score", "p_value", "state", "status", "error", "sensor", "format")
    assert [{name: row[name] for name in names} for row in files] == [
        {name: row[name] for name in names} for row in expected
    ]
    of_json = [second for row in expected for second in row["per_second"]]
    assert [(s["start_s"], s["score"], s["p_value"], s["state"]) for s in seconds] == [
        (float(s["second"]), s["score"], s["p_value"], s["state"]) for s in of_json
    ]
    assert {(row["machine"], len(row["bands"])) for row in files} == {("pump", 16)}


def test_a_second_run_scores_what_is_new(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = shutil.copytree(words[1], tmp_path / "data")
    command = ["score", str(data), *words[2:], "--out", str(tmp_path / "scores"), "--format", "parquet"]
    assert run(command) == 0
    assert run(command) == 0
    assert "nothing new" in capsys.readouterr().err
    first = sorted(data.rglob("*.wav"))[0]
    shutil.copy(first, data / "new_20250102_030405.wav")
    assert run([*command, "--time-pattern", "%Y%m%d_%H%M%S"]) == 0
    assert "8 of 9 files are in" in capsys.readouterr().err
    found = rows(tmp_path / "scores")
    assert len(found) == 9
    assert found[-1]["time"].isoformat() == "2025-01-02T03:04:05+00:00"
    assert run([*command, "--detector", "teacher"]) == 3
    assert "holds scores of a run with other settings" in capsys.readouterr().err
    assert run([*command, "--no-resume"]) == 3


def test_two_processes_give_the_bytes_of_one(words: list[str], tmp_path: Path) -> None:
    for workers in ("1", "2"):
        out = str(tmp_path / workers)
        assert run([*words, "--out", out, "--format", "parquet", "--workers", workers]) == 0
    one, two = (sorted((tmp_path / workers).rglob("*.*")) for workers in ("1", "2"))
    assert [path.read_bytes() for path in one] == [path.read_bytes() for path in two]


def test_machines_are_found_in_paths(
    words: list[str], pump_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = sorted(Path(words[1]).rglob("*.wav"))[:2]
    for name, path in (("north", first), ("south", second)):
        shutil.copytree(pump_bundle, tmp_path / "models" / name)
        (tmp_path / "data" / name).mkdir(parents=True)
        shutil.copy(path, tmp_path / "data" / name / "1.wav")
    site = tmp_path / "site.yaml"
    site.write_text(
        "models_dir: models\nmachines:\n  north: {device: a}\n  south: {device: b, false_alarms_per_day: 0.1}\n"
    )
    choices = [
        ["--machine-pattern", "{machine}/*.wav", "--models", str(tmp_path / "models")],
        ["--site", str(site)],
    ]
    for number, choice in enumerate(choices):
        out = tmp_path / f"scores{number}"
        assert run(["score", str(tmp_path / "data"), *choice, "--out", str(out), "--format", "parquet"]) == 0
        assert [row["machine"] for row in rows(out)] == ["north", "south"]
    settings = json.loads((tmp_path / "scores1" / "manifest.json").read_text())["settings"]
    assert settings["models"]["south"].endswith("(false_alarms_per_day 0.1)")
    capsys.readouterr()
    (tmp_path / "data" / "west").mkdir()
    shutil.copy(first, tmp_path / "data" / "west" / "1.wav")
    assert run(["score", str(tmp_path / "data"), *choices[0], "--out", str(tmp_path / "x")]) == 3
    assert "no bundle for machine 'west'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("more", "code", "message"),
    [
        (["--out", "x", "--format", "excel"], 2, "not one of auto, parquet, tables"),
        (["--format", "parquet"], 2, "--format: has no effect without --out"),
        (["--json", "--out", "x", "--format", "parquet"], 2, "does not go with --json"),
        (["--workers", "2"], 2, "Parquet tables only"),
        (["--machine-pattern", "{machine}/*"], 2, "has no effect with --machine"),
        (["--time-pattern", "%H"], 2, "holds no date"),
        (["--list", "nowhere"], 4, "nowhere: cannot be read"),
    ],
)
def test_options_that_do_not_fit(
    more: list[str], code: int, message: str, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*words, *more]) == code
    assert message in capsys.readouterr().err


def test_a_list_of_files(words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = sorted(map(str, Path(words[1]).rglob("*.wav")))[:2]
    (tmp_path / "list.txt").write_text("\n".join(["# two", *files]))
    assert run([words[0], "--list", str(tmp_path / "list.txt"), *words[2:], "--json"]) == 0
    assert [row["path"] for row in json.loads(capsys.readouterr().out)] == files
    assert run([words[0], *words[2:]]) == 2
