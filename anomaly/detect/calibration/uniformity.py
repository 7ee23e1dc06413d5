"""Uniformity of tail probabilities on normal sound outside the calibration: a check of the calibration."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from anomaly.detect.calibration.calibration import Calibration
from anomaly.detect.calibration.tail import fit_tail, tail_probability
from anomaly.detect.pooling import Levels

_MOST_FOLDS = 20


@dataclass(frozen=True)
class Uniformity:
    """Deviation of tail probabilities of unseen normal seconds from the uniform distribution.

    Args:
        seconds: number of seconds.
        distance: Kolmogorov-Smirnov distance, the largest difference between the distribution functions.
        share_10: share of seconds with p of at most 0.1; expected 0.1.
        share_1: share of seconds with p of at most 0.01; expected 0.01.
    """

    seconds: int
    distance: float
    share_10: float
    share_1: float


def uniformity(p_values: Sequence[float] | Levels) -> Uniformity:
    """Compare tail probabilities of normal seconds, at least one, with the uniform distribution."""
    ordered = np.sort(np.asarray(p_values, dtype=np.float64))
    count = len(ordered)
    steps = np.arange(count + 1) / count
    distance = max(float((steps[1:] - ordered).max()), float((ordered - steps[:-1]).max()))
    share_10, share_1 = (float((ordered <= p).mean()) for p in (0.1, 0.01))
    return Uniformity(count, distance, share_10, share_1)


def cross_validated_uniformity(calibration: Calibration) -> Uniformity | None:
    """Cross-validate a calibration: each recording against all others, in at most twenty folds.

    Returns:
        None with fewer than two recordings, or where an older bundle does not keep their order.
    """
    recordings = calibration.sequences
    if len(recordings) < 2:
        return None
    folds = min(len(recordings), _MOST_FOLDS)
    p_values: list[float] = []
    for fold in range(folds):
        scores = np.sort(np.concatenate([r for k, r in enumerate(recordings) if k % folds != fold]))
        tail = fit_tail(scores)
        out = np.concatenate(recordings[fold::folds])
        p_values += [tail_probability(float(score), scores, tail) for score in out]
    return uniformity(p_values)
