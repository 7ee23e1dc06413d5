from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import pytest

from anomaly.evaluate.reporting.evaluation_report import write_evaluation
from anomaly.evaluate.reporting.verdict import verdict_sentence
from anomaly.evaluate.run import Evaluation


@pytest.fixture(scope="module")
def report(evaluation: Evaluation, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    write_evaluation(folder, evaluation, evaluation, other="old")
    return folder


def test_the_page_shows_figures_and_pictures(report: Path, evaluation: Evaluation) -> None:
    page = (report / "index.html").read_text()
    assert f"{evaluation.outcomes['student'].detection.auc:.3f}" in page
    assert page.count("data:image/png;base64,") == 22
    for heading in ("old student", "AUC by fault", "Alarms of the teacher", "Normal with a high score"):
        assert heading in page
    # Ten clips at most, the hardest first: here all there are.
    assert page.count("<h2>Fault with a low score") == 4
    assert page.count("<h2>Normal with a high score") == 4


def test_the_page_begins_with_the_verdict_and_ends_with_the_chip(
    report: Path, evaluation: Evaluation
) -> None:
    page = (report / "index.html").read_text()
    summary = re.search(r'<p class="summary">(.*?)</p>', page, re.DOTALL)
    assert summary is not None
    assert summary[1].startswith(verdict_sentence(evaluation))
    titles = re.findall(r"<h2>(.*?)</h2>", page)
    assert titles[0] == "Fault by fault"
    assert titles.index("Figures") > titles.index("Scores of the student")
    assert titles[-1] == "The chip"
    assert re.search(r"trained \d{4}-\d\d-\d\d \d\d:\d\d:\d\d \w+", page)


def test_no_probability_has_an_exponent(report: Path) -> None:
    assert not re.search(
        r"\d+(\.\d+)?e-\d+", re.sub(r"base64,[^\"]*", "", (report / "index.html").read_text())
    )


def test_pictures_and_figures_lie_beside_it(report: Path, evaluation: Evaluation) -> None:
    names = sorted(path.name for path in (report / "pictures").iterdir())
    assert len(names) == 22
    assert any("auc-by-fault" in name for name in names)
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
    assert "No faults to test with; " in text
    assert "No anomalies to test with, so an AUC cannot be given." in text
    assert "AUC by fault" not in text
    assert "<h2>Fault with" not in text
