"""Thresholds of comparators: quantiles of their membranes on held-out normal sound."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from anomaly.student.arrays import Floats, Integers
from anomaly.student.closed_form.first_layer import MembraneInput
from anomaly.student.closed_form.scale_predictor import MIN_RELATIVE_SCALE
from anomaly.student.neuron_limits import NeuronLimits


def fit_thresholds(
    held_out: MembraneInput,
    threshold_gains: Floats,
    channels: Integers,
    quantiles: Sequence[float],
    limits: NeuronLimits,
) -> tuple[Integers, Integers]:
    """Fit thresholds, and the weights by which scales move them.

    Args:
        held_out: input of comparators on held-out sound.
        threshold_gains: share by which one spike of its scale moves each filter's thresholds, [filters].
        channels: scale of each filter, [filters].
        quantiles: of the error relative to its predicted size, one for each threshold.
        limits: of the chip.

    Returns:
        Thresholds and magnitudes of the weights from scales, sign by sign, quantile by quantile,
        [2 * quantiles * filters].
    """
    membranes, scale_spikes = held_out.after_warm_up()
    scale = np.maximum(1.0 + scale_spikes[:, channels] * threshold_gains, MIN_RELATIVE_SCALE)
    relative = membranes / scale
    thresholds, weights = [], []
    for sign in (1, -1):
        for quantile in quantiles:
            height = np.rint(np.quantile(sign * relative, quantile, axis=0))
            threshold = np.clip(height, 1, limits.threshold_max)
            thresholds.append(threshold.astype(np.int32))
            weights.append(
                np.minimum(np.rint(threshold * threshold_gains), limits.weight_max).astype(np.int32)
            )
    return np.concatenate(thresholds), np.concatenate(weights)
