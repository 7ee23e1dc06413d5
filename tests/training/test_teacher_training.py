"""Parts of a teacher, and the choices of its training."""

from __future__ import annotations

from dataclasses import replace

import pytest

from anomaly.detect.detectors.teacher import TeacherDetector
from anomaly.features.front_end import FrontEnd
from anomaly.teacher.fit import TeacherPlan
from anomaly.teacher.phases import MIN_PHASE_GAIN_NATS
from anomaly.training import teacher_training as module
from anomaly.training.profiles import TrainingProfile
from anomaly.training.teacher_training import TrainedTeacher, train_teacher
from anomaly.training.training_data import TrainingData, split_held_out
from support.valve_sound import valve_data

LINEAR = TrainingProfile(teacher=TeacherPlan(epochs=0), distil=None)


@pytest.fixture(scope="module")
def data() -> TrainingData:
    return valve_data(clips=6, seed=5)


def trained_with_gain(data: TrainingData, monkeypatch: pytest.MonkeyPatch, gain: float) -> TrainedTeacher:
    monkeypatch.setattr(module, "phase_gain_of_recordings", lambda recordings, size, seed: gain)
    return train_teacher(data, FrontEnd(), LINEAR, seed=0)


def test_a_clear_gain_makes_phases(data: TrainingData, monkeypatch: pytest.MonkeyPatch) -> None:
    made = trained_with_gain(data, monkeypatch, 1.01 * MIN_PHASE_GAIN_NATS)
    assert made.phases_gain_nats == 1.01 * MIN_PHASE_GAIN_NATS
    assert made.calibration.pooling.kinds == 2
    assert TeacherDetector(made.onnx).channels == 32
    assert b"phase.centres" in made.onnx


def test_without_one_there_are_none(data: TrainingData, monkeypatch: pytest.MonkeyPatch) -> None:
    made = trained_with_gain(data, monkeypatch, MIN_PHASE_GAIN_NATS)
    assert made.calibration.pooling.to_dict()["shares"] == pytest.approx([2 / 3, 1 / 3])
    assert TeacherDetector(made.onnx).channels == 32
    assert b"phase.centres" not in made.onnx


def test_every_recording_is_used_once_and_whole(data: TrainingData, monkeypatch: pytest.MonkeyPatch) -> None:
    used: list[list[int]] = []

    def gain_of(recordings: list[list[object]], size: object, seed: int) -> float:
        used.append([len(segments) for segments in recordings])
        return 0.0

    monkeypatch.setattr(module, "phase_gain_of_recordings", gain_of)
    train_teacher(data, FrontEnd(), LINEAR, seed=0)
    assert used == [[1] * 6]


def test_too_few_recordings_give_no_gain(data: TrainingData) -> None:
    one = [replace(block, recording="the only one") for block in (*data.training, *data.held_out)]
    made = train_teacher(split_held_out(one), FrontEnd(), LINEAR, seed=0)
    assert (made.gain_nats, made.phases_gain_nats) == (None, None)
    assert made.calibration.pooling.kinds == 2
