from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from anomaly.evaluate.reporting.evaluation_report import write_evaluation
from anomaly.evaluate.run import Evaluation


@pytest.fixture(scope="module")
def report(evaluation: Evaluation, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    write_evaluation(folder, evaluation, evaluation, other="old")
    return folder


def test_the_page_shows_figures_and_pictures(report: Path, evaluation: Evaluation) -> None:
    page = (report / "index.html").read_text()
    assert f"{evaluation.outcomes['student'].detection.auc:.3f}" in page
    assert page.count("data:image/png;base64,") == 14
    for words in ("old student", "Fault by fault", "Alarms of the teacher", "Normal with a high score"):
        assert words in page
    # Ten clips at most, the hardest first: here all there are.
    assert page.count("<h2>Anomaly with a low score") == 4
    assert page.count("<h2>Normal with a high score") == 4


def test_pictures_and_figures_lie_beside_it(report: Path, evaluation: Evaluation) -> None:
    names = sorted(path.name for path in (report / "pictures").iterdir())
    assert len(names) == 14
    assert any("fault-by-fault" in name for name in names)
    values = json.loads((report / "evaluation.json").read_text())
    assert values["detectors"]["student"]["auc"] == evaluation.outcomes["student"].detection.auc
    assert len(values["clips"]) == 16
    with (report / "evaluation.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [float(row["score"]) for row in rows] == [clip["score"] for clip in values["clips"]]
    assert {row["detector"] for row in rows} == {"student", "teacher"}
    assert not (report / "official").exists()


def test_normals_have_a_report_of_their_own(normals_only: Evaluation, tmp_path: Path) -> None:
    page, figures, table = write_evaluation(tmp_path, normals_only)
    assert table.name == "evaluation.csv"
    assert (page.name, figures.name) == ("index.html", "evaluation.json")
    text = page.read_text()
    assert "no anomalies to test with" in text
    assert "false alarms an hour, student" in text
    assert "Fault by fault" not in text
    assert "<h2>Anomaly" not in text
