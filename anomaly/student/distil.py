"""Distillation: the student learns the teacher's error level per sub-band group, as integers, on its wiring.

Normal sound and pseudo-anomalies go through the teacher; surrogate gradients move weights and thresholds
until the student's read-outs, pooled per second exactly as scoring pools them, follow. The start is kept
unless the result is better on a criterion that training never saw: how well normal sound of *held-out*
recordings and pseudo-anomalies made from it, two kinds of them never trained on, are told apart.
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

Progress = Callable[[float], None]

_WINDOW_S = 2
_CHECK_S = 5
_RATE_FLOOR = 0.02
_WEIGHT_STEP = 0.05
# A gain below this on the held-out criterion is luck.
_LEAST_GAIN = 0.002


@dataclass(frozen=True)
class DistilPlan:
    """How much to distil.

    Args:
        windows: two-second windows to learn from, half of them disturbed.
        steps: gradient steps.
        batch: windows a step.
        checks: five-second windows of held-out sound for the criterion.
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
        start_criterion, trained_criterion: mean AUC over pseudo-anomalies on held-out sound.
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
    held_out: Sequence[Samples],
    plan: DistilPlan,
    *,
    seed: int,
    progress: Progress = lambda _: None,
) -> Distilled:
    """Distil the teacher into the circuit.

    Args:
        start: the closed form.
        setting: front end, encoder, chip limits and teacher.
        training: stretches of normal sound, float32, 16 kHz.
        held_out: stretches from other recordings, for the criterion only.
        plan: how much to do.
        seed: of windows, pseudo-anomalies and order.
        progress: told the share that is done.
    """
    rng = np.random.default_rng([seed, 1])
    checks = _checks(held_out, plan.checks, np.random.default_rng([seed, 2]))
    before, pooling = _criterion(start, setting, checks)
    windows = _windows(training, plan.windows, rng)
    if not windows:
        return Distilled(start, True, before, before)
    targets = torch.from_numpy(np.stack([_teacher_levels(w, setting) for w in windows])).float()
    events = torch.from_numpy(np.stack([_events(w, setting) for w in windows]))
    model = CircuitModel(start, setting.limits)
    _train(model, events, targets, pooling, setting.code.micro_steps, plan, seed, progress)
    trained = model.to_circuit()
    after, _ = _criterion(trained, setting, checks)
    keep = after < before + _LEAST_GAIN
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
    """Held-out windows: each normal once and disturbed by two kinds in turn."""
    length = _CHECK_S * SAMPLE_RATE_HZ
    pieces = [s[i : i + length] for s in sounds for i in range(0, max(1, len(s) - length + 1), length)]
    pieces = [
        pieces[int(i)]
        for i in np.unique(np.linspace(0, len(pieces) - 1, min(count, len(pieces))).astype(int))
    ]
    result = [("normal", piece) for piece in pieces]
    for index, piece in enumerate(pieces):
        for kind in (HELD_OUT_KINDS[(2 * index + k) % len(HELD_OUT_KINDS)] for k in range(2)):
            result.append((kind, pseudo_anomaly(piece, kind, rng)))
    return result


def _criterion(
    circuit: Circuit, setting: Setting, checks: Sequence[tuple[str, Samples]]
) -> tuple[float, Pooling]:
    """AUC between held-out normals and pseudo-anomalies, on the network as the chip would run it."""
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
    rates = {"weights": _WEIGHT_STEP, "thresholds": 10 * _WEIGHT_STEP}
    groups = [{"params": [value], "lr": rates[name]} for name, value in model.named_parameters()]
    optimiser = torch.optim.Adam(groups)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, plan.steps)
    for step in range(plan.steps):
        chosen = torch.randperm(len(events), generator=order)[: plan.batch]
        spikes = model(events[chosen].float().transpose(0, 1))
        said = _student_levels(spikes, pooling, micro_steps)
        loss = torch.nn.functional.huber_loss(torch.asinh(said), torch.asinh(targets[chosen]))
        optimiser.zero_grad()
        torch.autograd.backward(loss)
        optimiser.step()
        schedule.step()
        progress((step + 1) / plan.steps)


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
