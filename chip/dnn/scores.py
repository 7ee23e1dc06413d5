"""Accuracy and agreement of predictions."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["accuracy", "explained", "predictions"]


def predictions(values: NDArray[np.float64], outputs: NDArray[np.float64], task: str) -> NDArray[Any]:
    """Class of each sample by the values before the read-out, or the outputs of a network that gives values."""
    if task != "classifier":
        return outputs
    if values.shape[1] == 1:
        return (values[:, 0] > 0).astype(np.int64)
    return np.asarray(values.argmax(axis=1))


def accuracy(predicted: NDArray[Any], labels: NDArray[Any], task: str) -> float:
    """Share of equal classes; for values the share of the variance of the labels that is explained."""
    if task == "classifier":
        return float(np.mean(predicted == labels.reshape(-1)))
    return explained(predicted, labels.reshape(predicted.shape))


def explained(values: NDArray[Any], expected: NDArray[Any]) -> float:
    """Share of variance explained (R squared), at most 1; 0 is as good as the mean."""
    error = float(np.square(values - expected).sum())
    spread = float(np.square(expected - expected.mean(axis=0)).sum())
    return 1.0 - error / spread if spread > 0 else float(error == 0)
