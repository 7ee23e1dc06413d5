"""Decisions of the chosen threshold on clips that the model was not trained on."""

from __future__ import annotations

from pathlib import Path

import pytest

from anomaly.audio.files.recordings import read_16k
from anomaly.bundle import open_bundle
from anomaly.demo import trial
from anomaly.demo.scenes import TestClip
from anomaly.demo.trial import ScoredClip, Trial, run_trial
from anomaly.detect.decision import limit_for
from anomaly.detect.model import load_model
from anomaly.evaluate.metrics.joined_alarms import in_total


def judged(fault: str | None, severity: float, student: float, *, alarm: bool = False) -> ScoredClip:
    scores = {"student": student, "teacher": -student}
    alarms = {"student": alarm, "teacher": not alarm}
    p_values = {name: (1e-9,) * 20 if raised else (0.5,) * 20 for name, raised in alarms.items()}
    return ScoredClip(fault, severity, scores, alarms, p_values)  # type: ignore[arg-type]


TRIAL = Trial(
    (
        judged(None, 0.0, 1.0),
        judged(None, 0.0, 2.0, alarm=True),
        judged("leak", 0.1, 1.5),
        judged("leak", 1.0, 9.0, alarm=True),
        judged("rub", 1.0, 8.0, alarm=True),
    ),
    dict.fromkeys(("student", "teacher"), limit_for(1.0, 0.0)),
)


def test_figures_of_a_detector() -> None:
    assert TRIAL.labels == [False, False, True, True, True]
    assert TRIAL.scores("student") == [1.0, 2.0, 1.5, 9.0, 8.0]
    assert TRIAL.auc("student") == pytest.approx(5 / 6)
    assert TRIAL.auc("teacher") == pytest.approx(1 / 6)


def test_alarms_are_counted_by_what_was_true() -> None:
    found = TRIAL.confusion("student")
    assert (found.true_alarms, found.missed, found.false_alarms, found.true_silence) == (2, 1, 1, 1)


def test_faults_by_severity_against_all_normal_clips() -> None:
    full = Trial((*TRIAL.clips, judged("rub", 0.1, 0.5)), TRIAL.limits)
    faults, severities, table = full.by_fault("student")
    assert (faults, severities) == (["leak", "rub"], [0.1, 1.0])
    assert table.tolist() == [[0.5, 1.0], [0.0, 1.0]]


def test_alarms_are_counted_by_fault_and_severity() -> None:
    found = TRIAL.alarmed("student")
    assert {name: (one.alarmed, one.stretches) for name, one in found.items()} == {
        "leak 0.1": (0, 1),
        "leak 1": (1, 1),
        "rub 1": (1, 1),
    }


def test_a_model_is_tried_with_both_detectors(
    pump_bundle: Path, pump_recordings: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = sorted(pump_recordings.rglob("*.wav"))
    clips = [
        TestClip(read_16k(file), *(("outer_race", 1.0) if "anomaly" in file.name else (None, 0.0)))
        for file in files
    ]
    monkeypatch.setattr(trial, "test_clips", lambda seed: iter(clips))
    found = run_trial(load_model(open_bundle(pump_bundle)), seed=0)
    assert found.labels == ["anomaly" in file.name for file in files]
    for detector in ("student", "teacher"):
        assert found.auc(detector) == 1.0
        assert found.confusion(detector).missed == 0
        assert in_total(found.alarmed(detector)).share == 1.0
