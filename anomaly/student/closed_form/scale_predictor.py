"""How wide errors are to be expected, from the frames before: thresholds that move with the hall.

In a quiet moment a small error is strange, in a loud one it is not. How large a group's errors are, relative to
their average, is told from the levels of the past frames by least squares; the integers of that prediction are one
signed neuron, and a comparator that listens to it has a threshold ``theta * (1 + g)`` that follows: an error r is
beyond it if ``r - theta * g >= theta``, which one neuron can decide, because everything in it is linear in levels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from anomaly.detect.pooling import SUB_BAND_GROUPS
from anomaly.student.closed_form.integer_weights import Floats, Integers, choose_taps, quantise_within

# Added to the moments of taps, per frame: little sound must not make wild predictions.
_RIDGE = 1e-2
# One spike moves thresholds by this share of their usual movement, but by no more than so much of themselves.
_QUANTUM, _MOST_QUANTUM = 1.0, 0.2
# A prediction that moves less than this (a standard deviation) is not worth its wires.
_LEAST_SPREAD = 0.03
# Of a prediction, a synapse explains this share at least, times the cost of its wire.
_LEAST_GAIN = 3e-3
# No error is expected at less than this share of its usual size where heights are set. On the chip nothing holds a
# threshold up: in a hall much quieter than any in training it is passed, which is a finding too.
MIN_RELATIVE_SCALE = 0.3


@dataclass(frozen=True, eq=False)
class ScalePredictor:
    """Predicted widths as whole numbers, before comparators listen to them.

    Args:
        weights: of each scale and tap, [channels, taps]; a row of zeros where widths cannot be told.
        quanta: membrane units of one spike, [channels].
        shares: by what share of itself one spike moves a threshold, [channels]; 0 where widths cannot be told.
    """

    weights: Integers
    quanta: Integers
    shares: Floats


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
        errors: what there was of each error then, in its standard deviations, [frames, errors].
        channels: of the errors, ``kind * groups + group``.
        gram: second moments of the taps, with their noise.
        limits: fan-in, largest weight, largest threshold.
        costs: of a wire from each tap to each channel's scale; infinite for one not on offer, as those of the frame
            itself, [channels, taps].
    """
    fan_in, weight_max, threshold_max = limits
    rows = _rows(taps, errors, channels, gram, costs)
    weights, quanta = np.zeros(rows.shape, np.int32), np.ones(len(rows), np.int32)
    shares = np.zeros(len(rows))
    for channel, row in enumerate(rows):
        spread = float(np.sqrt(row @ gram @ row))
        if spread < _LEAST_SPREAD:
            continue
        quantum = min(_QUANTUM, _MOST_QUANTUM / spread)
        chosen = choose_taps(row, gram, costs[channel], fan_in, _LEAST_GAIN)
        weights[channel], held = quantise_within(row, gram, chosen, weight_max, threshold_max / quantum)
        quanta[channel] = np.clip(np.rint(held * quantum), 1, threshold_max)
        shares[channel] = quanta[channel] * spread / held
    return ScalePredictor(weights, quanta, shares)


def _rows(taps: Floats, errors: Floats, channels: Integers, gram: Floats, costs: Floats) -> Floats:
    """Real weights of each channel's relative width, [channels, taps]."""
    count = (int(channels.max()) // SUB_BAND_GROUPS + 1) * SUB_BAND_GROUPS
    size = np.stack([np.abs(errors[:, channels == c]).sum(axis=1) for c in range(count)], axis=1)
    relative = size / np.maximum(size.mean(axis=0), 1e-9) - 1.0
    rows = np.zeros((count, len(gram)))
    offered = np.flatnonzero(np.isfinite(costs).any(axis=0))
    if not len(offered):
        return rows
    past = taps[:, offered]
    moments = past.T @ past / len(past)
    moments += (_RIDGE * np.trace(moments) / len(moments) + 1e-6) * np.eye(len(moments))
    rows[:, offered] = np.linalg.solve(moments, past.T @ relative / len(past)).T
    # Where a channel has no errors, its width cannot be told.
    rows[size.mean(axis=0) <= 0] = 0.0
    return rows
