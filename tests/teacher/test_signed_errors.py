"""Signed errors of the exported teacher are those of the teacher."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from anomaly.errors import ModelError
from anomaly.features.mel import Centibels
from anomaly.teacher.export import to_onnx
from anomaly.teacher.fit import TeacherPlan, fit_teacher
from anomaly.teacher.network import Teacher
from anomaly.teacher.signed_errors import signed_errors


def test_errors_are_those_of_the_teacher(teacher: Teacher, unseen: Centibels) -> None:
    found = signed_errors(to_onnx(teacher), [unseen, unseen[:30]])
    assert found is not None
    errors, short = found
    past = teacher.autoencoder.size.past
    windows = torch.from_numpy(unseen).float().unfold(0, past + 1, 1).transpose(1, 2)
    with torch.no_grad():
        expected = teacher.innovations(windows).numpy()
    assert np.isnan(errors[:past]).all()
    np.testing.assert_allclose(errors[past:], expected, rtol=1e-3, atol=1e-3)
    np.testing.assert_array_equal(short, errors[:30])


def test_a_teacher_with_phases_has_signed_errors_too(segments: list[Centibels], unseen: Centibels) -> None:
    teacher = fit_teacher(segments, TeacherPlan(epochs=0, max_phases=8), seed=0)
    found = signed_errors(to_onnx(teacher), [unseen])
    assert found is not None
    assert found[0].shape == unseen.shape


def test_segments_shorter_than_the_past_are_unknown(teacher: Teacher, unseen: Centibels) -> None:
    found = signed_errors(to_onnx(teacher), [unseen[:5]])
    assert found is not None
    assert np.isnan(found[0]).all()


def test_an_invalid_model_is_refused(unseen: Centibels) -> None:
    with pytest.raises(ModelError, match=r"teacher\.onnx"):
        signed_errors(b"no model", [unseen])
