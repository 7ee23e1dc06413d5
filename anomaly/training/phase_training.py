"""The first thing that a student is taught: the phases of the machine's cycle, where its teacher knows any."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from anomaly.detect.detectors.student import StudentDetector
from anomaly.features.mel import SAMPLE_RATE_HZ, Centibels, Samples
from anomaly.student.circuit import Circuit
from anomaly.student.distillation.distil import DistillationResult, DistillationSetup, DistilPlan
from anomaly.student.distillation.teacher_gap import teacher_student_gap
from anomaly.student.phases.phase_gated_student import fit_phase_gated_student
from anomaly.teacher.phase_classifier import PhaseClassifier


@dataclass(frozen=True, eq=False)
class PhaseTraining:
    """A student that was taught phases.

    Args:
        circuit: its integers.
        phases: parts of the cycle that it tells apart.
        lead: AUC by which the teacher was ahead of the start, see `teacher_student_gap`.
        lead_left: and by which it is ahead of this one.
    """

    circuit: Circuit
    phases: int
    lead: float
    lead_left: float

    def noted(self, distilled: DistillationResult, start_criterion: float) -> DistillationResult:
        """How distillation went from here on, with what was before it."""
        return replace(
            distilled,
            kept_start=False,
            start_criterion=start_criterion,
            lead=self.lead,
            lead_left=self.lead_left,
            phases=self.phases,
        )


def train_phases(
    start: Circuit,
    teller: PhaseClassifier | None,
    levels: tuple[Sequence[Centibels], Sequence[Centibels]],
    sounds: Sequence[Samples],
    setting: DistillationSetup,
    plan: DistilPlan,
    room: Callable[[Circuit], bool],
    seed: int,
) -> PhaseTraining | None:
    """Teach the student phases, if the teacher leads the start by enough and the student that was taught by less.

    The lead is on the machine's own sound at the wrong time. Where the teacher hears no more of that than the start,
    phases are nothing to learn: a machine that turns steadily has them by chance, and what they take away is missed.

    Args:
        start: the closed form.
        teller: says which phase the teacher hears; None for a teacher without.
        levels: of normal sound, segments [frames, bands], to learn from and for the thresholds.
        sounds: normal sound, float32, 16 kHz.
        setting: what students of this teacher have in common.
        plan: of distillation.
        room: whether chip and budget have room for a circuit.
        seed: of what is listened to.

    Returns:
        The student; None where there is nothing to learn, or no room for it.
    """
    if teller is None or sum(map(len, sounds)) < plan.least_sound_s * SAMPLE_RATE_HZ:
        return None

    def ahead(circuit: Circuit) -> float:
        student = StudentDetector(setting.code, circuit.to_network(), setting.limits.v_sat)
        return teacher_student_gap(
            setting.teacher.fresh(), student, sounds, setting.front_end, plan.checks, seed=seed
        )

    before = ahead(start)
    if before < plan.least_phases_lead:
        return None
    training, held_out = levels
    phases = [teller.of(segment) for segment in training]
    made = fit_phase_gated_student(training, phases, held_out, setting.code, setting.limits)
    if made is None or not room(made.circuit):
        return None
    left = ahead(made.circuit)
    return PhaseTraining(made.circuit, made.phases, before, left) if left < before else None
