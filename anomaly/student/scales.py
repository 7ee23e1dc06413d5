"""How wide residuals are to be expected, from the frames before: thresholds that move with the hall.

In a quiet moment a small residual is strange, in a loud one it is not. How large a group's residuals are, relative to
their average, is told from the levels of the past frames by least squares; the integers of that prediction are one
signed neuron, and a comparator that listens to it has a threshold ``theta * (1 + g)`` that follows: a residual r is
beyond it if ``r - theta * g >= theta``, which one neuron can decide, because everything in it is linear in levels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from anomaly.detect.pooling import GROUPS
from anomaly.student.rounding import Floats, Integers, choose_taps, round_row

# Added to the moments of taps, per frame: little sound must not make wild predictions.
_RIDGE = 1e-2
# One spike of a scale moves thresholds by this share of themselves.
_QUANTUM = 0.2
# A prediction that moves less than this (a standard deviation) is not worth its wires.
_LEAST_SPREAD = 0.03
# No residual is expected at less than this share of its usual size.
FLOOR = 0.3


@dataclass(frozen=True, eq=False)
class Widths:
    """Predicted widths as whole numbers, before comparators listen to them.

    Args:
        weights: of each scale and tap, [channels, taps]; a row of zeros where widths cannot be told.
        quanta: membrane units of one spike, [channels].
        shares: by what share of itself one spike moves a threshold, [channels]; 0 where widths cannot be told.
    """

    weights: Integers
    quanta: Integers
    shares: Floats


def fit_widths(
    taps: Floats,
    residuals: Floats,
    channels: Integers,
    gram: Floats,
    limits: tuple[int, int, int],
    costs: Floats,
) -> Widths:
    """Predict each channel's mean absolute residual from past taps.

    Args:
        taps: levels of normal sound in events, [frames, taps]; the first third or so of them, those of the frame
            itself, is told by infinite costs.
        residuals: what residuals held then, in their standard deviations, [frames, residuals].
        channels: of the residuals, ``kind * GROUPS + group``.
        gram: second moments of the taps, with their noise.
        limits: fan-in, largest weight, largest threshold.
        costs: of a wire from each tap; infinite for one not on offer.
    """
    fan_in, weight_max, threshold_max = limits
    count = (int(channels.max()) // GROUPS + 1) * GROUPS
    size = np.stack([np.abs(residuals[:, channels == c]).mean(axis=1) for c in range(count)], axis=1)
    relative = size / np.maximum(size.mean(axis=0), 1e-9) - 1.0
    offered = np.flatnonzero(np.isfinite(costs))
    past = taps[:, offered]
    moments = past.T @ past / len(past)
    moments += (_RIDGE * np.trace(moments) / len(moments) + 1e-6) * np.eye(len(moments))
    rows = np.zeros((count, len(gram)))
    rows[:, offered] = np.linalg.solve(moments, past.T @ relative / len(past)).T
    weights, quanta, shares = (
        np.zeros((count, len(gram)), np.int32),
        np.ones(count, np.int32),
        np.zeros(count),
    )
    for channel, row in enumerate(rows):
        spread = float(np.sqrt(row @ gram @ row))
        if spread < _LEAST_SPREAD:
            continue
        chosen = choose_taps(row, gram, costs, fan_in, 1e-3)
        whole, _ = round_row(row, gram, chosen, weight_max)
        held = float(np.sqrt(whole @ gram @ whole))
        quanta[channel] = np.clip(np.rint(held * _QUANTUM / spread), 1, threshold_max)
        weights[channel] = whole
        shares[channel] = quanta[channel] * spread / held
    return Widths(weights, quanta, shares)
