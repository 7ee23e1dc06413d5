from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from anomaly.training import TrainingResult
from anomaly.training.reporting.summary import summary_text


def changed(trained: TrainingResult, **metrics: Any) -> TrainingResult:
    """The same training with other measurements."""
    manifest = trained.bundle.manifest
    artifacts = replace(trained.artifacts, metrics=trained.artifacts.metrics | metrics)
    bundle = replace(
        trained.bundle, manifest=manifest.model_copy(update={"metrics": manifest.metrics | metrics})
    )
    return replace(trained, artifacts=artifacts, bundle=bundle)


def test_a_few_lines_for_a_person(trained: TrainingResult) -> None:
    lines = summary_text(trained).splitlines()
    assert {line.split()[0] for line in lines} >= {"bundle", "sound", "student", "verified", "alarms", "took"}
    assert str(trained.bundle.path) in lines[0]
    assert "35 s, of which 5 s held out" in lines[1]
    network = trained.artifacts.compiled.network
    assert any(f"{network.n_neurons} of 1024 neurons" in line for line in lines)
    assert not any(line.startswith("left out") for line in lines)


def test_what_the_calibration_cannot_support_is_said(trained: TrainingResult) -> None:
    # Rule of three: 5 s without an alarm bound the rate below 3/5 per second, 51,840 a day.
    assert "51,840 a day, the rest is extrapolation" in summary_text(trained)


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (
            {"trained": False, "kept_because": "too little to learn", "lead": -0.03},
            "no, too little to learn (on the machine's own sound at the wrong time the teacher's AUC is -0.030 from",
        ),
        (
            {"trained": True, "kept_because": "training did harm", "lead": 0.12},
            "no, training did harm (on the machine's own sound at the wrong time the teacher's AUC is +0.120 from the "
            "start's; on other pseudo-anomalies training went from 0.850 to 0.800)",
        ),
        ({"trained": True, "kept_because": None, "lead": 0.12}, "yes (on the machine's own sound"),
        (
            {
                "trained": False,
                "kept_because": "too little to learn",
                "lead": 0.2,
                "phases": 40,
                "lead_left": 0.02,
            },
            "yes, thresholds follow 40 parts of the cycle, by the teacher's phases, and nothing more: too little to "
            "learn (on the machine's own sound at the wrong time the teacher's AUC is +0.200 from the start's; on "
            "other pseudo-anomalies it went from 0.850 to 0.800; with phases +0.020)",
        ),
        (
            {"trained": True, "kept_because": None, "lead": 0.12, "phases": 40, "lead_left": 0.1},
            "yes, thresholds follow 40 parts of the cycle, by the teacher's phases (on",
        ),
    ],
)
def test_distillation_is_told_as_it_went(trained: TrainingResult, found: dict[str, Any], words: str) -> None:
    kept = found["kept_because"] is not None and "phases" not in found
    found = {"phases": 0} | found
    found |= {"ran": True, "kept_start": kept, "start_criterion": 0.85, "trained_criterion": 0.8}
    (line,) = (
        x
        for x in summary_text(changed(trained, distillation=found)).splitlines()
        if x.startswith("distilled")
    )
    assert words in line
    assert ("the closed form was kept" in line) == kept


def test_without_distillation_there_is_no_line_of_it(trained: TrainingResult) -> None:
    assert "distilled" not in summary_text(changed(trained, distillation={"ran": False}))


def test_silent_files_are_mentioned(trained: TrainingResult) -> None:
    assert "left out   2 silent recording(s)" in summary_text(changed(trained, silent_files=2))


def test_the_test_of_calibration_is_told_where_there_is_one(trained: TrainingResult) -> None:
    unseen = {"seconds": 600, "distance": 0.03, "share_10": 0.11, "share_1": 0.012}
    assert "11.0 % of held-out seconds have p <= 0.1 and 1.2 %" in summary_text(
        changed(trained, uniformity=unseen)
    )
    assert "calibrated" not in summary_text(changed(trained, uniformity=None))
