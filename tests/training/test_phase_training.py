"""Phases pass from the teacher to the student, through the whole training."""

from __future__ import annotations

from dataclasses import replace

import pytest

from anomaly.audio.simulator import simulate
from anomaly.features.front_end import FrontEnd
from anomaly.student.budget import Budget
from anomaly.student.circuit_parts import PHASE_KIND
from anomaly.student.closed_form.plan import ClosedFormPlan
from anomaly.student.distillation.plan import DistilPlan
from anomaly.teacher.fit import TeacherPlan
from anomaly.training import teacher_training
from anomaly.training.compile import Chip, read_chip
from anomaly.training.model_artifacts import ModelArtifacts, build_artifacts
from anomaly.training.profiles import TrainingProfile
from anomaly.training.student_training import StudentConstraints
from anomaly.training.training_data import TrainingData, cut_blocks, split_held_out

pytestmark = pytest.mark.slow

QUICK = TrainingProfile(
    teacher=TeacherPlan(epochs=0),
    closed_form=ClosedFormPlan(),
    distil=DistilPlan(windows=8, steps=1, validation_windows=8, min_sound_s=1.0),
)


@pytest.fixture(scope="module")
def data() -> TrainingData:
    sound = simulate("valve", seconds=60, seed=6)
    clips = [sound.samples[start : start + 96_000] for start in range(0, 10 * 96_000, 96_000)]
    return split_held_out(
        [block for number, clip in enumerate(clips) for block in cut_blocks(clip, f"clip {number}")]
    )


@pytest.fixture(scope="module")
def chip() -> Chip:
    return read_chip("senna")


def trained(
    data: TrainingData,
    chip: Chip,
    monkeypatch: pytest.MonkeyPatch,
    *,
    better: bool = True,
    constraints: StudentConstraints | None = None,
) -> ModelArtifacts:
    monkeypatch.setattr(teacher_training, "phase_gain_of_recordings", lambda recordings, size, seed: 1.0)
    leads = [0.2, 0.1 if better else 0.2]
    monkeypatch.setattr("anomaly.training.phase_training.teacher_student_gap", lambda *_, seed: leads.pop(0))
    return build_artifacts(data, FrontEnd(), QUICK, chip, seed=0, constraints=constraints)


def test_the_bitstream_distinguishes_the_phases_of_the_teacher(
    data: TrainingData, chip: Chip, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = trained(data, chip, monkeypatch)
    assert made.circuit.kinds == (PHASE_KIND,)
    outcome = made.metrics["distillation"]
    assert outcome["phases"] > 2
    assert (outcome["lead"], outcome["lead_left"]) == (0.2, 0.1)
    assert not outcome["kept_start"]
    assert made.metrics["verified"]["equal"]
    assert sum(label.startswith("gate ") for label in made.compiled.network.labels) in (
        0,
        2 * outcome["phases"] - 2,
    )


def test_phases_that_bring_the_student_no_nearer_are_left_out(
    data: TrainingData, chip: Chip, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = trained(data, chip, monkeypatch, better=False)
    assert made.circuit.gates is None
    assert made.metrics["distillation"]["phases"] == 0
    assert made.metrics["distillation"]["lead_left"] is None


@pytest.mark.parametrize("budget", [Budget(max_neurons=725), Budget(max_synapses=4500)])
def test_a_budget_without_room_for_them_has_none(
    data: TrainingData, chip: Chip, budget: Budget, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = trained(data, chip, monkeypatch, constraints=StudentConstraints(budget))
    assert made.circuit.gates is None
    assert made.metrics["distillation"]["phases"] == 0


def test_coarse_weights_allow_no_phases(data: TrainingData, monkeypatch: pytest.MonkeyPatch) -> None:
    made = trained(data, read_chip("senna", 4), monkeypatch)
    assert made.circuit.gates is None


@pytest.mark.parametrize(
    ("leads", "min_sound_s", "phased"),
    [([0.2, 0.1], 1.0, True), ([0.2, 0.3], 1.0, False), ([0.07], 1.0, False), ([], 90.0, False)],
)
def test_the_gap_is_measured_on_the_sound_of_the_machine(
    data: TrainingData,
    chip: Chip,
    leads: list[float],
    min_sound_s: float,
    phased: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(teacher_training, "phase_gain_of_recordings", lambda recordings, size, seed: 1.0)
    left = list(leads)
    monkeypatch.setattr("anomaly.training.phase_training.teacher_student_gap", lambda *_, seed: left.pop(0))
    plan = DistilPlan(windows=8, steps=1, validation_windows=8, min_sound_s=min_sound_s)
    made = build_artifacts(data, FrontEnd(), replace(QUICK, distil=plan), chip, seed=3)
    # The gap of the start is measured first; that of the phased student only with enough sound.
    assert left == []
    assert (made.circuit.gates is not None) == phased
