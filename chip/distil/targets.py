"""Training samples and the network's answers to them: the data, and mixtures of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from chip.dnn.layers import Dnn

__all__ = ["Task", "TrainingSet", "task_of", "training_set", "varied"]

Task = Literal["classifier", "values"]
# Samples with mixtures; and the share of them that are mixtures where there is enough data.
_POOL = 4096
_MIXED = 0.5
# Uneven mixtures stay nearer to the data.
_BETA = 0.5
# Below so many samples, mixtures are varied too: shifts and scales as shares, noise in standard deviations.
_SCARCE, _SHIFT, _SCALE, _NOISE, _SMOOTH = 100, 0.06, 0.15, 0.2, 9


@dataclass(frozen=True, eq=False)
class TrainingSet:
    """Samples, [sample, value], with targets.

    Args:
        samples: data, then mixtures of two of them.
        plain: number of the former.
        targets: values of the network before its read-out.
        labels: share of each class, or values; None without labels.
    """

    samples: NDArray[np.float64]
    plain: int
    targets: NDArray[np.float64]
    labels: NDArray[np.float64] | None


def task_of(dnn: Dnn, labels: NDArray[Any] | None) -> Task:
    """Tell a classifier by its read-out or by whole-numbered labels; anything else gives values."""
    if dnn.readout in ("softmax", "log_softmax", "argmax"):
        return "classifier"
    whole = labels is not None and labels.dtype.kind == "i" and labels.ndim == 1
    if labels is not None and dnn.n_outputs == 1 and labels.max() > 1:
        return "values"
    return "classifier" if whole else "values"


def training_set(
    dnn: Dnn, samples: NDArray[Any], labels: NDArray[Any] | None, task: Task, *, seed: int, pool: int = _POOL
) -> TrainingSet:
    """Mix samples and ask the network: linear mixtures of two samples cover what lies between them.

    Args:
        dnn: the network.
        samples: data, flat.
        labels: of the data, if any.
        task: classes or values.
        seed: of the mixtures.
        pool: samples in all.
    """
    random = np.random.default_rng(seed)
    n = len(samples)
    mixed = max(int(pool * _MIXED), pool - n)
    plain = random.permutation(n)[: pool - mixed] if n > pool - mixed else np.arange(n)
    one, two = random.integers(n, size=mixed), random.integers(n, size=mixed)
    share = random.beta(_BETA, _BETA, mixed)[:, None]
    mixtures = share * samples[one] + (1 - share) * samples[two]
    if n < _SCARCE:
        mixtures = varied(mixtures, dnn.input_shape, random)
    every = np.concatenate([samples[plain], mixtures])
    target = None
    if labels is not None:
        dense = _dense(labels, dnn.n_outputs) if task == "classifier" else labels.reshape(n, -1)
        target = np.concatenate([dense[plain], share * dense[one] + (1 - share) * dense[two]])
    return TrainingSet(every, len(plain), dnn.output_of(every), target)


def varied(
    samples: NDArray[np.float64], shape: tuple[int, ...], random: np.random.Generator
) -> NDArray[np.float64]:
    """Shift samples along their last axis, scale them, and add smooth noise: the network answers to all of it.

    Args:
        samples: flat.
        shape: of one sample.
        random: source of the variations.
    """
    count, length = len(samples), shape[-1]
    whole = samples.reshape(count, -1, length)
    reach = int(length * _SHIFT) if len(shape) > 1 else 0
    shifts = random.integers(-reach, reach + 1, count)
    at = np.clip(np.arange(length) - shifts[:, None], 0, length - 1)
    moved = np.take_along_axis(whole, np.broadcast_to(at[:, None, :], whole.shape), axis=2)
    spread = samples.std()
    noise = random.normal(size=whole.shape)
    if len(shape) > 1:
        kernel = np.hanning(min(length, _SMOOTH) + 2)[1:-1]
        noise = np.apply_along_axis(np.convolve, 2, noise, kernel / np.sqrt(np.square(kernel).sum()), "same")
    size = random.uniform(0, _NOISE, (count, 1, 1)) * spread
    scale = random.uniform(1 - _SCALE, 1 + _SCALE, (count, 1, 1))
    return np.asarray((scale * moved + size * noise).reshape(count, -1))


def _dense(labels: NDArray[Any], classes: int) -> NDArray[np.float64]:
    if classes == 1:
        return labels.astype(np.float64)[:, None]
    return np.asarray(np.eye(classes)[labels])
