"""Weights to integers without losing the prediction.

The weights of one neuron are rounded one after the other; each time the ones not yet rounded are solved
again, so that they make up for the error just made (the idea of OBQ and GPTQ, Frantar et al., 2022).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from anomaly.student.residuals import Gram, Residual, solve

Integers = npt.NDArray[np.int32]


def round_residual(residual: Residual, gram: Gram, scale: int, weight_max: int) -> Integers:
    """Integer weights over all taps, the predicted band at ``scale``, its sources negative.

    Args:
        residual: the sparse prediction.
        gram: second moments of the centred taps.
        scale: integer weight of the predicted band.
        weight_max: largest magnitude a synapse can have.

    Returns:
        Row [taps], zero where there is no synapse.
    """
    row = np.zeros(len(gram), dtype=np.int32)
    row[residual.band] = scale
    left = list(residual.sources)
    weights = scale * residual.weights
    while left:
        # What is rounded first is compensated by most others: begin with the largest contribution.
        first = int(np.argmax(np.abs(weights) * np.sqrt(np.diag(gram)[left])))
        tap = left.pop(first)
        row[tap] = -int(np.clip(np.rint(weights[first]), -weight_max, weight_max))
        if left:
            weights = solve(gram, left, gram[left] @ row.astype(np.float64))
    return row


def choose_scale(residual: Residual, deviation: float, limits: tuple[int, int]) -> int:
    """The finest scale at which weights and a threshold of four deviations stay within ``limits``."""
    weight_max, threshold_max = limits
    largest = max(1.0, float(np.abs(residual.weights).max(initial=0.0)))
    by_weight = int(weight_max / largest)
    by_threshold = int(threshold_max / max(4.0 * deviation, 1e-9))
    return max(1, min(by_weight, by_threshold))
