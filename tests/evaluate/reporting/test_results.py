from __future__ import annotations

import json

from anomaly.evaluate.reporting.results import as_json, clip_rows, states, table
from anomaly.evaluate.run import Evaluation


def test_json_has_the_keys_of_the_contract(evaluation: Evaluation) -> None:
    values = as_json(evaluation)
    assert json.loads(json.dumps(values, allow_nan=False)) == values
    assert list(values) == ["machine", "bundle", "detectors", "data"]
    assert values["machine"] == "pump"
    for name, outcome in evaluation.outcomes.items():
        found = values["detectors"][name]
        assert found["auc"] == outcome.detection.auc
        assert found["pauc"] == outcome.detection.pauc
        assert found["faults"] == outcome.detection.faults
        assert found["false_alarms"]["per_hour"] == found["false_alarms_per_hour"]
        assert found["confusion"]["true_alarms"] == found["states"]["anomaly"]["ALARM"]
        assert "reason" not in found


def test_json_of_normals_has_null_and_a_reason(normals_only: Evaluation) -> None:
    for found in as_json(normals_only)["detectors"].values():
        assert (found["auc"], found["pauc"], found["faults"]) == (None, None, {})
        assert "no anomalies" in found["reason"]
        assert found["false_alarms_per_hour"] >= 0


def test_json_of_a_comparison(evaluation: Evaluation) -> None:
    compared = as_json(evaluation, evaluation)["compare"]
    assert compared["detectors"] == as_json(evaluation)["detectors"]
    assert compared["difference"]["student"]["auc"] == 0.0


def test_table_has_a_column_for_each_detector(evaluation: Evaluation) -> None:
    head, *rows = table(evaluation)
    assert head == ["", "student", "teacher"]
    figures = {row[0]: row[1:] for row in rows}
    detection = evaluation.outcomes["student"].detection
    assert figures["AUC"][0] == f"{detection.auc:.3f}"
    assert figures["AUC cavitation"][0] == f"{detection.faults['cavitation']:.3f}"
    assert all(len(row) == len(head) for row in rows)


def test_table_of_a_comparison(evaluation: Evaluation) -> None:
    head, *rows = table(evaluation, evaluation, other="old")
    assert head == ["", "student", "teacher", "old student", "old teacher"]
    assert rows[-2] == ["AUC, difference", *["+0.000 (+0.000 to +0.000)"] * 2, "", ""]
    assert all(len(row) == len(head) for row in rows)


def test_table_of_normals_has_null(normals_only: Evaluation) -> None:
    figures = {row[0]: row[1:] for row in table(normals_only)}
    assert figures["AUC"] == ["null", "null"]
    assert figures["anomalous clips in ALARM"] == ["–", "–"]
    assert "below" in figures["false alarms per hour"][0]


def test_states_count_every_clip(evaluation: Evaluation) -> None:
    for outcome in evaluation.outcomes.values():
        found = states(evaluation, outcome)
        assert sum(found["normal"].values()) == sum(found["anomaly"].values()) == 4


def test_a_row_for_each_clip_and_detector(evaluation: Evaluation) -> None:
    rows = clip_rows(evaluation)
    assert len(rows) == 16
    assert {row["detector"] for row in rows} == {"student", "teacher"}
    assert json.loads(json.dumps(rows, allow_nan=False)) == rows
