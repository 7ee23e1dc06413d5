"""Training samples and the network's answers to them: the data, and mixtures of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from chip.dnn.layers import Dnn

__all__ = ["Task", "TrainingSet", "task_of", "training_set"]

Task = Literal["classifier", "values"]
# Samples with mixtures; and the share of them that are mixtures where there is enough data.
_POOL = 4096
_MIXED = 0.5
# Uneven mixtures stay nearer to the data.
_BETA = 0.5


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
    every = np.concatenate([samples[plain], share * samples[one] + (1 - share) * samples[two]])
    target = None
    if labels is not None:
        dense = _dense(labels, dnn.n_outputs) if task == "classifier" else labels.reshape(n, -1)
        target = np.concatenate([dense[plain], share * dense[one] + (1 - share) * dense[two]])
    return TrainingSet(every, len(plain), dnn.output_of(every), target)


def _dense(labels: NDArray[Any], classes: int) -> NDArray[np.float64]:
    if classes == 1:
        return labels.astype(np.float64)[:, None]
    return np.asarray(np.eye(classes)[labels])
