"""Score at which a machine comes to ALARM: alarm level of an index of scores."""

from __future__ import annotations

import math
from collections.abc import Callable

from anomaly.detect.decision import REFERENCE

ALARM_P = math.exp(-REFERENCE)
"""Tail probability whose surprise is the reference value of the CUSUM: rarer seconds raise its sum."""
_HIGHEST, _STEPS = 1_000.0, 60


def alarm_score(p_value: Callable[[float], float]) -> float | None:
    """Return the score from which on every second raises the sum of the decision; None if none does.

    Args:
        p_value: tail probability of a score, falling, as of a calibration.
    """
    low, high = -_HIGHEST, _HIGHEST
    if p_value(high) > ALARM_P:
        return None
    for _ in range(_STEPS):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if p_value(middle) > ALARM_P else (low, middle)
    return high
