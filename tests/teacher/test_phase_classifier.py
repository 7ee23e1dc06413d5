"""The exported teacher tells the phases that the teacher knows."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from anomaly.errors import ModelError
from anomaly.features.mel import Centibels
from anomaly.teacher.export import to_onnx
from anomaly.teacher.fit import TeacherPlan, fit_teacher
from anomaly.teacher.phase_classifier import phase_classifier


def test_phases_are_those_of_the_teacher(segments: list[Centibels], unseen: Centibels) -> None:
    teacher = fit_teacher(segments, TeacherPlan(epochs=0, phases=8), seed=0)
    teller = phase_classifier(to_onnx(teacher))
    assert teller is not None
    told = teller.of(unseen)
    size = teacher.autoencoder.size
    standard = (torch.from_numpy(unseen).float() - teacher.mean) / teacher.deviation
    windows = standard.unfold(0, size.window, 1).transpose(1, 2).flatten(1)
    expected = teacher.phases.of(windows).numpy()
    first = size.context - 1
    assert told.shape == (len(unseen),)
    assert np.array_equal(told[first:], expected[first - size.window + 1 :])
    assert len(set(told.tolist())) > 2
    # Nothing is remembered from one segment to the next.
    assert np.array_equal(teller.of(unseen), told)


def test_a_teacher_without_phases_tells_none(segments: list[Centibels]) -> None:
    assert phase_classifier(to_onnx(fit_teacher(segments, TeacherPlan(epochs=0), seed=0))) is None


def test_bytes_that_are_no_model_are_refused() -> None:
    with pytest.raises(ModelError, match=r"teacher\.onnx"):
        phase_classifier(b"no model")
