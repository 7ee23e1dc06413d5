"""Calibration of a student on all recordings: each is scored by a student that was fitted without it.

Held-out recordings alone are few: of sixteen, three, and three recordings say little of how much recordings differ.
Students in closed form take seconds to fit, so that three more, each without a third of the recordings, score the third
left out (CV+ of Barber et al., Ann. Statist. 49, 2021), as those of the teacher do.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from anomaly.detect.calibration.calibration import Calibration
from anomaly.detect.calibration.cross_fit import calibrate_on_errors
from anomaly.detect.detectors.student import StudentDetector
from anomaly.detect.operating.states import OperatingStates
from anomaly.detect.scoring import recording_errors
from anomaly.features.front_end import FrontEnd
from anomaly.features.mel import Centibels
from anomaly.student.closed_form.closed_form import fit_closed_form
from anomaly.student.closed_form.encoder_fit import fit_delta_code
from anomaly.student.closed_form.plan import ClosedFormPlan
from anomaly.student.closed_form.taught_filters import TeacherErrors
from anomaly.training.compile import Chip
from anomaly.training.detector_calibration import decision_masks
from anomaly.training.training_data import TrainingBlock, block_segments, recording_folds, split_held_out

ErrorsOf = Callable[[Sequence[Centibels]], TeacherErrors | None]


def cross_fitted_calibration(
    blocks: Sequence[TrainingBlock],
    front_end: FrontEnd,
    plan: ClosedFormPlan,
    chip: Chip,
    states: OperatingStates,
    errors_of: ErrorsOf,
    *,
    seed: int,
    progress: Callable[[float], None] = lambda _: None,
) -> Calibration | None:
    """Calibrate students of a plan on scores of recordings that each was fitted without.

    Args:
        blocks: all normal sound.
        front_end: front end before the student.
        plan: closed form of the student, for the chip.
        chip: architecture.
        states: operating states of the machine; the calibration rests on the seconds that the decision takes.
        errors_of: the teacher's signed errors of segments.
        seed: of the folds.
        progress: receives the share that is done.

    Returns:
        The calibration, or None with too few recordings.
    """
    folds = recording_folds(blocks, seed)
    scored: list[TrainingBlock] = []
    errors = []
    for number, fold in enumerate(folds):
        others = [block for other in folds if other is not fold for block in other]
        student = _student(others, front_end, plan, chip, errors_of)
        for block in fold:
            errors.append(recording_errors(block.samples, front_end, student))
            scored.append(block)
        progress((number + 1) / len(folds))
    if not folds:
        return None
    return calibrate_on_errors(errors, "count", decision_masks(scored, front_end, states))


def _student(
    blocks: Sequence[TrainingBlock],
    front_end: FrontEnd,
    plan: ClosedFormPlan,
    chip: Chip,
    errors_of: ErrorsOf,
) -> StudentDetector:
    data = split_held_out(blocks)
    training, held_out = (block_segments(part, front_end) for part in (data.training, data.held_out))
    code = fit_delta_code(training, plan)
    circuit = fit_closed_form(training, held_out, code, plan, chip.limits, None, errors_of(training))
    return StudentDetector(code, circuit.to_network(), chip.limits.v_sat)
