"""The monitor's decision over long sequences, many of them side by side: `anomaly.detect.decision` in NumPy.

A test holds it against the decision itself.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from anomaly.detect.calibration.calibration import Calibration
from anomaly.detect.decision import REFERENCE, surprise

Values = npt.NDArray[np.float64]

_CEILING, _CLEAR_AT = 1.5, 0.25


def surprises(calibration: Calibration, scores: Values) -> Values:
    """What each score adds to the decision's sum, before its reference is taken off."""
    return np.array([surprise(calibration.p_value(float(score))) for score in scores])


def count_alarms(lanes: Values, limits: Sequence[float]) -> list[int]:
    """How many alarms begin in all lanes [lanes, seconds] of surprises, each from rest, for each limit."""
    counts = []
    for limit in limits:
        total = np.zeros(len(lanes))
        alarmed = np.zeros(len(lanes), dtype=bool)
        count = 0
        for second in np.ascontiguousarray(lanes.T):
            np.clip(total + second - REFERENCE, 0.0, _CEILING * limit, out=total)
            begins = ~alarmed & (total >= limit)
            count += int(begins.sum())
            alarmed = (alarmed | begins) & (total > _CLEAR_AT * limit)
        counts.append(count)
    return counts


def first_alarm_s(sums: Values, limit: float, begin_s: int) -> float | None:
    """Seconds from a second on until the first alarm after it; None if there is none."""
    total = 0.0
    for second, value in enumerate(sums):
        total = min(max(0.0, total + float(value) - REFERENCE), _CEILING * limit)
        if second >= begin_s and total >= limit:
            return float(second + 1 - begin_s)
    return None
