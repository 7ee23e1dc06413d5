"""Distillation: the student learns the teacher's error level per sub-band group, as integers, on its wiring.

Whether there is anything to learn is asked first: a teacher that hears no more of this machine than the start does
(`teacher_student_gap`) can only draw it down to itself. Where it does, normal sound and pseudo-anomalies go through
the teacher; surrogate gradients move weights and thresholds until the student's read-outs, pooled per second as
scoring pools them, follow. Rounded weights under noisy gradients wander, so the outcome is the mean of the way that
they went.

It is kept unless it is clearly worse than the start on a criterion that distillation never saw: how well normal sound
of *other* recordings and pseudo-anomalies made from it, two kinds of them never trained on, are told apart. (Not on
the recordings that set the start's thresholds: those would flatter the start.)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from anomaly.detect.detectors.detector import Detector
from anomaly.detect.detectors.student import StudentDetector
from anomaly.detect.pooling import SUB_BAND_GROUPS, Pooling, summarise
from anomaly.detect.scoring import recording_errors
from anomaly.features.delta_encoder import DeltaCode, DeltaEncoder
from anomaly.features.front_end import WARM_UP_FRAMES, FrontEnd, frames_before, segment_levels
from anomaly.features.level_normaliser import LevelNormaliser
from anomaly.features.mel import SAMPLE_RATE_HZ, Samples
from anomaly.student.circuit import Circuit
from anomaly.student.distillation.accelerator import choose_device, repeatable
from anomaly.student.distillation.circuit_model import CircuitModel
from anomaly.student.distillation.criterion import Criterion
from anomaly.student.distillation.pseudo_anomalies import TRAINED_KINDS, pseudo_anomaly
from anomaly.student.distillation.teacher_gap import teacher_student_gap
from anomaly.student.neuron_limits import NeuronLimits

Progress = Callable[[float], None]
KeptBecause = Literal["too little sound", "too little to learn", "training did harm", "it left the budget"]

_WINDOW_S = 2
# Added to rates before roots and logarithms, more than scoring adds: their slopes are steep near nothing.
_RATE_FLOOR = 0.02
# Adam's steps: weights in units, thresholds in shares of their mean.
_WEIGHT_STEP, _THRESHOLD_STEP = 0.05, 0.02
_PER_GROUP = 0.3
# The mean leaves out the first fifth of the steps, on the way from the start.
_LEFT_OUT = 0.2
# Two standard deviations of a difference of the criterion, over recordings: what is within cannot be told.
_CLEARLY_WORSE = 0.02


@dataclass(frozen=True)
class DistilPlan:
    """How much to distil.

    Args:
        windows: two-second windows to learn from, half of them disturbed.
        steps: gradient steps.
        batch: windows a step.
        checks: five-second windows of other recordings for the criterion, and as many of these for the teacher's lead.
        least_lead: AUC by which the teacher must be ahead of the student for training to be tried.
        least_phases_lead: and for the student to be taught phases before.
        least_sound_s: seconds of sound below which the lead tells nothing: a teacher is ahead on sound that it was
            fitted on, the more so the less there was.
    """

    windows: int = 384
    steps: int = 60
    batch: int = 32
    checks: int = 48
    least_lead: float = 0.14
    least_phases_lead: float = 0.08
    least_sound_s: float = 90.0


@dataclass(frozen=True, eq=False)
class DistillationResult:
    """The outcome.

    Args:
        circuit: the one to compile: trained, or the start where there was nothing to learn or training made it worse.
        kept_start: whether it is the start.
        start_criterion, trained_criterion: AUC between normal sound and pseudo-anomalies of recordings that
            distillation did not use; the same where nothing was trained.
        lead: AUC by which the teacher was ahead of the start, on pseudo-anomalies of the machine's own sound.
        trained: whether training was tried.
        kept_because: why the outcome of training was not kept or none was tried, None where it was.
        phases: of the machine's cycle that the student was taught to tell before, 0 for none; then the circuit is
            not the start, whatever came of training, which the criterion of training is still about.
        lead_left: the teacher's lead over the student that was taught phases, before training; None for no phases.
    """

    circuit: Circuit
    kept_start: bool
    start_criterion: float
    trained_criterion: float
    lead: float = 0.0
    trained: bool = False
    kept_because: KeptBecause | None = None
    phases: int = 0
    lead_left: float | None = None


@dataclass(frozen=True)
class DistillationSetup:
    """What stays the same while a student is distilled."""

    front_end: FrontEnd
    code: DeltaCode
    limits: NeuronLimits
    teacher: Detector
    teacher_pooling: Pooling


def distil(
    start: Circuit,
    setting: DistillationSetup,
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
        setting: front end, encoder, chip limits and teacher.
        training: stretches of normal sound, float32, 16 kHz, without those of the criterion.
        criterion: decides whether training made it clearly worse.
        plan: how much to do.
        seed: of windows, pseudo-anomalies and order.
        allowed: whether a circuit keeps the budget.
        accelerator: ``auto``, ``cpu`` or ``cuda``.
        progress: told the share that is done.

    Raises:
        UsageError: there is no such accelerator.
        DeviceError: there is no GPU, and one was asked for.
    """
    device = choose_device(accelerator)
    rng = np.random.default_rng([seed, 1])
    before, pooling = criterion.judge(start, setting.code)
    student = StudentDetector(setting.code, start.to_network(), setting.limits.v_sat)
    ahead = teacher_student_gap(
        setting.teacher.fresh(), student, training, setting.front_end, plan.checks, seed=seed
    )
    windows = _windows(training, plan.windows, rng)
    enough = windows and sum(map(len, training)) >= plan.least_sound_s * SAMPLE_RATE_HZ
    if not enough or ahead < plan.least_lead:
        progress(1.0)
        return DistillationResult(
            start,
            True,
            before,
            before,
            ahead,
            kept_because="too little to learn" if enough else "too little sound",
        )
    targets = torch.from_numpy(np.stack([_teacher_says(w, setting) for w in windows])).float().to(device)
    events = torch.from_numpy(np.stack([_events(w, setting) for w in windows])).to(device)
    model = CircuitModel(start, setting.limits).to(device)
    with repeatable(device):
        _train(model, events, targets, pooling, setting.code.micro_steps, plan, seed, progress)
    trained = model.to_circuit()
    after, _ = criterion.judge(trained, setting.code)
    because: KeptBecause | None = "training did harm" if after < before - _CLEARLY_WORSE else None
    if because is None and not allowed(trained):
        because = "it left the budget"
    keep = because is not None
    return DistillationResult(
        start if keep else trained, keep, before, after, ahead, trained=True, kept_because=because
    )


