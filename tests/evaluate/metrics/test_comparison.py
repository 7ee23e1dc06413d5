from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from anomaly.errors import InputError
from anomaly.evaluate.metrics.comparison import difference
from anomaly.evaluate.metrics.per_fault import detection_figures
from anomaly.evaluate.run import Evaluation, Outcome


def with_scores(evaluation: Evaluation, change: float) -> Evaluation:
    """The same clips as if the student had scored anomalies higher or lower."""
    student = evaluation.outcomes["student"]
    anomalous = evaluation.labels
    scored = tuple(
        replace(file, verdict=replace(file.verdict, score=file.verdict.score + change * bad))
        for file, bad in zip(student.scored, anomalous, strict=True)
        if file.verdict is not None
    )
    changed: Outcome = replace(student, scored=scored)
    detection = detection_figures(
        anomalous, changed.scores, recordings=[clip.recording for clip in evaluation.clips]
    )
    outcome = replace(changed, detection=detection)
    return replace(evaluation, outcomes={**evaluation.outcomes, "student": outcome})


def test_no_difference_to_itself(evaluation: Evaluation) -> None:
    for name in evaluation.outcomes:
        found = difference(evaluation, evaluation, name)
        assert (found.auc, found.pauc) == (0.0, 0.0)
        assert found.auc_ci == found.pauc_ci == (0.0, 0.0)
        assert "reason" not in found.as_json()


def test_better_is_positive_and_the_other_way_round(evaluation: Evaluation) -> None:
    worse = with_scores(evaluation, -100.0)
    found, back = difference(evaluation, worse, "student"), difference(worse, evaluation, "student")
    assert found.auc is not None
    assert found.auc_ci is not None
    assert found.auc > 0.9
    assert 0.5 < found.auc_ci[0] <= found.auc <= found.auc_ci[1] <= 1.0
    assert back.auc == -found.auc
    assert back.auc_ci is not None
    assert np.allclose(back.auc_ci, (-found.auc_ci[1], -found.auc_ci[0]))


def test_normal_sound_alone_has_no_difference(normals_only: Evaluation) -> None:
    found = difference(normals_only, normals_only, "student")
    assert (found.auc, found.auc_ci, found.pauc, found.pauc_ci) == (None, None, None, None)
    assert "no anomalies" in str(found.as_json()["reason"])


def test_other_clips_are_refused(evaluation: Evaluation, normals_only: Evaluation) -> None:
    with pytest.raises(InputError, match="same clips"):
        difference(evaluation, normals_only, "student")
