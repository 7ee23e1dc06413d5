"""Phase labels of the exported teacher are those of the teacher."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from anomaly.errors import ModelError
from anomaly.features.mel import Centibels
from anomaly.teacher.export import to_onnx
from anomaly.teacher.fit import TeacherPlan, fit_teacher
from anomaly.teacher.phase_classifier import phase_classifier


def test_labels_are_those_of_the_teacher(segments: list[Centibels], unseen: Centibels) -> None:
    teacher = fit_teacher(segments, TeacherPlan(epochs=0, max_phases=8), seed=0)
    classifier = phase_classifier(to_onnx(teacher))
    assert classifier is not None
    labels = classifier.classify(unseen)
    size = teacher.autoencoder.size
    standard = (torch.from_numpy(unseen).float() - teacher.mean) / teacher.deviation
    windows = standard.unfold(0, size.window, 1).transpose(1, 2).flatten(1)
    expected = teacher.phases.classify(windows).numpy()
    first = size.context - 1
    assert labels.shape == (len(unseen),)
    assert np.array_equal(labels[first:], expected[first - size.window + 1 :])
    assert len(set(labels.tolist())) > 2
    # Segments are independent of each other.
    assert np.array_equal(classifier.classify(unseen), labels)


def test_a_teacher_without_phases_has_no_classifier(segments: list[Centibels]) -> None:
    assert phase_classifier(to_onnx(fit_teacher(segments, TeacherPlan(epochs=0), seed=0))) is None


def test_an_invalid_model_is_refused() -> None:
    with pytest.raises(ModelError, match=r"teacher\.onnx"):
        phase_classifier(b"no model")