def _windows(sounds: Sequence[Samples], count: int, rng: np.random.Generator) -> list[Samples]:
    """Random windows of training sound; every other one is disturbed."""
    length = _WINDOW_S * SAMPLE_RATE_HZ
    long_enough = [sound for sound in sounds if len(sound) >= length]
    result = []
    for index in range(count if long_enough else 0):
        sound = long_enough[int(rng.integers(len(long_enough)))]
        first = int(rng.integers(len(sound) - length + 1))
        window = sound[first : first + length]
        if index % 2:
            window = pseudo_anomaly(window, TRAINED_KINDS[index // 2 % len(TRAINED_KINDS)], rng)
        result.append(window)
    return result


def _teacher_says(window: Samples, setting: DistillationSetup) -> npt.NDArray[np.float64]:
    """What the student should say: the score, then the deviation of each group, [seconds, 1 + SUB_BAND_GROUPS]."""
    pooling = setting.teacher_pooling
    said = []
    for second in recording_errors(window, setting.front_end, setting.teacher):
        deviation = (summarise(second, pooling.scale) - pooling.centre) / pooling.spread
        groups = deviation.reshape(2, -1, SUB_BAND_GROUPS).max(axis=1).mean(axis=0)
        said.append(np.concatenate([[pooling.second(second).score], groups]))
    return np.stack(said)


def _events(window: Samples, setting: DistillationSetup) -> npt.NDArray[np.int8]:
    levels = segment_levels(window, setting.front_end)
    if setting.front_end.level_normalise:
        levels = LevelNormaliser(len(levels)).push(levels)
    events: npt.NDArray[np.int8] = DeltaEncoder(setting.code).push(levels)[0].reshape(-1, setting.code.bands)
    return events


def _train(
    model: CircuitModel,
    events: Tensor,
    targets: Tensor,
    pooling: Pooling,
    micro_steps: int,
    plan: DistilPlan,
    seed: int,
    progress: Progress,
) -> None:
    torch.manual_seed(seed)
    order = torch.Generator().manual_seed(seed)
    threshold_step = _THRESHOLD_STEP * float(model.thresholds.detach().mean())
    rates = {"weights": _WEIGHT_STEP, "gated": _WEIGHT_STEP, "thresholds": threshold_step}
    groups = [{"params": [value], "lr": rates[name]} for name, value in model.named_parameters()]
    optimiser = torch.optim.Adam(groups)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, plan.steps)
    way = torch.optim.swa_utils.AveragedModel(model)
    for step in range(plan.steps):
        chosen = torch.randperm(len(events), generator=order)[: plan.batch].to(events.device)
        spikes = model(events[chosen].float().transpose(0, 1))
        said = _student_says(spikes, pooling, micro_steps)
        loss = _ranking_loss(said.flatten(0, 1), targets[chosen].flatten(0, 1))
        optimiser.zero_grad()
        torch.autograd.backward(loss)
        optimiser.step()
        schedule.step()
        model.keep_within_limits()
        if step >= int(_LEFT_OUT * plan.steps):
            way.update_parameters(model)
        progress((step + 1) / plan.steps)
    model.load_state_dict(way.module.state_dict())


def _ranking_loss(said: Tensor, wanted: Tensor) -> Tensor:
    """How far the student's order of seconds is from the teacher's, as a whole and per group.

    Levels of the two are on different scales, so they are compared in pairs (RankNet, Burges et al., 2005):
    the chance that one second is worse than another should be the teacher's. Both [seconds, 1 + groups], in
    standard deviations of normal sound, the score first.
    """
    whole = _pairs(said[:, :1], wanted[:, :1])
    each = _pairs(said[:, 1:], wanted[:, 1:])
    return whole + _PER_GROUP * each


def _pairs(said: Tensor, wanted: Tensor) -> Tensor:
    """Cross entropy of pairwise orders, both [seconds, columns]."""
    ours, theirs = (values[:, None] - values[None] for values in (said, wanted))
    return torch.nn.functional.binary_cross_entropy_with_logits(ours, torch.sigmoid(theirs))


def _student_says(spikes: Tensor, pooling: Pooling, micro_steps: int) -> Tensor:
    """Pool read-out spikes [steps, batch, channels] as scoring does on the scale "count".

    Returns:
        The score, then the deviation of each group, [batch, seconds, 1 + groups].
    """
    frames = spikes.reshape(-1, micro_steps, *spikes.shape[1:]).sum(dim=1).transpose(0, 1)
    arrays = (pooling.centre, pooling.spread, pooling.view_centre, pooling.view_spread)
    centre, spread, view_centre, view_spread = (
        torch.from_numpy(a).to(spikes.device, spikes.dtype) for a in arrays
    )
    # A kind's share is that of its two views together.
    weights = np.full(pooling.kinds, 1.0 / pooling.kinds) if pooling.shares is None else pooling.shares
    shares = torch.from_numpy(np.tile(weights, 2) / 2).to(spikes.device, spikes.dtype)
    seconds = []
    for second in range(_WINDOW_S):
        first = WARM_UP_FRAMES if second == 0 else frames_before(second)
        part = frames[:, first : frames_before(second + 1)]
        top = part.topk(max(1, round(0.25 * part.shape[1])), dim=1).values
        counts = torch.stack([part.mean(dim=1), top.mean(dim=1)], dim=1)
        whole = torch.log(counts.reshape(len(counts), -1, SUB_BAND_GROUPS).mean(dim=2) + _RATE_FLOOR)
        score = (((whole - view_centre) / view_spread) * shares).sum(dim=1, keepdim=True)
        deviation = (torch.sqrt(counts + _RATE_FLOOR) - torch.sqrt(centre**2 + _RATE_FLOOR)) / spread
        groups = deviation.reshape(len(deviation), 2, -1, SUB_BAND_GROUPS).amax(dim=2).mean(dim=1)
        seconds.append(torch.cat([score, groups], dim=1))
    return torch.stack(seconds, dim=1)
