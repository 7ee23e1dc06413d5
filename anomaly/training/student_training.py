"""The student's part of a training: the start inside the budget, distillation, and what imperfect chips cost."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Any

import numpy as np

from anomaly.detect.detectors.detector import Detector
from anomaly.detect.pooling import Pooling
from anomaly.features.delta_encoder import DeltaCode
from anomaly.features.front_end import FrontEnd
from anomaly.features.mel import Centibels, Samples
from anomaly.student.budget import Budget
from anomaly.student.circuit import Circuit
from anomaly.student.closed_form.plan import ClosedFormPlan
from anomaly.student.distillation.criterion import Criterion, validation_split
from anomaly.student.distillation.distil import DistillationResult, DistillationSetup, distil
from anomaly.teacher.phase_classifier import PhaseClassifier
from anomaly.training.compile import Chip
from anomaly.training.phase_training import train_phases
from anomaly.training.profiles import TrainingProfile
from anomaly.training.student_start import StudentStart, choose_start, use_of
from anomaly.training.training_data import TrainingData, block_segments
from chip.rules import fits
from chip.sim.imperfection import Imperfection

_FEW_CHECKS = 6
# Windows of held-out sound by which starts of different layouts are told apart, each disturbed in every way.
_CHOICE_CHECKS = 96
# What a chip may do to a student, and with how many chips it is tried.
LOST_EVENTS, LEAK_SHIFT, MISMATCH = 0.01, 8, 0.05


@dataclass(frozen=True)
class StudentConstraints:
    """What is asked of a student beyond its profile.

    Args:
        budget: what it may use; the best inside comes out.
        accelerator: ``auto``, ``cpu`` or ``cuda``.
        lossy_link: whether the link to the chip is known to lose events: neurons must forget them, whatever the machine
            and the budget.
    """

    budget: Budget = field(default_factory=Budget)
    accelerator: str = "auto"
    lossy_link: bool = False

    def plan(self, chosen: ClosedFormPlan, *, phases: bool = False) -> ClosedFormPlan:
        """The plan of a profile as it is asked for, and as the machine is."""
        asked = chosen.for_lossy_link() if self.lossy_link else chosen
        return asked.for_phases() if phases else asked


@dataclass(frozen=True, eq=False)
class TrainedStudent:
    """A student ready to be compiled.

    Args:
        code: its encoder.
        circuit: its integers.
        distilled: how distillation went, if the profile asks for it.
        robustness: AUC on pseudo-anomalies of perfect and imperfect chips, see `robustness_of`.
    """

    code: DeltaCode
    circuit: Circuit
    distilled: DistillationResult | None
    robustness: dict[str, Any]


def train_student(
    material: TrainingData,
    front_end: FrontEnd,
    chosen: TrainingProfile,
    chip: Chip,
    teacher: tuple[Detector, Pooling],
    order: StudentConstraints,
    *,
    phases: bool,
    teller: PhaseClassifier | None = None,
    seed: int,
    progress: Callable[[float], None] = lambda _: None,
) -> TrainedStudent:
    """Build the start, distil it, and see what imperfect chips do to it.

    Args:
        material: normal sound, split.
        front_end, chosen, chip: how to listen, how much effort, where the student must fit.
        teacher: the teacher and its pooling on held-out sound.
        order: budget, accelerator and link.
        phases: whether the machine's cycle has phases.
        teller: says which phase the teacher hears, if it knows any.
        seed: the same seed gives the same student on the same machine.
        progress: told the share that is done.

    Raises:
        UsageError: the budget is too small for any student, or the link is lossy and the chip cannot make up for it.
        DeviceError: there is no GPU, and one was asked for.
    """
    training = block_segments(material.training, front_end)
    held_out = block_segments(material.held_out, front_end)
    sounds, checked = validation_split([block.samples for block in material.training])
    plan = order.plan(chosen.closed_form, phases=phases)
    judge = start_judge(material, front_end, chip, seed=seed)
    start = choose_start(training, held_out, plan, chip, order.budget, judge)
    circuit, distilled = start.circuit, None
    if chosen.distil is not None:
        setting = DistillationSetup(front_end, start.code, chip.limits, *teacher)
        v_sat, checks = chip.limits.v_sat, chosen.distil.checks
        criterion = Criterion.of(checked, checks, front_end, v_sat, seed=seed)
        allowed = partial(_within, start=start, held_out=held_out, chip=chip, budget=order.budget)
        room = partial(_has_room, chip=chip, allowed=allowed)
        told = train_phases(circuit, teller, (training, held_out), sounds, setting, chosen.distil, room, seed)
        distilled = distil(
            circuit if told is None else told.circuit,
            setting,
            sounds,
            criterion,
            chosen.distil,
            seed=seed,
            allowed=allowed,
            accelerator=order.accelerator,
            progress=progress,
        )
        if told is not None:
            distilled = told.noted(distilled, criterion.judge(circuit, start.code)[0])
        circuit = distilled.circuit
    few = _few(checked, front_end, chip, seed)
    return TrainedStudent(
        start.code, circuit, distilled, robustness_of(circuit, start.code, few, chosen.chips, seed=seed)
    )


def start_judge(
    material: TrainingData, front_end: FrontEnd, chip: Chip, *, seed: int
) -> Callable[[StudentStart], float]:
    """How well a start tells pseudo-anomalies from held-out sound: weights of none were fitted on that.

    All starts have their thresholds from it, so none is flattered more than another. What is heard is made when the
    first one is judged.
    """
    sounds = [block.samples for block in material.held_out]

    @cache
    def criterion() -> Criterion:
        return Criterion.of(sounds, _CHOICE_CHECKS, front_end, chip.limits.v_sat, seed=seed)

    return lambda start: criterion().judge(start.circuit, start.code)[0]


def robustness_of(
    circuit: Circuit, code: DeltaCode, criterion: Criterion, chips: int, *, seed: int
) -> dict[str, Any]:
    """AUC on pseudo-anomalies of a perfect chip and of imperfect ones, all scored as the perfect one is.

    Args:
        circuit, code: the student.
        criterion: the checks.
        chips: how many chips with mismatch are tried.
        seed: of the chips.

    Returns:
        ``perfect``, ``lost_events`` and ``leak``, and ``mismatch`` with mean, least and number of chips.
    """
    perfect, pooling = criterion.judge(circuit, code)

    def on(imperfection: Imperfection, chip: int = 0) -> float:
        return criterion.judge(circuit, code, imperfection=imperfection, chip=chip, pooling=pooling)[0]

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


def _few(sounds: Sequence[Samples], front_end: FrontEnd, chip: Chip, seed: int) -> Criterion:
    return Criterion.of(sounds, _FEW_CHECKS, front_end, chip.limits.v_sat, seed=seed)


def _within(
    circuit: Circuit, *, start: StudentStart, held_out: Sequence[Centibels], chip: Chip, budget: Budget
) -> bool:
    made = StudentStart(start.code, circuit, start.plan)
    return use_of(made, held_out, chip, budget).within(budget)


def _has_room(circuit: Circuit, *, chip: Chip, allowed: Callable[[Circuit], bool]) -> bool:
    return fits(circuit.to_network(), chip.arch) and allowed(circuit)
