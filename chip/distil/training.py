"""Training of a student inside the limits of the chip: gradual sparsity, then exact spikes."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, log_softmax, softmax

from chip.distil.options import ConversionOptions, Progress
from chip.distil.rate_model import RateStudent
from chip.distil.spike_forward import spike_counts
from chip.distil.targets import Task, TrainingSet
from chip.dnn.codes import encode

__all__ = ["distil_loss", "train"]

_BATCH = 64
_RATE, _SPIKE_RATE = 4e-3, 1e-3
_TEMPERATURE = 2.0
_NOISE = 0.03
# Shares of the training after which the fan-in is that of the chip, and masked synapses no longer grow.
_SPARSE_AT, _FROZEN_AT = 0.5, 0.85
_MASK_EVERY = 10
_CLIP = 1.0


def train(
    student: RateStudent,
    data: TrainingSet,
    task: Task,
    options: ConversionOptions,
    progress: Progress,
    stage: str = "training",
    gradual: bool = True,
) -> None:
    """Train a student; changes it.

    The fan-in falls from full to that of the chip by a cubic over the first half (Zhu and Gupta 2017). Masked
    synapses keep their gradient, so they return if the loss wants them, until the last part. Then come steps whose
    forward pass is the exact simulation.

    Args:
        student: to train.
        data: samples and targets.
        task: classes or values.
        options: steps and shares.
        progress: receives the completed share.
        stage: name of the stage for it.
        gradual: begin with all synapses; False continues a training with the fan-in of the chip.
    """
    torch.manual_seed(options.seed)
    batches = _Batches(student, data, options)
    steps = options.training_steps
    optimiser = torch.optim.Adam(student.parameters(), lr=_RATE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, _RATE, total_steps=max(steps, 1), pct_start=0.15
    )
    student.train()
    student.noise, student.dense_gradient = _NOISE, True
    widest = max(weight.shape[1] for weight in student.weights)
    for step in range(steps):
        done = step / steps
        student.dense_gradient = done < _FROZEN_AT
        if step % _MASK_EVERY == 0 and student.dense_gradient:
            student.sparsify(_fan_in(done, widest, student.limit) if gradual else student.limit)
        counts, target, labels = batches.draw()
        loss = distil_loss(student(counts), target, labels, task, options.teacher_share)
        _update(student, optimiser, loss)
        schedule.step()
        if step % 20 == 0:
            progress(stage, done)
    student.dense_gradient = False
    _finish_masks(student, steps)
    _spike_phase(student, batches, task, options, progress)
    student.eval()


def distil_loss(found: Tensor, target: Tensor, labels: Tensor | None, task: Task, share: float) -> Tensor:
    """Distance to the network's answers and to the labels.

    Classes: Kullback-Leibler divergence at a temperature, and cross-entropy. Values: squared error relative to the
    spread of the targets in the batch.
    """
    share = 1.0 if labels is None else share
    if task == "values":
        spread = target.var(dim=0, correction=0).mean().clamp(min=1e-9)
        loss = share * (found - target).square().mean() / spread
        if labels is not None and share < 1:
            loss = loss + (1 - share) * (found - labels).square().mean() / spread
        return loss
    if target.shape[1] == 1:
        loss = share * binary_cross_entropy_with_logits(found, torch.sigmoid(target))
        if labels is not None and share < 1:
            loss = loss + (1 - share) * binary_cross_entropy_with_logits(found, labels)
        return loss
    soft = softmax(target / _TEMPERATURE, dim=1)
    own = log_softmax(found / _TEMPERATURE, dim=1)
    divergence = (soft * (soft.clamp(min=1e-12).log() - own)).sum(dim=1).mean()
    loss = share * _TEMPERATURE**2 * divergence
    if labels is not None and share < 1:
        loss = loss - (1 - share) * (labels * log_softmax(found, dim=1)).sum(dim=1).mean()
    return loss


class _Batches:
    """Random batches, half of them data and half mixtures."""

    def __init__(self, student: RateStudent, data: TrainingSet, options: ConversionOptions) -> None:
        rates = student.shape.inputs.rates(data.samples)
        self.levels = np.rint(rates * student.window.steps).astype(np.int64)
        self.targets = torch.tensor(data.targets, dtype=torch.float32)
        self.labels = None if data.labels is None else torch.tensor(data.labels, dtype=torch.float32)
        self.plain = data.plain
        self.random = np.random.default_rng(options.seed)

    def index(self) -> NDArray[np.int64]:
        """Draw the samples of a batch."""
        mixed = len(self.levels) - self.plain
        half = _BATCH // 2 if mixed else _BATCH
        one = self.random.integers(self.plain, size=half)
        return (
            one if not mixed else np.concatenate([one, self.plain + self.random.integers(mixed, size=half)])
        )

    def draw(self) -> tuple[Tensor, Tensor, Tensor | None]:
        """Input counts, targets and labels of a batch."""
        return self.of(self.index())

    def of(self, index: NDArray[Any]) -> tuple[Tensor, Tensor, Tensor | None]:
        """Input counts, targets and labels of these samples."""
        counts = torch.tensor(self.levels[index], dtype=torch.float32)
        return counts, self.targets[index], None if self.labels is None else self.labels[index]


def _fan_in(done: float, widest: int, limit: int) -> int:
    """Synapses of a neuron at a share of the training."""
    left = max(0.0, 1 - done / _SPARSE_AT)
    return int(limit + (widest - limit) * left**3)


def _finish_masks(student: RateStudent, steps: int) -> None:
    """Bring the fan-in down to that of the chip if the training was too short to do so."""
    if steps == 0 or any(
        int(mask.sum(dim=1).max()) > student.synapse_limit(at) for at, mask in enumerate(student.masks)
    ):
        student.sparsify(student.limit)


def _update(student: RateStudent, optimiser: torch.optim.Optimizer, loss: Tensor) -> None:
    optimiser.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    torch.nn.utils.clip_grad_norm_(student.parameters(), _CLIP)
    optimiser.step()


def _spike_phase(
    student: RateStudent, batches: _Batches, task: Task, options: ConversionOptions, progress: Progress
) -> None:
    steps = options.spike_steps
    optimiser = torch.optim.Adam(student.parameters(), lr=_SPIKE_RATE)
    window = student.window
    for step in range(steps):
        for group in optimiser.param_groups:
            group["lr"] = _SPIKE_RATE * (1 - step / steps)
        index = batches.index()
        counts, target, labels = batches.of(index)
        spikes = encode(batches.levels[index], "rate", window.steps, window.total)
        found = student.read(spike_counts(student, torch.tensor(spikes, dtype=torch.float32), counts))
        _update(student, optimiser, distil_loss(found, target, labels, task, options.teacher_share))
        if step % 20 == 0:
            progress("exact spikes", step / steps)
