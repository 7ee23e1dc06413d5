"""`anomaly trend`: a table, the machines of a database, and mistakes in its arguments."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from anomaly.alerts import Store
from anomaly.cli import run
from anomaly.store.database.rows import ScoreRow, StateRow
from anomaly.store.state_kinds import StateKind
from anomaly.store.store import DATABASE_NAME

Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def folder(own_folder: Path) -> Path:
    return own_folder


@pytest.fixture
def table(folder: Path) -> Path:
    noise = np.random.default_rng(1).normal(0.0, 0.2, 100)
    values = np.maximum(np.arange(100) - 40, 0) * 0.1 + noise
    rows = [f"{1_775_044_800 + 3_600 * n},{value:.4f}" for n, value in enumerate(values)]
    path = folder / "scores.csv"
    path.write_text("\n".join(["time_s,score", *rows]))
    return path


def stored(folder: Path, machines: list[str]) -> None:
    (folder / "state").mkdir()
    with Store.open(folder / "state" / DATABASE_NAME) as store:
        for machine in machines:
            rows = [ScoreRow(machine, 1_775_044_800.0 + n, n, 1.0, 0.5, "OK") for n in range(120)]
            store.history.add_scores(rows, [StateRow(machine, StateKind.SENSOR, 1_775_044_800.0, "ok")])


def test_a_table(table: Path, capsys: Capture) -> None:
    assert run(["trend", str(table), "--level", "10", "--json", "--out", "out"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["state"], found["alarm_level"]) == ("rising", 10.0)
    assert json.loads(Path("out/trend.json").read_text()) == found
    assert run(["trend", str(table), "--level", "10"]) == 0
    assert capsys.readouterr().out == f"scores: {found['sentence']}\n"


def test_an_assumed_level_is_said(table: Path, capsys: Capture) -> None:
    assert run(["trend", str(table)]) == 0
    assert "--level" in capsys.readouterr().err


def test_remaining_life(table: Path, folder: Path, capsys: Capture) -> None:
    (folder / "ended").mkdir()
    for n in range(6):
        (folder / "ended" / f"{n}.csv").write_text(table.read_text())
    assert run(["trend", str(table), "--level", "10", "--lives", "ended", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["remaining_life"]
    assert (found["lives"], found["of"]) == (6, 18)


def test_all_machines_of_a_database_or_one(folder: Path, capsys: Capture) -> None:
    stored(folder, ["pump", "fan"])
    assert run(["trend", "--json", "--out", "out"]) == 0
    assert [report["machine"] for report in json.loads(capsys.readouterr().out)] == ["fan", "pump"]
    assert Path("out/pump/trend.png").is_file()
    assert run(["trend", "--machine", "pump", "--state", "state", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["state"] == "too-little"


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["none"], 4, "no such file or folder"),
        (["scores.csv", "--machine", "pump"], 2, "SCORES is instead of the database"),
        (["scores.csv", "--level", "nan"], 2, "--level is a number"),
        (["scores.csv", "--level", "high"], 2, "must be a number"),
        (["scores.csv", "--channel", "left"], 2, "--channel"),
        (["scores.csv", "--out", "scores.csv"], 3, "scores.csv"),
        (["--channel", "1"], 2, "--channel is for a folder"),
        (["scores.csv", "--lives", "none"], 4, "none: there is no such folder"),
        (["scores.csv", "--lives", "state"], 4, "is no table of scores"),
        (["--machine", "lathe"], 3, "there is no machine 'lathe'"),
        (["--state", "none"], 3, "none"),
    ],
)
def test_mistakes(
    folder: Path, table: Path, capsys: Capture, arguments: list[str], code: int, message: str
) -> None:
    stored(folder, ["pump"])
    assert run(["trend", *arguments]) == code
    assert message in capsys.readouterr().err


def test_a_database_without_scores(folder: Path, capsys: Capture) -> None:
    stored(folder, [])
    assert run(["trend"]) == 4
    assert "holds no scores" in capsys.readouterr().err
