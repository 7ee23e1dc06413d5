"""Scale predictor: the expected size of errors from the frames before, so that thresholds follow the loudness.

The size of a group's errors relative to its mean, g, is predicted from the levels of past frames by least squares; the
integers of that prediction are one signed neuron, and a comparator with a synapse from it has a threshold
``theta * (1 + g)`` that follows. An error r exceeds it if ``r - theta * g >= theta``, which one neuron can decide,
because both r and g are linear in levels. (Compare conditional heteroscedasticity: ARCH, Engle, 1982.)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from anomaly.detect.pooling import SUB_BAND_GROUPS
from anomaly.student.arrays import Floats, Integers
from anomaly.student.closed_form.integer_weights import choose_taps, quantise_within

# Added to the moments of taps, as a share of their mean power: keeps predictions small where there is little sound.
_RIDGE = 1e-2
# One spike moves thresholds by the first, in standard deviations of the prediction, but by no more than the second, as
# a share of the threshold.
_QUANTUM, _MAX_QUANTUM = 1.0, 0.2
# Smallest standard deviation of a prediction that is worth its wires.
_MIN_SPREAD = 0.03
# Share of the prediction's variance that a synapse must explain, times the cost of its wire.
_MIN_GAIN = 3e-3
# Smallest predicted size of an error, as a share of its mean, where thresholds are fitted. On the chip there is no such
# bound: sound much quieter than any in training exceeds the thresholds, which is intended.
MIN_RELATIVE_SCALE = 0.3


@dataclass(frozen=True, eq=False)
class ScalePredictor:
    """Predicted sizes of errors as whole numbers, without the synapses to comparators.

    Args:
        weights: of each scale and tap, [channels, taps]; zeros where the size is not predictable.
        quanta: membrane units of one spike, [channels].
        threshold_gains: share of a threshold by which one spike moves it, [channels]; 0 where the size is not
            predictable.
    """

    weights: Integers
    quanta: Integers
    threshold_gains: Floats


def fit_scale_predictor(
    taps: Floats,
    errors: Floats,
    channels: Integers,
    gram: Floats,
    limits: tuple[int, int, int],
    costs: Floats,
) -> ScalePredictor:
    """Predict each channel's mean absolute error from past taps.

    Args:
        taps: levels of normal sound in events, [frames, taps].
        errors: the errors of these frames, in their standard deviations, [frames, errors].
        channels: of the errors, ``kind * SUB_BAND_GROUPS + group``.
        gram: second moments of the taps, including their noise.
        limits: fan-in, largest weight, largest threshold.
        costs: of a wire from each tap to each channel's scale, infinite for a tap that may not be used, as those of
            the frame itself, [channels, taps].
    """
    fan_in, weight_max, threshold_max = limits
    filters = _fit_filters(taps, errors, channels, gram, costs)
    weights, quanta = np.zeros(filters.shape, np.int32), np.ones(len(filters), np.int32)
    gains = np.zeros(len(filters))
    for channel, predictor in enumerate(filters):
        spread = float(np.sqrt(predictor @ gram @ predictor))
        if spread < _MIN_SPREAD:
            continue
        quantum = min(_QUANTUM, _MAX_QUANTUM / spread)
        chosen = choose_taps(predictor, gram, costs[channel], fan_in, _MIN_GAIN)
        weights[channel], deviation = quantise_within(
            predictor, gram, chosen, weight_max, threshold_max / quantum
        )
        quanta[channel] = np.clip(np.rint(deviation * quantum), 1, threshold_max)
        gains[channel] = quanta[channel] * spread / deviation
    return ScalePredictor(weights, quanta, gains)


def _fit_filters(taps: Floats, errors: Floats, channels: Integers, gram: Floats, costs: Floats) -> Floats:
    """Fit the real weights of each channel's relative size, [channels, taps]."""
    count = (int(channels.max()) // SUB_BAND_GROUPS + 1) * SUB_BAND_GROUPS
    size = np.stack([np.abs(errors[:, channels == c]).sum(axis=1) for c in range(count)], axis=1)
    relative = size / np.maximum(size.mean(axis=0), 1e-9) - 1.0
    filters = np.zeros((count, len(gram)))
    allowed = np.flatnonzero(np.isfinite(costs).any(axis=0))
    if not len(allowed):
        return filters
    past = taps[:, allowed]
    moments = past.T @ past / len(past)
    moments += (_RIDGE * np.trace(moments) / len(moments) + 1e-6) * np.eye(len(moments))
    filters[:, allowed] = np.linalg.solve(moments, past.T @ relative / len(past)).T
    # The size of a channel without errors is not predictable.
    filters[size.mean(axis=0) <= 0] = 0.0
    return filters
