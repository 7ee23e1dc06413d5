"""Distillation of the teacher into a circuit with fixed wiring, as integers.

The teacher-student gap (`teacher_gap`) is measured first: where the teacher is not ahead on this machine, training can
only draw the student down to it. Where it is, normal sound and pseudo-anomalies are scored by the teacher, and
surrogate gradients train weights and thresholds until the student's read-outs, pooled per second as in scoring, have
the same order.

The result is kept unless it is clearly worse than the start on a criterion that distillation never used: the AUC
between normal sound of *other* recordings and pseudo-anomalies made from it, two kinds of them never trained on. (The
recordings that set the start's thresholds are not used for it: they would favour the start.)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch

from anomaly.detect.detectors.student import StudentDetector
from anomaly.detect.pooling import Pooling
from anomaly.features.mel import SAMPLE_RATE_HZ, Samples
from anomaly.student.circuit import Circuit
from anomaly.student.distillation.accelerator import choose_device, repeatable
from anomaly.student.distillation.circuit_model import CircuitModel
from anomaly.student.distillation.criterion import Criterion
from anomaly.student.distillation.gradient_training import train_circuit
from anomaly.student.distillation.plan import DistillationSetup, DistilPlan
from anomaly.student.distillation.teacher_gap import teacher_student_gap
from anomaly.student.distillation.training_windows import cut_windows, teacher_outputs, window_events

Progress = Callable[[float], None]
KeptBecause = Literal["too little sound", "too little to learn", "training did harm", "it left the budget"]

# Loss of the criterion (AUC) up to which a result is kept: two standard deviations of a difference over recordings,
# which scatters by 0.004 to 0.013.
_MAX_LOSS = 0.02


@dataclass(frozen=True, eq=False)
class DistillationResult:
    """The outcome of a distillation.

    Args:
        circuit: the one to compile: trained, or the start where there was nothing to learn or training made it worse.
        kept_start: whether it is the start.
        start_criterion, trained_criterion: AUC between normal sound and pseudo-anomalies of recordings that
            distillation did not use; the same where nothing was trained.
        gap: teacher-student gap of the start, an AUC difference on pseudo-anomalies of the machine's own sound.
        trained: whether training was tried.
        kept_because: reason why the outcome of training was not kept or none was tried, None where it was kept.
        phases: number of phases of the machine's cycle that gates of the student detect, 0 for none; with gates the
            circuit is not the start, whatever came of training, and the criterion is still about training.
        gap_left: teacher-student gap of the phase-gated student, before training; None without phases.
    """

    circuit: Circuit
    kept_start: bool
    start_criterion: float
    trained_criterion: float
    gap: float = 0.0
    trained: bool = False
    kept_because: KeptBecause | None = None
    phases: int = 0
    gap_left: float | None = None


def distil(
    start: Circuit,
    setup: DistillationSetup,
    training: Sequence[Samples],
    criterion: Criterion,
    plan: DistilPlan,
    *,
    seed: int,
    allowed: Callable[[Circuit], bool] = lambda _: True,
    accelerator: str = "auto",
    progress: Progress = lambda _: None,
) -> DistillationResult:
    """Distil the teacher into the circuit.

    Args:
        start: the closed form.
        setup: front end, encoder, chip limits and teacher.
        training: stretches of normal sound, float32, 16 kHz, without those of the criterion.
        criterion: decides whether training made the student clearly worse.
        plan: effort.
        seed: of windows, pseudo-anomalies and order.
        allowed: returns whether a circuit keeps the budget.
        accelerator: ``auto``, ``cpu`` or ``cuda``.
        progress: called with the share that is done.

    Raises:
        UsageError: there is no such accelerator.
        DeviceError: a GPU is required and there is none.
    """
    device = choose_device(accelerator)
    rng = np.random.default_rng([seed, 1])
    before, pooling = criterion.evaluate(start, setup.code)
    student = StudentDetector(setup.code, start.to_network(), setup.limits.v_sat)
    gap = teacher_student_gap(
        setup.teacher.fresh(), student, training, setup.front_end, plan.validation_windows, seed=seed
    )
    windows = cut_windows(training, plan.windows, rng)
    enough = windows and sum(map(len, training)) >= plan.min_sound_s * SAMPLE_RATE_HZ
    if not enough or gap < plan.min_gap:
        progress(1.0)
        because: KeptBecause = "too little to learn" if enough else "too little sound"
        return DistillationResult(start, True, before, before, gap, kept_because=because)
    trained = _trained(start, setup, windows, pooling, plan, device, seed, progress)
    after, _ = criterion.evaluate(trained, setup.code)
    harm: KeptBecause | None = "training did harm" if after < before - _MAX_LOSS else None
    if harm is None and not allowed(trained):
        harm = "it left the budget"
    keep = harm is not None
    circuit = start if keep else trained
    return DistillationResult(circuit, keep, before, after, gap, trained=True, kept_because=harm)


def _trained(
    start: Circuit,
    setup: DistillationSetup,
    windows: Sequence[Samples],
    pooling: Pooling,
    plan: DistilPlan,
    device: torch.device,
    seed: int,
    progress: Progress,
) -> Circuit:
    targets = torch.from_numpy(np.stack([teacher_outputs(w, setup) for w in windows])).float().to(device)
    events = torch.from_numpy(np.stack([window_events(w, setup) for w in windows])).to(device)
    model = CircuitModel(start, setup.limits).to(device)
    with repeatable(device):
        train_circuit(
            model,
            events,
            targets,
            pooling,
            micro_steps=setup.code.micro_steps,
            steps=plan.steps,
            batch=plan.batch,
            seed=seed,
            progress=progress,
        )
    return model.to_circuit()
