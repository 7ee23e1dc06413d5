"""Training of the student: start within the budget, distillation, and robustness against imperfect chips."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np

from anomaly.detect.detectors.detector import Detector
from anomaly.detect.pooling import Pooling
from anomaly.features.delta_encoder import DeltaCode
from anomaly.features.front_end import FrontEnd
from anomaly.features.mel import Centibels, Samples
from anomaly.student.budget import Budget
from anomaly.student.circuit import Circuit
from anomaly.student.closed_form.error_filters import target_filters
from anomaly.student.closed_form.plan import ClosedFormPlan
from anomaly.student.closed_form.taught_filters import TeacherErrors, agreement
from anomaly.student.distillation.criterion import Criterion, validation_split
from anomaly.student.distillation.distil import DistillationResult, distil
from anomaly.student.distillation.plan import DistillationSetup, DistilPlan
from anomaly.teacher.phase_classifier import PhaseClassifier
from anomaly.training.compile import Chip
from anomaly.training.phase_training import train_phases
from anomaly.training.profiles import TrainingProfile
from anomaly.training.student_start import StudentStart, choose_start, measured_use
from anomaly.training.training_data import TrainingData, block_segments
from chip.rules import fits
from chip.sim.imperfection import Imperfection

# Windows of the robustness criterion: few, because each is scored once for every imperfect chip.
_ROBUSTNESS_CHECKS = 6
# Windows of held-out sound by which starts of different layouts are compared, each disturbed in every way.
_START_CHECKS = 96
# Imperfections that a student is tried with: share of events lost, additional leak 2^-n a step, standard deviation of
# the weights.
LOST_EVENTS, LEAK_SHIFT, MISMATCH = 0.01, 8, 0.05


@dataclass(frozen=True)
class StudentConstraints:
    """Constraints of a student beyond its profile.

    Args:
        budget: upper bounds of its use; training returns the best student within them.
        accelerator: ``auto``, ``cpu`` or ``cuda``.
        lossy_link: whether the link to the chip is known to lose events: neurons must forget them, whatever the machine
            and the budget.
    """

    budget: Budget = field(default_factory=Budget)
    accelerator: str = "auto"
    lossy_link: bool = False

    def plan(self, profile: ClosedFormPlan, *, phases: bool = False) -> ClosedFormPlan:
        """Return a profile's plan adapted to the link, and to the phases of the machine's cycle."""
        plan = profile.for_lossy_link() if self.lossy_link else profile
        return plan.for_phases() if phases else plan


@dataclass(frozen=True, eq=False)
class TrainedStudent:
    """A student ready to be compiled.

    Args:
        code: its encoder.
        circuit: its integers.
        distilled: outcome of the distillation; None if the profile has none.
        robustness: AUC on pseudo-anomalies of perfect and imperfect chips, see `measure_robustness`.
        teaching: how well the student's errors follow the teacher's; None for a teacher without signed errors.
        plan: of the closed form, where the circuit is that alone; None where phases or gradients have changed it.
    """

    code: DeltaCode
    circuit: Circuit
    distilled: DistillationResult | None
    robustness: dict[str, Any]
    teaching: Teaching | None = None
    plan: ClosedFormPlan | None = None


@dataclass(frozen=True)
class Teaching:
    """Correlation of the student's error filters with the teacher's signed errors, on held-out normal sound.

    Args:
        taught: of the filters that were fitted to the teacher.
        alone: of those that the sound alone would have given.
    """

    taught: float
    alone: float


def train_student(
    data: TrainingData,
    front_end: FrontEnd,
    profile: TrainingProfile,
    chip: Chip,
    teacher: tuple[Detector, Pooling],
    constraints: StudentConstraints,
    *,
    phases: bool,
    classifier: PhaseClassifier | None = None,
    errors_of: Callable[[Sequence[Centibels]], TeacherErrors | None] = lambda _: None,
    seed: int,
    progress: Callable[[float], None] = lambda _: None,
) -> TrainedStudent:
    """Build the start, distil it, and measure its robustness against imperfect chips.

    Args:
        data: normal sound, split into training and held-out part.
        front_end: front end before the student.
        profile: training effort.
        chip: architecture that the student must fit.
        teacher: the teacher and its pooling on held-out sound.
        constraints: budget, accelerator and link.
        phases: whether the machine's cycle has phases.
        classifier: phase labels by the teacher; None for a teacher without phases.
        errors_of: the teacher's signed errors of segments; None for a teacher that has none.
        seed: the same seed gives the same student on the same machine.
        progress: receives the share that is done.

    Raises:
        UsageError: the budget is too small for any student, or the link is lossy and the chip cannot make up for it.
        DeviceError: a GPU was requested and there is none.
    """
    levels = block_segments(data.training, front_end), block_segments(data.held_out, front_end)
    sounds, validation = validation_split([block.samples for block in data.training])
    plan = constraints.plan(profile.closed_form, phases=phases)
    judge = start_criterion(data, front_end, chip, seed=seed)
    errors = errors_of(levels[0])
    start = choose_start(*levels, plan, chip, constraints.budget, judge, errors)
    distilled = None
    if profile.distil is not None:
        setting = DistillationSetup(front_end, start.code, chip.limits, *teacher)
        criterion = Criterion.from_sounds(
            validation, profile.distil.validation_windows, front_end, chip.limits.v_sat, seed=seed
        )
        run = _Distillation(
            start, setting, levels, sounds, criterion, profile.distil, chip, constraints, seed
        )
        distilled = run.outcome(classifier, progress)
    circuit = start.circuit if distilled is None else distilled.circuit
    few = Criterion.from_sounds(validation, _ROBUSTNESS_CHECKS, front_end, chip.limits.v_sat, seed=seed)
    robustness = measure_robustness(circuit, start.code, few, profile.chips, seed=seed)
    teaching = None if errors is None else _teaching(levels, start, errors, errors_of(levels[1]))
    plan_alone = start.plan if circuit is start.circuit else None
    return TrainedStudent(start.code, circuit, distilled, robustness, teaching, plan_alone)


def _teaching(
    levels: tuple[Sequence[Centibels], Sequence[Centibels]],
    start: StudentStart,
    errors: TeacherErrors,
    held_out_errors: TeacherErrors | None,
) -> Teaching | None:
    """Measure what the student's filters have of the teacher; None for a plan without filters of changes."""
    if held_out_errors is None or start.plan.kinds != ("change",):
        return None
    training, held_out = levels
    with_teacher, alone = (target_filters(training, start.code, start.plan, e)[0] for e in (errors, None))
    found = (
        agreement(held_out, held_out_errors, start.code, filters, start.plan.band_stride)
        for filters in (with_teacher, alone)
    )
    return Teaching(*found)


