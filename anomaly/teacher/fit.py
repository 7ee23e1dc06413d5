"""Training of the teacher on levels of normal sound."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import torch
from sklearn.covariance import LedoitWolf
from torch import Tensor, nn

from anomaly.features.mel import Centibels
from anomaly.teacher.network import MaskedFrameAutoencoder, Teacher, TeacherSize, neighbours
from anomaly.teacher.threads import one_thread

Progress = Callable[[float], None]

_RIDGE = 10.0
_NOISE = 0.05
_BATCH = 256
_LEARNING_RATE = 2e-3
_WEIGHT_DECAY = 1e-2


@dataclass(frozen=True)
class TeacherPlan:
    """How long to train.

    Args:
        size: shape of the autoencoder.
        epochs: passes over the training windows.
    """

    size: TeacherSize = field(default_factory=TeacherSize)
    epochs: int = 15


def fit_teacher(
    segments: Sequence[Centibels], plan: TeacherPlan, *, seed: int, progress: Progress = lambda _: None
) -> Teacher:
    """Train on segments of normal sound.

    Args:
        segments: levels [frames, bands] of uninterrupted stretches, hundredths of a decibel.
        plan: shape and length of training.
        seed: of weights, order and noise.
        progress: told the share that is done, 0 to 1.
    """
    torch.manual_seed(seed)
    everything = np.concatenate(segments).astype(np.float64)
    mean, deviation = everything.mean(axis=0), np.maximum(everything.std(axis=0), 1.0)
    standard = [((s - mean) / deviation).astype(np.float32) for s in segments]
    windows = torch.from_numpy(np.concatenate([_windows(s, plan.size.context) for s in standard]))
    autoencoder = MaskedFrameAutoencoder(plan.size)
    _start_linear(autoencoder, windows)
    with one_thread():
        _train(autoencoder, windows, plan.epochs, torch.Generator().manual_seed(seed), progress)
    centre = windows[:, plan.size.context // 2]
    with torch.no_grad():
        residual = centre - autoencoder(windows)
    teacher = Teacher(
        autoencoder,
        torch.from_numpy(mean.astype(np.float32)),
        torch.from_numpy(deviation.astype(np.float32)),
        _whitening(centre.numpy()),
        _whitening(residual.numpy()),
    )
    return teacher.eval()


def _windows(frames: npt.NDArray[np.float32], context: int) -> npt.NDArray[np.float32]:
    if len(frames) < context:
        return np.empty((0, context, frames.shape[1]), dtype=np.float32)
    view = np.lib.stride_tricks.sliding_window_view(frames, context, axis=0)
    return np.ascontiguousarray(view.transpose(0, 2, 1))


def _start_linear(autoencoder: MaskedFrameAutoencoder, windows: Tensor) -> None:
    given = neighbours(windows).double()
    target = windows[:, windows.shape[1] // 2].double()
    gram = given.T @ given + _RIDGE * torch.eye(given.shape[1], dtype=torch.float64)
    with torch.no_grad():
        autoencoder.linear.weight.copy_(torch.linalg.solve(gram, given.T @ target).T)
        autoencoder.linear.bias.zero_()


def _train(
    autoencoder: MaskedFrameAutoencoder,
    windows: Tensor,
    epochs: int,
    random: torch.Generator,
    progress: Progress,
) -> None:
    optimiser = torch.optim.AdamW(autoencoder.parameters(), lr=_LEARNING_RATE, weight_decay=_WEIGHT_DECAY)
    batches = max(1, len(windows) // _BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, _LEARNING_RATE, total_steps=max(1, epochs * batches)
    )
    middle = windows.shape[1] // 2
    loss = nn.MSELoss()
    for epoch in range(epochs):
        order = torch.randperm(len(windows), generator=random)
        for batch in range(batches):
            clean = windows[order[batch * _BATCH : (batch + 1) * _BATCH]]
            noisy = clean + _NOISE * torch.randn(clean.shape, generator=random)
            optimiser.zero_grad()
            loss(autoencoder(noisy), clean[:, middle]).backward()
            optimiser.step()
            schedule.step()
        progress((epoch + 1) / epochs)


def _whitening(vectors: npt.NDArray[np.float32]) -> tuple[Tensor, Tensor]:
    """Mean and ZCA matrix from a covariance shrunk after Ledoit and Wolf (2004)."""
    fitted = LedoitWolf().fit(vectors.astype(np.float64))
    values, vectors_ = np.linalg.eigh(fitted.covariance_)
    matrix = (vectors_ / np.sqrt(np.maximum(values, 1e-9))) @ vectors_.T
    return torch.from_numpy(fitted.location_.astype(np.float32)), torch.from_numpy(matrix.astype(np.float32))
