"""Training of the teacher on levels of normal sound."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from anomaly.features.mel import Centibels
from anomaly.teacher.mean_spectrum import mean_spectrum_whitening
from anomaly.teacher.network import MaskedFrameAutoencoder, Teacher, TeacherSize, past_frames
from anomaly.teacher.phases import MAX_PHASES, fit_phases, phase_gain
from anomaly.teacher.single_thread import single_thread
from anomaly.teacher.whitening import whitening

Progress = Callable[[float], None]

_RIDGE = 30.0
_BATCH = 256
_LEARNING_RATE = 2e-3
_WEIGHT_DECAY = 1e-2
# Windows enough for any covariance here; more would only cost memory.
_WHITENED_MOST = 60_000
# Windows enough to tell whether phases help; neighbours share most of their frames.
_TOLD_MOST = 10_000


@dataclass(frozen=True)
class TeacherPlan:
    """How long to train.

    Args:
        size: shape of the autoencoder.
        epochs: passes over the training windows; none leaves the linear model.
        noise: added to what the network is given, in deviations of a band, so that it learns no frame by heart.
        phases: most phases of the cycle to look for. One is none; with more there is no slow kind, since the mean
            spectrum tells above all how long each phase took.
    """

    size: TeacherSize = field(default_factory=TeacherSize)
    epochs: int = 6
    noise: float = 0.2
    phases: int = 1


def fit_teacher(
    segments: Sequence[Centibels], plan: TeacherPlan, *, seed: int, progress: Progress = lambda _: None
) -> Teacher:
    """Train on segments of normal sound.

    Args:
        segments: levels [frames, bands] of uninterrupted stretches, hundredths of a decibel.
        plan: shape and length of training.
        seed: of weights, order and noise.
        progress: told the share that is done, 0 to 1.

    Raises:
        ModelError: there are hardly two seconds to learn from.
    """
    torch.manual_seed(seed)
    everything = np.concatenate(segments).astype(np.float64)
    mean, deviation = everything.mean(axis=0), np.maximum(everything.std(axis=0), 1.0)
    windows = _windows(segments, mean, deviation, plan.size.context)
    autoencoder = MaskedFrameAutoencoder(plan.size)
    _start_linear(autoencoder, windows)
    with single_thread():
        _train(autoencoder, windows, plan, torch.Generator().manual_seed(seed), progress)
        with torch.no_grad():
            innovation = autoencoder.innovation(windows)
        stacked = _thinned(windows[:, -plan.size.window :].flatten(1))
        phases = fit_phases(stacked, plan.size.bands, plan.phases, seed)
        teacher = Teacher(
            autoencoder,
            torch.from_numpy(mean.astype(np.float32)),
            torch.from_numpy(deviation.astype(np.float32)),
            phases,
            whitening(phases.apart(stacked).numpy()),
            whitening(_thinned(innovation).numpy()),
            mean_spectrum_whitening(segments, mean, deviation) if plan.phases == 1 else None,
        )
    return teacher.eval()


def innovation_nll(teacher: Teacher, segments: Sequence[Centibels]) -> float:
    """Mean negative log likelihood of a band's innovation, in nats, up to a constant.

    The yardstick that needs no label: on sound that training never had, the lower, the better what was foretold.

    Args:
        teacher: what foretells.
        segments: levels [frames, bands] of normal sound it was not fitted on.
    """
    net = teacher.autoencoder
    windows = _windows(segments, teacher.mean.numpy(), teacher.deviation.numpy(), net.size.context)
    with torch.no_grad():
        mean, log_variance = net(past_frames(windows))
        return float(_surprise((windows[:, -1] - mean) / net.deviation, log_variance))


def phase_gain_of_recordings(
    recordings: Sequence[Sequence[Centibels]], size: TeacherSize, seed: int
) -> float:
    """By how much phases foretell sound at operating points never heard better than one Gaussian; see `phase_gain`.

    Args:
        recordings: segments of normal sound of each recording, levels [frames, bands].
        size: says what a window is.
        seed: of the first guess at phases.

    Returns:
        Nats per band of a frame; without a clear gain the cycle had better be taken as one.
    """
    everything = np.concatenate([segment for one in recordings for segment in one]).astype(np.float64)
    mean, deviation = everything.mean(axis=0), np.maximum(everything.std(axis=0), 1.0)
    parts = [_windows(segments, mean, deviation, size.context) for segments in recordings]
    every = -(-sum(len(part) for part in parts) // _TOLD_MOST)
    stacked = [part[::every, -size.window :].flatten(1) for part in parts if len(part)]
    with single_thread():
        return phase_gain(stacked, size.bands, MAX_PHASES, seed)


def _windows(
    segments: Sequence[Centibels],
    mean: npt.NDArray[np.float64],
    deviation: npt.NDArray[np.float64],
    context: int,
) -> Tensor:
    """Standardised windows of all segments, [n, context, bands]."""
    parts = []
    for segment in segments:
        frames = ((segment - mean) / deviation).astype(np.float32)
        if len(frames) >= context:
            view = np.lib.stride_tricks.sliding_window_view(frames, context, axis=0)
            parts.append(np.ascontiguousarray(view.transpose(0, 2, 1)))
    empty = np.empty((0, context, len(mean)), dtype=np.float32)
    return torch.from_numpy(np.concatenate(parts) if parts else empty)


def _start_linear(autoencoder: MaskedFrameAutoencoder, windows: Tensor) -> None:
    given, target = past_frames(windows).double(), windows[:, -1].double()
    gram = given.T @ given + _RIDGE * torch.eye(given.shape[1], dtype=torch.float64)
    weights = torch.linalg.solve(gram, given.T @ target)
    left = (target - given @ weights).square().mean(dim=0).sqrt().clamp(min=1e-3)
    with torch.no_grad():
        autoencoder.linear.weight.copy_(weights.T)
        autoencoder.linear.bias.zero_()
        autoencoder.deviation.copy_(left)


def _surprise(off: Tensor, log_variance: Tensor) -> Tensor:
    """Negative log likelihood of a normal distribution, without its constant, mean over everything."""
    nats: Tensor = 0.5 * (off.square() * torch.exp(-log_variance) + log_variance).mean()
    return nats


def _train(
    autoencoder: MaskedFrameAutoencoder,
    windows: Tensor,
    plan: TeacherPlan,
    random: torch.Generator,
    progress: Progress,
) -> None:
    optimiser = torch.optim.AdamW(
        autoencoder.stack.parameters(), lr=_LEARNING_RATE, weight_decay=_WEIGHT_DECAY
    )
    batches = max(1, len(windows) // _BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, _LEARNING_RATE, total_steps=max(1, plan.epochs * batches)
    )
    for epoch in range(plan.epochs):
        order = torch.randperm(len(windows), generator=random)
        for batch in range(batches):
            chosen = windows[order[batch * _BATCH : (batch + 1) * _BATCH]]
            past = past_frames(chosen)
            past = past + plan.noise * torch.randn(past.shape, generator=random)
            optimiser.zero_grad()
            _lesson(autoencoder, chosen[:, -1], past).backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            schedule.step()
        progress((epoch + 1) / plan.epochs)


def _lesson(autoencoder: MaskedFrameAutoencoder, newest: Tensor, past: Tensor) -> Tensor:
    """Each member's own surprise, added: they learn side by side and not from each other."""
    off = newest - autoencoder.linear(past)
    nats = newest.new_zeros(())
    for member in autoencoder.members:
        correction, log_variance = member(past)
        nats = nats + _surprise((off - correction) / autoencoder.deviation, log_variance)
    return nats


def _thinned(vectors: Tensor) -> Tensor:
    return vectors[:: -(-len(vectors) // _WHITENED_MOST)]
