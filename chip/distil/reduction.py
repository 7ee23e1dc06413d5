"""Choice of the units that stay when a network is wider than the chip: interpolative decomposition.

A unit that is nearly a weighted sum of others is left out, and its weights go to those others (Chee et al. 2022,
"Model preserving compression for neural networks"). Pivoted QR of the activations, each weighted by what it does
downstream, gives the order.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import qr, solve

__all__ = ["LEAST_UNITS", "Reduction", "reduce_units", "shares"]

# Neurons that every layer keeps.
LEAST_UNITS = 8
_SAMPLES = 768
_RIDGE = 1e-3

Reduction = tuple[NDArray[np.int64], NDArray[np.float64]]


def reduce_units(activations: NDArray[np.float64], importance: NDArray[np.float64], keep: int) -> Reduction:
    """Choose units, and how the others follow from them.

    Args:
        activations: of each [sample, unit].
        importance: of each unit: the length of its outgoing weights.
        keep: number of units that stay.

    Returns:
        Their numbers, sorted, and a matrix [unit, kept unit] by which outgoing weights are multiplied from the right.
    """
    own = activations[:_SAMPLES]
    active = np.flatnonzero((own.max(axis=0) > 1e-9) & (importance > 0))
    if active.size <= keep:
        # A layer that is silent on all data keeps one unit, so that the layers keep their numbers.
        kept = active if active.size else np.zeros(1, np.int64)
        return kept, np.eye(own.shape[1])[:, kept]
    weighted = own[:, active] * importance[active]
    _, _, order = qr(weighted, mode="economic", pivoting=True)
    kept = np.sort(active[order[:keep]])
    basis = own[:, kept]
    gram = basis.T @ basis
    gram[np.diag_indices(keep)] += _RIDGE * np.trace(gram) / keep + 1e-12
    fold = solve(gram, basis.T @ own, assume_a="pos").T
    fold[kept] = np.eye(keep)
    return kept, fold


def shares(sizes: list[int], total: int) -> list[int]:
    """Share a number of neurons out among layers: each gets the same share of its units, and eight at least."""
    if sum(sizes) <= total:
        return list(sizes)
    low, high = 0.0, 1.0
    for _ in range(40):
        middle = (low + high) / 2
        wanted = sum(min(size, max(LEAST_UNITS, int(size * middle))) for size in sizes)
        low, high = (middle, high) if wanted <= total else (low, middle)
    return [min(size, max(LEAST_UNITS, int(size * low))) for size in sizes]
