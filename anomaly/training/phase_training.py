"""Phase training: thresholds that follow the phases of the machine's cycle, before distillation proper."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from anomaly.detect.detectors.student import StudentDetector
from anomaly.features.mel import SAMPLE_RATE_HZ, Centibels, Samples
from anomaly.student.circuit import Circuit
from anomaly.student.distillation.distil import DistillationResult
from anomaly.student.distillation.plan import DistillationSetup, DistilPlan
from anomaly.student.distillation.teacher_gap import teacher_student_gap
from anomaly.student.phases.phase_gated_student import fit_phase_gated_student
from anomaly.teacher.phase_classifier import PhaseClassifier


@dataclass(frozen=True, eq=False)
class PhaseTraining:
    """A student whose thresholds follow the phases of the machine's cycle.

    Args:
        circuit: its integers.
        phases: number of phases that it distinguishes.
        gap_before: teacher-student gap of the start, see `teacher_student_gap`.
        gap_after: teacher-student gap of this student.
    """

    circuit: Circuit
    phases: int
    gap_before: float
    gap_after: float

    def merged_into(self, distilled: DistillationResult, start_criterion: float) -> DistillationResult:
        """Return the outcome of the distillation that followed, with this phase training added to it."""
        return replace(
            distilled,
            kept_start=False,
            start_criterion=start_criterion,
            gap=self.gap_before,
            gap_left=self.gap_after,
            phases=self.phases,
        )


def train_phases(
    start: Circuit,
    classifier: PhaseClassifier | None,
    levels: tuple[Sequence[Centibels], Sequence[Centibels]],
    sounds: Sequence[Samples],
    setting: DistillationSetup,
    plan: DistilPlan,
    fits: Callable[[Circuit], bool],
    seed: int,
) -> PhaseTraining | None:
    """Train phases if the teacher-student gap of the start is large enough, and keep them if they make it smaller.

    The gap is measured on the machine's own sound played at the wrong time of its cycle. Where the teacher detects no
    more of that than the start does, phases would only cost neurons: a machine that turns steadily has phases by
    chance alone.

    Args:
        start: student in closed form.
        classifier: phase labels by the teacher; None for a teacher without phases.
        levels: levels of normal sound, segments [frames, bands], first to fit on and then for the thresholds.
        sounds: normal sound, float32, 16 kHz.
        setting: front end, encoder, limits and teacher.
        plan: effort of the distillation.
        fits: returns whether a circuit fits chip and budget.
        seed: of the pseudo-anomalies of the gap.

    Returns:
        The student; None without a worthwhile gap, or where it does not fit.
    """
    if classifier is None or sum(map(len, sounds)) < plan.min_sound_s * SAMPLE_RATE_HZ:
        return None

    def gap(circuit: Circuit) -> float:
        student = StudentDetector(setting.code, circuit.to_network(), setting.limits.v_sat)
        return teacher_student_gap(
            setting.teacher.fresh(), student, sounds, setting.front_end, plan.validation_windows, seed=seed
        )

    before = gap(start)
    if before < plan.min_phase_gap:
        return None
    training, held_out = levels
    phases = [classifier.classify(segment) for segment in training]
    made = fit_phase_gated_student(training, phases, held_out, setting.code, setting.limits)
    if made is None or not fits(made.circuit):
        return None
    after = gap(made.circuit)
    return PhaseTraining(made.circuit, made.phases, before, after) if after < before else None
