"""The CUSUM of `anomaly.detect.decision` in NumPy, for many long sequences at once.

A test compares it with the decision itself.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from anomaly.detect.calibration.calibration import Calibration
from anomaly.detect.decision import REFERENCE, surprise

Values = npt.NDArray[np.float64]

# Shares of the limit, as in `anomaly.detect.decision`: the sum rises no further, and an alarm ends.
_CEILING, _CLEAR_AT = 1.5, 0.25


def surprises(calibration: Calibration, scores: Values) -> Values:
    """Surprise ``-ln p`` of each score: the increment of the CUSUM before its reference value is subtracted."""
    return np.array([surprise(calibration.p_value(float(score))) for score in scores])


def count_alarms(lanes: Values, limits: Sequence[float]) -> list[int]:
    """Count the alarms that begin in all lanes, for each limit.

    Args:
        lanes: surprises [lanes, seconds]; the sum of each lane starts at zero.
        limits: of the CUSUM.
    """
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


def first_alarm_s(increments: Values, limit: float, begin_s: int) -> float | None:
    """Seconds from `begin_s` until the first alarm after it; None if there is none."""
    total = 0.0
    for second, value in enumerate(increments):
        total = min(max(0.0, total + float(value) - REFERENCE), _CEILING * limit)
        if second >= begin_s and total >= limit:
            return float(second + 1 - begin_s)
    return None
