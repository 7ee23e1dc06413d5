"""Training of the teacher on levels of normal sound.

Members of the ensemble minimise the negative log likelihood of a normal distribution for the innovation e of the newest
frame, without its constant::

    nll = (e^2 * exp(-s) + s) / 2      s: predicted log variance
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from anomaly.features.front_end import WARM_UP_FRAMES
from anomaly.features.mel import Centibels
from anomaly.teacher.mean_innovation import mean_innovation_whitening
from anomaly.teacher.network import MaskedFrameAutoencoder, Teacher, TeacherSize, past_frames
from anomaly.teacher.phases import MAX_PHASES, fit_phases, phase_gain
from anomaly.teacher.single_thread import single_thread
from anomaly.teacher.whitening import whitening

Progress = Callable[[float], None]

# Ridge of the linear predictor, in windows of unit variance.
_RIDGE = 30.0
_BATCH = 256
_LEARNING_RATE = 2e-3
_WEIGHT_DECAY = 1e-2
# Most windows that a covariance is fitted to: more cost memory and change nothing.
_MAX_WHITENING_WINDOWS = 60_000
# Most windows from which the gain of phases is computed; neighbours share most of their frames.
_MAX_GAIN_WINDOWS = 10_000


@dataclass(frozen=True)
class TeacherPlan:
    """Effort and shape of a teacher's training.

    Args:
        size: shape of the autoencoder.
        epochs: passes over the training windows; none leaves the linear model.
        noise: added to the network's input, in standard deviations of a band, against overfitting.
        max_phases: most phases of the cycle to fit. One is no phases; with more there is no slow kind, since means over
            seconds depend mainly on the duration of each phase.
    """

    size: TeacherSize = field(default_factory=TeacherSize)
    epochs: int = 6
    noise: float = 0.2
    max_phases: int = 1


def fit_teacher(
    segments: Sequence[Centibels], plan: TeacherPlan, *, seed: int, progress: Progress = lambda _: None
) -> Teacher:
    """Train a teacher on segments of normal sound.

    Args:
        segments: levels [frames, bands] of uninterrupted stretches, hundredths of a decibel.
        plan: shape and length of training.
        seed: of weights, order and noise.
        progress: called with the share that is done, 0 to 1.

    Raises:
        ModelError: there are fewer than about two seconds of sound.
    """
    torch.manual_seed(seed)
    everything = np.concatenate(segments).astype(np.float64)
    mean, deviation = everything.mean(axis=0), np.maximum(everything.std(axis=0), 1.0)
    windows = _windows(segments, mean, deviation, plan.size.context)
    autoencoder = MaskedFrameAutoencoder(plan.size)
    _fit_linear(autoencoder, windows)
    standard = (torch.from_numpy(mean.astype(np.float32)), torch.from_numpy(deviation.astype(np.float32)))
    with single_thread():
        _train(autoencoder, windows, plan, torch.Generator().manual_seed(seed), progress)
        with torch.no_grad():
            innovation = autoencoder.innovation(windows)
        whitened = whitening(_subsample(innovation).numpy())
        if plan.max_phases == 1:
            slow = mean_innovation_whitening(_by_segment(innovation, whitened, segments, plan.size.past))
            return Teacher(autoencoder, *standard, whitened, slow).eval()
        stacked = _subsample(windows[:, -plan.size.window :].flatten(1))
        phases = fit_phases(stacked, plan.size.bands, plan.max_phases, seed)
        of_windows = whitening(phases.residuals(stacked).numpy())
        return Teacher(autoencoder, *standard, whitened, None, phases, of_windows).eval()


def _by_segment(
    innovation: Tensor, whitened: tuple[Tensor, Tensor], segments: Sequence[Centibels], past: int
) -> list[npt.NDArray[np.float32]]:
    """Return the whitened innovations of each segment from the warm-up on, [frames, bands]."""
    white = ((innovation - whitened[0]) @ whitened[1]).numpy()
    lengths = [max(len(segment) - past, 0) for segment in segments]
    parts = np.split(white, np.cumsum(lengths)[:-1])
    return [part[WARM_UP_FRAMES - past :] for part in parts if len(part) > WARM_UP_FRAMES - past]


def innovation_nll(teacher: Teacher, segments: Sequence[Centibels]) -> float:
    """Compute the mean negative log likelihood of a band's innovation, in nats, up to a constant.

    A measure of prediction that needs no label: the lower on unseen sound, the better.

    Args:
        teacher: the predictor.
        segments: levels [frames, bands] of normal sound that it was not fitted on.
    """
    net = teacher.autoencoder
    windows = _windows(segments, teacher.mean.numpy(), teacher.deviation.numpy(), net.size.context)
    with torch.no_grad():
        mean, log_variance = net(past_frames(windows))
        return float(_nll((windows[:, -1] - mean) / net.deviation, log_variance))


def phase_gain_of_recordings(
    recordings: Sequence[Sequence[Centibels]], size: TeacherSize, seed: int
) -> float:
    """Compute by how much phases predict sound at unseen operating points better than one Gaussian; see `phase_gain`.

    Args:
        recordings: segments of normal sound of each recording, levels [frames, bands].
        size: of the windows.
        seed: of the initial phases.

    Returns:
        Nats per band of a frame; without a clear gain a single Gaussian is the better model.
    """
    everything = np.concatenate([segment for one in recordings for segment in one]).astype(np.float64)
    mean, deviation = everything.mean(axis=0), np.maximum(everything.std(axis=0), 1.0)
    parts = [_windows(segments, mean, deviation, size.context) for segments in recordings]
    every = -(-sum(len(part) for part in parts) // _MAX_GAIN_WINDOWS)
    stacked = [part[::every, -size.window :].flatten(1) for part in parts if len(part)]
    with single_thread():
        return phase_gain(stacked, size.bands, MAX_PHASES, seed)


def _windows(
    segments: Sequence[Centibels],
    mean: npt.NDArray[np.float64],
    deviation: npt.NDArray[np.float64],
    context: int,
) -> Tensor:
    """Cut standardised windows from all segments, [n, context, bands]."""
    parts = []
    for segment in segments:
        frames = ((segment - mean) / deviation).astype(np.float32)
        if len(frames) >= context:
            view = np.lib.stride_tricks.sliding_window_view(frames, context, axis=0)
            parts.append(np.ascontiguousarray(view.transpose(0, 2, 1)))
    empty = np.empty((0, context, len(mean)), dtype=np.float32)
    return torch.from_numpy(np.concatenate(parts) if parts else empty)


def _fit_linear(autoencoder: MaskedFrameAutoencoder, windows: Tensor) -> None:
    """Set the linear part to the ridge solution, and the deviation to its residual's."""
    past, target = past_frames(windows).double(), windows[:, -1].double()
    gram = past.T @ past + _RIDGE * torch.eye(past.shape[1], dtype=torch.float64)
    weights = torch.linalg.solve(gram, past.T @ target)
    residual = (target - past @ weights).square().mean(dim=0).sqrt().clamp(min=1e-3)
    with torch.no_grad():
        autoencoder.linear.weight.copy_(weights.T)
        autoencoder.linear.bias.zero_()
        autoencoder.deviation.copy_(residual)


def _nll(error: Tensor, log_variance: Tensor) -> Tensor:
    """Compute the negative log likelihood of a normal distribution, without its constant, mean over everything."""
    nats: Tensor = 0.5 * (error.square() * torch.exp(-log_variance) + log_variance).mean()
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
            _loss(autoencoder, chosen[:, -1], past).backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            schedule.step()
        progress((epoch + 1) / plan.epochs)


def _loss(autoencoder: MaskedFrameAutoencoder, newest: Tensor, past: Tensor) -> Tensor:
    """Add the negative log likelihoods of the members, each trained on its own prediction."""
    error = newest - autoencoder.linear(past)
    nats = newest.new_zeros(())
    for member in autoencoder.members:
        correction, log_variance = member(past)
        nats = nats + _nll((error - correction) / autoencoder.deviation, log_variance)
    return nats


def _subsample(vectors: Tensor) -> Tensor:
    return vectors[:: -(-len(vectors) // _MAX_WHITENING_WINDOWS)]
