from __future__ import annotations

from dataclasses import replace

from anomaly.evaluate.reporting.summary import chip_line, fault_table, summary_text
from anomaly.evaluate.reporting.verdict import verdict_sentence
from anomaly.evaluate.run import Evaluation
from anomaly.text_table import NOTHING


def test_verdict_then_faults_then_origin(evaluation: Evaluation) -> None:
    blocks = summary_text(evaluation).split("\n\n")
    assert blocks[0].splitlines()[0] == verdict_sentence(evaluation)
    assert blocks[1].startswith("raised an alarm")
    assert blocks[-1].startswith("pump, tested on 4 normal and 4 faulty recordings of ")
    assert "--details" in blocks[-1]


def test_figures_and_then_the_chip_come_with_details(evaluation: Evaluation) -> None:
    short, long = summary_text(evaluation), summary_text(evaluation, details=True)
    assert "pAUC" not in short
    assert "synaptic" not in short
    assert long.index("pAUC") < long.index("chip: ")
    assert "--details" not in long


def test_alarms_are_counted_by_fault_and_detector(evaluation: Evaluation) -> None:
    head, *lines = fault_table(evaluation, evaluation, other="old")
    names = ["student", "teacher", "old student", "old teacher"]
    assert head == ["raised an alarm", *names, "student, joined to 60 s"]
    assert [line[0] for line in lines] == ["cavitation", "outer_race", "normal sound"]
    assert all(cell.endswith((" of 2", " of 4")) for line in lines for cell in line[1:-1])
    # Two clips of a fault are less than a minute, and one stretch; normal sound is not joined.
    assert [line[-1].split()[-1] for line in lines] == ["1", "1", NOTHING]
    found = sum(int(line[1].split()[0]) for line in lines[:-1])
    assert found == evaluation.outcomes["student"].confusion.true_alarms


def test_normals_alone_have_one_line(normals_only: Evaluation) -> None:
    assert [line[0] for line in fault_table(normals_only)[1:]] == ["normal sound"]


def test_a_bundle_without_metrics_has_no_chip_line(evaluation: Evaluation) -> None:
    assert "nets per channel" in chip_line(evaluation)
    bundle = evaluation.bundle
    manifest = bundle.manifest.model_copy(update={"metrics": {}})
    assert chip_line(replace(evaluation, bundle=replace(bundle, manifest=manifest))) == ""
