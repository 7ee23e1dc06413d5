"""Phases pass from the teacher to the student, through the whole training."""

from __future__ import annotations

from dataclasses import replace

import pytest

from anomaly.detect.detectors.teacher import TeacherDetector
from anomaly.features.front_end import FrontEnd
from anomaly.student.budget import Budget
from anomaly.student.circuit_parts import PHASE_KIND
from anomaly.student.closed_form.plan import ClosedFormPlan
from anomaly.student.distillation.plan import DistilPlan
from anomaly.teacher.fit import TeacherPlan
from anomaly.teacher.phase_classifier import phase_classifier
from anomaly.training import teacher_training
from anomaly.training.compile import Chip, read_chip
from anomaly.training.metrics import distillation_metrics
from anomaly.training.model_artifacts import build_artifacts
from anomaly.training.profiles import TrainingProfile
from anomaly.training.student_training import StudentConstraints, TrainedStudent, train_student
from anomaly.training.teacher_training import TrainedTeacher, train_teacher
from anomaly.training.training_data import TrainingData
from support.valve_sound import valve_data

pytestmark = pytest.mark.slow

QUICK_DISTILLATION = DistilPlan(windows=8, steps=1, validation_windows=8, min_sound_s=1.0)
QUICK = TrainingProfile(
    teacher=TeacherPlan(epochs=0), closed_form=ClosedFormPlan(), distil=QUICK_DISTILLATION
)


@pytest.fixture(scope="module")
def data() -> TrainingData:
    return valve_data(clips=10, seed=6)


@pytest.fixture(scope="module")
def chip() -> Chip:
    return read_chip("senna")


@pytest.fixture(scope="module")
def teacher(data: TrainingData) -> TrainedTeacher:
    """A teacher of a cycle with phases, trained once: no test changes it."""
    with pytest.MonkeyPatch.context() as patch:
        clear_gain_of_phases(patch)
        return train_teacher(data, FrontEnd(), QUICK, seed=0)


def clear_gain_of_phases(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(teacher_training, "phase_gain_of_recordings", lambda recordings, size, seed: 1.0)


def gaps(patch: pytest.MonkeyPatch, *values: float) -> list[float]:
    """Replace the measured gaps between teacher and student; return those that are left."""
    left = list(values)
    patch.setattr("anomaly.training.phase_training.teacher_student_gap", lambda *_, seed: left.pop(0))
    return left


def student(
    data: TrainingData,
    chip: Chip,
    teacher: TrainedTeacher,
    plan: DistilPlan = QUICK_DISTILLATION,
    budget: Budget | None = None,
) -> TrainedStudent:
    return train_student(
        data,
        FrontEnd(),
        replace(QUICK, distil=plan),
        chip,
        (TeacherDetector(teacher.onnx), teacher.calibration.pooling),
        StudentConstraints(budget or Budget()),
        phases=teacher.phases,
        classifier=phase_classifier(teacher.onnx),
        seed=0,
    )


def test_the_bitstream_distinguishes_the_phases_of_the_teacher(
    data: TrainingData, chip: Chip, monkeypatch: pytest.MonkeyPatch
) -> None:
    clear_gain_of_phases(monkeypatch)
    gaps(monkeypatch, 0.2, 0.1)
    made = build_artifacts(data, FrontEnd(), QUICK, chip, seed=0)
    assert made.circuit.kinds == (PHASE_KIND,)
    outcome = made.metrics["distillation"]
    assert outcome["phases"] > 2
    assert (outcome["lead"], outcome["lead_left"]) == (0.2, 0.1)
    assert not outcome["kept_start"]
    assert made.metrics["verified"]["equal"]
    assert made.circuit.gates is not None
    # Gates that no comparator uses are not in the network.
    used = int((made.circuit.gates.comparator_weights != 0).any(axis=0).sum())
    assert 2 < used <= 2 * outcome["phases"] - 2
    assert sum(label.startswith("gate ") for label in made.compiled.network.labels) == used


def test_phases_that_bring_the_student_no_nearer_are_left_out(
    data: TrainingData, chip: Chip, teacher: TrainedTeacher, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = gaps(monkeypatch, 0.2, 0.2)
    made = student(data, chip, teacher)
    assert left == []
    assert made.circuit.gates is None
    outcome = distillation_metrics(made.distilled)
    assert outcome["phases"] == 0
    assert outcome["lead_left"] is None


@pytest.mark.parametrize("budget", [Budget(max_neurons=725), Budget(max_synapses=4500)])
def test_a_budget_without_room_for_them_has_none(
    data: TrainingData,
    chip: Chip,
    teacher: TrainedTeacher,
    budget: Budget,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gaps(monkeypatch, 0.2, 0.1)
    made = student(data, chip, teacher, budget=budget)
    assert made.circuit.gates is None
    assert distillation_metrics(made.distilled)["phases"] == 0


def test_coarse_weights_allow_no_phases(
    data: TrainingData, teacher: TrainedTeacher, monkeypatch: pytest.MonkeyPatch
) -> None:
    gaps(monkeypatch, 0.2, 0.1)
    assert student(data, read_chip("senna", 4), teacher).circuit.gates is None


@pytest.mark.parametrize(
    ("measured", "min_sound_s", "phased"),
    [([0.2, 0.1], 1.0, True), ([0.2, 0.3], 1.0, False), ([0.07], 1.0, False), ([], 90.0, False)],
)
def test_the_gap_is_measured_on_the_sound_of_the_machine(
    data: TrainingData,
    chip: Chip,
    teacher: TrainedTeacher,
    measured: list[float],
    min_sound_s: float,
    phased: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    left = gaps(monkeypatch, *measured)
    made = student(data, chip, teacher, replace(QUICK_DISTILLATION, min_sound_s=min_sound_s))
    # The gap of the start is measured first; that of the phased student only with enough sound.
    assert left == []
    assert (made.circuit.gates is not None) == phased
