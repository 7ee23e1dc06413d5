"""Figures and table of the main job."""

import json
from pathlib import Path

import pytest

import main_job
from anomaly.evaluate.bench.summary import SetFigures
from lib.result_tables import table_lines

LEVELS = {"slider-fault": ["0", "-5", "-10"], "bldc-mix": ["6", "0", "-6"]}


def test_prints_the_figures_as_json(recordings: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main_job.main(["--json", "--quick", "--only", "mean_knn", "--recordings", str(recordings)]) == 0
    printed = capsys.readouterr()
    result = json.loads(printed.out)
    assert {name: list(levels) for name, levels in result["sets"].items()} == LEVELS
    for levels in result["sets"].values():
        for detectors in levels.values():
            assert list(detectors) == ["mean_knn"]
            figures = detectors["mean_knn"]
            assert figures["ci"][0] <= figures["auc"] <= figures["ci"][1] <= 1.0
            assert 0.0 <= figures["pauc"] <= 1.0
            assert figures["faults"]
    assert result["seeds"] == 1
    assert result["peak_gib"] > 0
    assert "training mean_knn" in printed.err


def test_table_has_a_line_per_set_level_and_detector() -> None:
    figures = SetFigures(0.9, 0.75, (0.8, 0.95), (0.6, 0.9), 0.8, {"rub": 0.9}, {})
    table = list(
        table_lines(
            {"slider-fault": {"0": {"student": figures, "teacher": figures}, "-5": {"student": figures}}}
        )
    )
    assert table[0].split()[:4] == ["set", "level", "detector", "AUC"]
    assert table[1].split() == [
        "slider-fault",
        "0",
        "student",
        "0.900",
        "0.800–0.950",
        "0.750",
        "rub",
        "0.90",
    ]
    assert len(table) == 4


def test_missing_recordings_exit_with_4(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main_job.main(["--only", "mean_knn", "--recordings", str(tmp_path / "none")]) == 4
    assert "no such folder" in capsys.readouterr().err
