"""Inputs of the chip for the values of a sample: scaling, and groups where there are more values than pads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import fcluster, linkage

__all__ = ["InputMap", "fit_inputs"]

# Scale of a quiet value, at least this share of the loudest: constants must not become noise.
_LEAST_SCALE = 0.02
_QUANTILE = 0.999
# Samples that the groups are found on.
_SAMPLES = 400
_MOST_CLUSTERED = 2048


@dataclass(frozen=True, eq=False)
class InputMap:
    """Rates of inputs: mean of each group, minus offset, over scale, clipped to -1..1.

    Args:
        groups: members of each input.
        offset: float64[input].
        scale: float64[input].
    """

    groups: tuple[NDArray[np.int64], ...]
    offset: NDArray[np.float64]
    scale: NDArray[np.float64]

    def rates(self, samples: NDArray[Any]) -> NDArray[np.float64]:
        """Compute float64[sample, input] of flat samples."""
        means = np.stack([samples[:, group].mean(axis=1) for group in self.groups], axis=1)
        return np.clip((means - self.offset) / self.scale, -1.0, 1.0)

    def expansion(self, n_values: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Matrix [value, input] and vector [value] that estimate the values of a sample from the rates."""
        matrix, constant = np.zeros((n_values, len(self.groups))), np.zeros(n_values)
        for at, group in enumerate(self.groups):
            matrix[group, at], constant[group] = self.scale[at], self.offset[at]
        return matrix, constant


def fit_inputs(samples: NDArray[Any], pads: int) -> InputMap:
    """Choose groups, offsets and scales for samples, [sample, value].

    More values than pads are joined to groups by Ward's method: those whose mean loses least. Values that are not
    negative keep zero as rest, so that a dark pixel costs no spikes; others are centred unless zero lies in the
    middle half of their range.
    """
    flat = np.asarray(samples, np.float64).reshape(len(samples), -1)
    groups = _groups(flat[:_SAMPLES], pads)
    means = np.stack([flat[:, group].mean(axis=1) for group in groups], axis=1)
    low, high = np.quantile(means, 1 - _QUANTILE, axis=0), np.quantile(means, _QUANTILE, axis=0)
    middle, half = (high + low) / 2, (high - low) / 2
    plain = np.abs(middle) <= half / 2
    positive = (low >= 0) & (low <= high / 4)
    offset = np.where(plain | positive, 0.0, middle)
    scale = np.where(plain | positive, np.maximum(np.abs(low), np.abs(high)), half)
    least = max(float(scale.max()) * _LEAST_SCALE, 1e-9)
    return InputMap(groups, offset, np.maximum(scale, least))


def _groups(flat: NDArray[np.float64], pads: int) -> tuple[NDArray[np.int64], ...]:
    n = flat.shape[1]
    if n <= pads:
        return tuple(np.array([at]) for at in range(n))
    # Neighbours are joined first where the distances of all pairs would not fit into memory.
    blocks = np.array_split(np.arange(n), min(n, _MOST_CLUSTERED))
    means = np.stack([flat[:, block].mean(axis=1) for block in blocks])
    labels = fcluster(linkage(means, "ward"), pads, "maxclust")
    found = [
        np.concatenate([blocks[at] for at in np.flatnonzero(labels == label)]) for label in np.unique(labels)
    ]
    return tuple(sorted(found, key=lambda group: int(group[0])))
