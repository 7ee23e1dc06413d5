"""Distillation: the student learns the teacher's error level per sub-band group, as integers, on its wiring.

Normal sound and pseudo-anomalies go through the teacher; surrogate gradients move weights and thresholds
until the student's read-outs, pooled per second exactly as scoring pools them, follow. The start is kept
unless the result is better on a criterion that distillation never saw: how well normal sound of *other*
recordings and pseudo-anomalies made from it, two kinds of them never trained on, are told apart. (Not on the
recordings that set the start's thresholds: those would flatter the start.)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from sklearn.metrics import roc_auc_score
from torch import Tensor

from anomaly.detect.detector import Detector
from anomaly.detect.pooling import GROUPS, Pooling, fit_pooling, soft_maximum, summarise
from anomaly.detect.scoring import recording_errors
from anomaly.detect.student import StudentDetector
from anomaly.features.delta import DeltaCode, DeltaEncoder
from anomaly.features.front_end import WARM_UP_FRAMES, FrontEnd, frames_before, segment_levels
from anomaly.features.level import LevelNormaliser
from anomaly.features.mel import SAMPLE_RATE_HZ, Samples
from anomaly.student.circuit import Circuit, Limits
from anomaly.student.model import CircuitModel
from anomaly.student.pseudo import HELD_OUT_KINDS, TRAINED_KINDS, pseudo_anomaly
from anomaly.teacher.threads import one_thread

Progress = Callable[[float], None]

_WINDOW_S = 2
_CHECK_S = 5
_CHECKED_EVERY, _CHECKED_FROM = 5, 2
_RATE_FLOOR = 0.02
_WEIGHT_STEP, _THRESHOLD_STEP = 0.03, 0.3
_PER_GROUP = 0.3


@dataclass(frozen=True)
class DistilPlan:
    """How much to distil.

    Args:
        windows: two-second windows to learn from, half of them disturbed.
        steps: gradient steps.
        batch: windows a step.
        checks: five-second windows of other recordings for the criterion.
    """

    windows: int = 384
    steps: int = 60
    batch: int = 32
    checks: int = 48


@dataclass(frozen=True, eq=False)
class Distilled:
    """The outcome.

    Args:
        circuit: the one to compile: trained, or the start where training did not beat it.
        kept_start: whether it is the start.
        start_criterion, trained_criterion: AUC between normal sound and pseudo-anomalies of recordings that
            distillation did not use.
    """

    circuit: Circuit
    kept_start: bool
    start_criterion: float
    trained_criterion: float


@dataclass(frozen=True)
class Setting:
    """What stays the same while a student is distilled."""

    front_end: FrontEnd
    code: DeltaCode
    limits: Limits
    teacher: Detector
    teacher_pooling: Pooling


def distil(
    start: Circuit,
    setting: Setting,
    training: Sequence[Samples],
    plan: DistilPlan,
    *,
    seed: int,
    progress: Progress = lambda _: None,
) -> Distilled:
    """Distil the teacher into the circuit.

    Args:
        start: the closed form.
        setting: front end, encoder, chip limits and teacher.
        training: stretches of normal sound, float32, 16 kHz; every fifth is kept for the criterion.
        plan: how much to do.
        seed: of windows, pseudo-anomalies and order.
        progress: told the share that is done.
    """
    rng = np.random.default_rng([seed, 1])
    apart = list(training[_CHECKED_FROM::_CHECKED_EVERY]) or list(training)
    used = [sound for index, sound in enumerate(training) if index % _CHECKED_EVERY != _CHECKED_FROM]
    checks = _checks(apart, plan.checks, np.random.default_rng([seed, 2]))
    before, pooling = _criterion(start, setting, checks)
    windows = _windows(used, plan.windows, rng)
    if not windows:
        return Distilled(start, True, before, before)
    targets = torch.from_numpy(np.stack([_teacher_levels(w, setting) for w in windows])).float()
    events = torch.from_numpy(np.stack([_events(w, setting) for w in windows]))
    model = CircuitModel(start, setting.limits)
    with one_thread():
        _train(model, events, targets, pooling, setting.code.micro_steps, plan, seed, progress)
    trained = model.to_circuit()
    after, _ = _criterion(trained, setting, checks)
    keep = after <= before
    return Distilled(start if keep else trained, keep, before, after)


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


def _checks(sounds: Sequence[Samples], count: int, rng: np.random.Generator) -> list[tuple[str, Samples]]:
    """Held-out windows, half overlapping: each as it is, and disturbed by every kind."""
    length = _CHECK_S * SAMPLE_RATE_HZ
    starts = [(s, i) for s in sounds for i in range(0, max(1, len(s) - length + 1), length // 2)]
    chosen = np.unique(np.linspace(0, len(starts) - 1, min(count, len(starts))).astype(int))
    pieces = [sound[first : first + length] for sound, first in (starts[int(i)] for i in chosen)]
    result = [("normal", piece) for piece in pieces]
    for piece in pieces:
        result += [(kind, pseudo_anomaly(piece, kind, rng)) for kind in HELD_OUT_KINDS]
    return result


def _criterion(
    circuit: Circuit, setting: Setting, checks: Sequence[tuple[str, Samples]]
) -> tuple[float, Pooling]:
    """AUC between normals and pseudo-anomalies, on the network as the chip would run it."""
    detector = StudentDetector(setting.code, circuit.to_network(), setting.limits.v_sat)
    errors = [recording_errors(sound, setting.front_end, detector) for _, sound in checks]
    normal = [kind == "normal" for kind, _ in checks]
    pooling = fit_pooling(
        [s for e, is_normal in zip(errors, normal, strict=True) if is_normal for s in e], "root"
    )
    scores = [soft_maximum(np.array([pooling.second(s).score for s in e])) for e in errors]
    return float(roc_auc_score(~np.array(normal), scores)), pooling


def _teacher_levels(window: Samples, setting: Setting) -> npt.NDArray[np.float64]:
    """What the student should say: deviation of each group, [seconds, 2, GROUPS]."""
    pooling = setting.teacher_pooling
    seconds = recording_errors(window, setting.front_end, setting.teacher)
    deviations = [(summarise(s, pooling.scale) - pooling.centre) / pooling.spread for s in seconds]
    return np.stack([d.reshape(2, -1, GROUPS).max(axis=1) for d in deviations])


def _events(window: Samples, setting: Setting) -> npt.NDArray[np.int8]:
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
    rates = {"weights": _WEIGHT_STEP, "thresholds": _THRESHOLD_STEP}
    groups = [{"params": [value], "lr": rates[name]} for name, value in model.named_parameters()]
    optimiser = torch.optim.Adam(groups)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, plan.steps)
    for step in range(plan.steps):
        chosen = torch.randperm(len(events), generator=order)[: plan.batch]
        spikes = model(events[chosen].float().transpose(0, 1))
        said = _student_levels(spikes, pooling, micro_steps)
        loss = _ranking_loss(said.flatten(0, 1), targets[chosen].flatten(0, 1))
        optimiser.zero_grad()
        torch.autograd.backward(loss)
        optimiser.step()
        schedule.step()
        model.keep_within_limits()
        progress((step + 1) / plan.steps)


def _ranking_loss(said: Tensor, wanted: Tensor) -> Tensor:
    """How far the student's order of seconds is from the teacher's, as a whole and per group.

    Levels of the two are on different scales, so they are compared in pairs (RankNet, Burges et al., 2005):
    the chance that one second is worse than another should be the teacher's. Both [seconds, 2, GROUPS], in
    standard deviations of normal sound.
    """
    whole = _pairs(_score(said)[:, None], _score(wanted)[:, None])
    each = _pairs(said.mean(dim=1), wanted.mean(dim=1))
    return whole + _PER_GROUP * each


def _pairs(said: Tensor, wanted: Tensor) -> Tensor:
    """Cross entropy of pairwise orders, both [seconds, columns]."""
    ours, theirs = (values[:, None] - values[None] for values in (said, wanted))
    return torch.nn.functional.binary_cross_entropy_with_logits(ours, torch.sigmoid(theirs))


def _score(levels: Tensor) -> Tensor:
    """The pooled score without its outer standardisation, [seconds]."""
    views = torch.cat([levels.mean(dim=2), levels.topk(4, dim=2).values.mean(dim=2)], dim=1)
    return torch.logsumexp(views, dim=1)


def _student_levels(spikes: Tensor, pooling: Pooling, micro_steps: int) -> Tensor:
    """Pool read-out spikes [steps, batch, channels] as scoring does; [batch, seconds, 2, GROUPS]."""
    frames = spikes.reshape(-1, micro_steps, *spikes.shape[1:]).sum(dim=1).transpose(0, 1)
    centre, spread = (torch.from_numpy(a).float() for a in (pooling.centre, pooling.spread))
    seconds = []
    for second in range(_WINDOW_S):
        first = WARM_UP_FRAMES if second == 0 else frames_before(second)
        part = frames[:, first : frames_before(second + 1)]
        top = part.topk(max(1, round(0.25 * part.shape[1])), dim=1).values
        summary = torch.sqrt(torch.stack([part.mean(dim=1), top.mean(dim=1)], dim=1) + _RATE_FLOOR)
        deviation = (summary - torch.sqrt(centre**2 + _RATE_FLOOR)) / spread
        seconds.append(deviation.reshape(len(deviation), 2, -1, GROUPS).amax(dim=2))
    return torch.stack(seconds, dim=1)