@dataclass(frozen=True, eq=False)
class _Distillation:
    """Distillation of a start: phases first, then gradients, both within chip and budget."""

    start: StudentStart
    setting: DistillationSetup
    levels: tuple[Sequence[Centibels], Sequence[Centibels]]
    sounds: Sequence[Samples]
    criterion: Criterion
    plan: DistilPlan
    chip: Chip
    constraints: StudentConstraints
    seed: int

    def outcome(
        self, classifier: PhaseClassifier | None, progress: Callable[[float], None]
    ) -> DistillationResult:
        circuit = self.start.circuit
        phased = train_phases(
            circuit,
            classifier,
            self.levels,
            self.sounds,
            self.setting,
            self.plan,
            self._fits_chip_and_budget,
            self.seed,
        )
        distilled = distil(
            circuit if phased is None else phased.circuit,
            self.setting,
            self.sounds,
            self.criterion,
            self.plan,
            seed=self.seed,
            allowed=self._within_budget,
            accelerator=self.constraints.accelerator,
            progress=progress,
        )
        if phased is None:
            return distilled
        return phased.merged_into(distilled, self.criterion.evaluate(circuit, self.start.code)[0])

    def _within_budget(self, circuit: Circuit) -> bool:
        student = StudentStart(self.start.code, circuit, self.start.plan)
        budget = self.constraints.budget
        return measured_use(student, self.levels[1], self.chip, budget).within(budget)

    def _fits_chip_and_budget(self, circuit: Circuit) -> bool:
        return fits(circuit.to_network(), self.chip.arch) and self._within_budget(circuit)


def start_criterion(
    data: TrainingData, front_end: FrontEnd, chip: Chip, *, seed: int
) -> Callable[[StudentStart], float]:
    """Return a function that gives the AUC of a start between held-out sound and pseudo-anomalies made from it.

    No start's weights were fitted on held-out sound; all have their thresholds from it, so that the comparison is fair.
    The pseudo-anomalies are made at the first call.
    """
    sounds = [block.samples for block in data.held_out]

    @cache
    def criterion() -> Criterion:
        return Criterion.from_sounds(sounds, _START_CHECKS, front_end, chip.limits.v_sat, seed=seed)

    return lambda start: criterion().evaluate(start.circuit, start.code)[0]


def measure_robustness(
    circuit: Circuit, code: DeltaCode, criterion: Criterion, chips: int, *, seed: int
) -> dict[str, Any]:
    """AUC on pseudo-anomalies of a perfect chip and of imperfect ones, all scored as the perfect one is.

    Args:
        circuit, code: the student.
        criterion: windows of normal sound and pseudo-anomalies.
        chips: number of chips with mismatch.
        seed: of the chips.

    Returns:
        ``perfect``, ``lost_events`` and ``leak``, and ``mismatch`` with mean, least and number of chips.
    """
    perfect, pooling = criterion.evaluate(circuit, code)

    def on(imperfection: Imperfection, chip: int = 0) -> float:
        return criterion.evaluate(circuit, code, imperfection=imperfection, chip=chip, pooling=pooling)[0]

    found: dict[str, Any] = {
        "perfect": perfect,
        "lost_events": {"share": LOST_EVENTS, "auc": on(Imperfection(lost_events=LOST_EVENTS, seed=seed))},
        "leak": {"shift": LEAK_SHIFT, "auc": on(Imperfection(extra_leak_shift=LEAK_SHIFT, seed=seed))},
    }
    if chips:
        series = Imperfection(weight_mismatch_sigma=MISMATCH, seed=seed)
        aucs = [on(series, chip) for chip in range(chips)]
        found["mismatch"] = {
            "sigma": MISMATCH,
            "chips": chips,
            "auc": float(np.mean(aucs)),
            "least": float(np.min(aucs)),
        }
    return found
