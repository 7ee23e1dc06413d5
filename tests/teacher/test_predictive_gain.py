"""Predictive gain: a trained teacher is no worse than a linear predictor, an untrained or foreign one far worse."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from anomaly.errors import ModelError
from anomaly.features.mel import Centibels
from anomaly.teacher.export import to_onnx
from anomaly.teacher.fit import TeacherPlan, fit_teacher
from anomaly.teacher.network import Teacher
from anomaly.teacher.predictive_gain import predictive_gain


def untrained(segments: list[Centibels]) -> Teacher:
    teacher = fit_teacher(segments, TeacherPlan(epochs=0), seed=0)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in teacher.autoencoder.parameters():
            parameter.copy_(0.1 * torch.randn(parameter.shape, generator=generator))
    return teacher


def test_a_trained_teacher_is_about_as_good_as_a_linear_predictor(
    teacher: Teacher, segments: list[Centibels], unseen: Centibels
) -> None:
    gain = predictive_gain(to_onnx(teacher), segments, [unseen])
    assert gain is not None
    assert gain > -0.1


def test_an_untrained_teacher_is_far_worse(segments: list[Centibels], unseen: Centibels) -> None:
    gain = predictive_gain(to_onnx(untrained(segments)), segments, [unseen])
    assert gain is not None
    assert gain < -0.5


def test_a_teacher_of_another_machine_is_far_worse(
    teacher: Teacher, segments: list[Centibels], unseen: Centibels
) -> None:
    tilt = np.linspace(0, 3000, 32).astype(np.int32)
    gain = predictive_gain(to_onnx(teacher), [part + tilt for part in segments], [unseen + tilt])
    assert gain is not None
    assert gain < -0.5


def test_without_enough_sound_there_is_no_gain(teacher: Teacher, segments: list[Centibels]) -> None:
    data = to_onnx(teacher)
    assert predictive_gain(data, segments, []) is None
    assert predictive_gain(data, segments, [segments[0][:4]]) is None


def test_an_invalid_model_is_refused(segments: list[Centibels]) -> None:
    with pytest.raises(ModelError, match=r"teacher\.onnx"):
        predictive_gain(b"no model", segments, segments)
