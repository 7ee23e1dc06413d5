from __future__ import annotations

from dataclasses import replace
from pathlib import Path
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


def long_calibrated(trained: TrainingResult) -> TrainingResult:
    """The same training with half an hour of sound, of which six minutes were held out."""
    student = replace(trained.artifacts.student, scores=trained.artifacts.student.scores.repeat(72))
    artifacts = replace(
        trained.artifacts, student=student, metrics=trained.artifacts.metrics | {"training_seconds": 1800.0}
    )
    return replace(trained, artifacts=artifacts)


def test_the_first_line_is_the_verdict(trained: TrainingResult) -> None:
    assert summary_text(trained).splitlines()[0] == (
        "not ready: pump learned from 35 s of sound, which left only 5 s to calibrate on. Record 5 min or more of "
        "normal sound and train again."
    )
    assert summary_text(long_calibrated(trained)).splitlines()[0] == (
        "ready: pump learned from 30 min of sound. Calibrated on 6 min: fewer than about 30 false alarms an hour can "
        "be promised; for fewer than 1 a day calibrate on 3 days of normal sound."
    )


def test_meaning_then_next_steps_then_the_bundle(trained: TrainingResult) -> None:
    meaning, steps, bundle = summary_text(long_calibrated(trained)).split("\n\n")
    assert "The alarm limit is set for 1 false alarm a day: a cautious estimate" in meaning
    assert steps.splitlines()[0] == "Next:"
    assert [line.split()[1] for line in steps.splitlines()[1:]] == ["evaluate", "monitor", "calibrate"]
    assert bundle.startswith(f"Written to {trained.bundle.path} ")


def test_without_enough_sound_the_next_step_is_to_record(trained: TrainingResult) -> None:
    (steps,) = (block for block in summary_text(trained).split("\n\n") if block.startswith("Next:"))
    assert steps.splitlines()[1].split()[:2] == ["anomaly", "record"]
    assert "calibrate" not in steps


def test_next_steps_name_the_models_folder_only_where_it_is_not_the_default(
    trained: TrainingResult, monkeypatch: pytest.MonkeyPatch
) -> None:
    models: Path = trained.bundle.path.parent
    assert f"--models {models}" in summary_text(trained)
    monkeypatch.setenv("ANOMALY_MODELS", str(models))
    assert "--models" not in summary_text(trained)


def test_figures_of_chip_and_statistics_come_only_with_details(trained: TrainingResult) -> None:
    short, details = summary_text(trained), summary_text(trained, details=True)
    network = trained.artifacts.compiled.network
    for figure in (f"{network.n_neurons} of 1024 neurons", "routed ", "verified ", "extrapolation", "AUC"):
        assert figure not in short
        assert figure in details
    assert "--details" in short
    assert "--details" not in details
    assert details.startswith(short.partition("\n\nWritten")[0])


def test_silent_files_are_mentioned(trained: TrainingResult) -> None:
    assert "Left out: 2 silent recordings;" in summary_text(changed(trained, silent_files=2))
    assert "Left out" not in summary_text(trained)


def test_recordings_that_differ_are_mentioned(trained: TrainingResult) -> None:
    uniformity = {"seconds": 600, "distance": 0.03, "share_10": 0.21, "share_1": 0.07}
    different = changed(trained, uniformity=uniformity)
    assert "The recordings differ from each other: 7 of 100 seconds" in summary_text(different)
    assert "7.0 % p <= 0.01" in summary_text(different, details=True)
    alike = changed(trained, uniformity=uniformity | {"share_1": 0.012})
    assert "differ" not in summary_text(alike)
    assert "calibrated " not in summary_text(changed(trained, uniformity=None), details=True)
