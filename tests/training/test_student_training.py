"""First student of a training: chosen by the machine's phases, and by a criterion on sound that was not fitted on."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from anomaly.features.front_end import FrontEnd
from anomaly.student.budget import Budget
from anomaly.student.closed_form.plan import ClosedFormPlan
from anomaly.teacher.fit import TeacherPlan
from anomaly.training import teacher_training
from anomaly.training.compile import Chip, read_chip
from anomaly.training.model_artifacts import build_artifacts
from anomaly.training.profiles import TrainingProfile
from anomaly.training.student_start import StudentStart, choose_start
from anomaly.training.student_training import StudentConstraints, start_criterion
from anomaly.training.training_data import TrainingData, block_segments
from support.valve_sound import valve_data

SMALL = ClosedFormPlan(kinds=("context",), micro_steps=2, band_stride=2)
LINEAR = TrainingProfile(teacher=TeacherPlan(epochs=0), closed_form=SMALL, distil=None)


@pytest.fixture(scope="module")
def data() -> TrainingData:
    return valve_data(clips=7, seed=6)


@pytest.fixture(scope="module")
def chip() -> Chip:
    return read_chip("senna")


@pytest.mark.slow
@pytest.mark.parametrize(("gain_nats", "loads"), [(1.0, {1, 3, 6}), (0.0, {1, 3, 12})])
def test_with_phases_thresholds_are_rare_whoever_trained_the_teacher(
    data: TrainingData, chip: Chip, gain_nats: float, loads: set[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        teacher_training, "phase_gain_of_recordings", lambda recordings, size, seed: gain_nats
    )
    own = build_artifacts(data, FrontEnd(), LINEAR, chip, seed=0)
    distilled_again = build_artifacts(data, FrontEnd(), LINEAR, chip, seed=0, teacher=own.onnx)
    assert set(own.circuit.loads.tolist()) == loads
    np.testing.assert_array_equal(distilled_again.circuit.thresholds, own.circuit.thresholds)
    assert distilled_again.metrics["teacher"] == {"gain_nats": None, "phases_gain_nats": gain_nats}


@pytest.mark.parametrize(
    ("lossy", "phases", "bits", "leaks"),
    [
        (False, False, 6, True),
        (False, True, 6, False),
        (False, False, 4, False),
        (True, False, 6, True),
        (True, True, 6, True),
    ],
)
def test_neurons_forget_as_machine_chip_and_link_want_it(
    lossy: bool, phases: bool, bits: int, leaks: bool, data: TrainingData
) -> None:
    plan = StudentConstraints(lossy_link=lossy).plan(replace(SMALL, micro_steps=4), phases=phases)
    training, held_out = (block_segments(part, FrontEnd()) for part in (data.training, data.held_out))
    start = choose_start(training, held_out, plan, read_chip("senna", bits), Budget(), lambda _: 0.0)
    assert (start.code.leak > 0) == (start.circuit.leak > 0) == leaks
    assert start.code.leak == start.circuit.leak
    assert start.plan.event_size == (0.25 if leaks else 0.2 if phases else 0.3)


def test_a_sensitive_start_has_the_higher_criterion(data: TrainingData, chip: Chip) -> None:
    front_end = FrontEnd()
    training, held_out = (block_segments(part, front_end) for part in (data.training, data.held_out))
    judge = start_criterion(data, front_end, chip, seed=0)
    start = choose_start(training, held_out, SMALL, chip, Budget(), judge)
    deaf = replace(start.circuit, thresholds=np.full_like(start.circuit.thresholds, 255), drift=None)
    deaf = replace(deaf, kinds=("context",), divisors=deaf.divisors[:16])
    hearing = judge(start)
    assert hearing > judge(StudentStart(start.code, deaf, start.plan)) + 0.1
    assert judge(start) == hearing
