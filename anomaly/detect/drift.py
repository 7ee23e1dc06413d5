"""Drift detection: slow changes of normal sound, such as seasons, filling filters and ageing microphones.

The median score of each hour in which the machine ran enters a one-sided CUSUM (Page, 1954), in standard deviations of
the calibration's seconds. Shifts of less than half a deviation are not detected, one of a whole deviation after twelve
hours, one of two after four. A fault of minutes does not move the median of an hour.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from anomaly.detect.calibration.calibration import Calibration

HOUR_S = 3600
# Reference value and limit of the CUSUM, in standard deviations: shifts below the reference value are allowed.
_REFERENCE, _LIMIT = 0.5, 6.0
# The CUSUM is bounded by this value, so that the end of a drift is detected within hours.
_CEILING = 9.0
_LEAST_SPREAD = 0.1
# Interquartile range of the standard normal distribution.
_NORMAL_IQR = 1.349


@dataclass(frozen=True)
class DriftEvent:
    """Beginning or end of a drift.

    Args:
        begun: true at the beginning, false at the end.
        shift: difference of the last hour's median from the calibration's, in standard deviations of its seconds.
        hours: hours since the CUSUM left zero.
    """

    begun: bool
    shift: float
    hours: int


class DriftDetector:
    """Drift detector of one machine.

    Args:
        calibration: reference for its scores.
    """

    def __init__(self, calibration: Calibration) -> None:
        low, self._median, high = (float(np.quantile(calibration.scores, q)) for q in (0.25, 0.5, 0.75))
        self._spread = max((high - low) / _NORMAL_IQR, _LEAST_SPREAD)
        self._scores: list[float] = []
        self._sum, self._hours = 0.0, 0
        self.drifting = False

    def second(self, score: float) -> float | None:
        """Add the score of a second in which the machine ran; return the median of an hour it completes, if any."""
        self._scores.append(score)
        if len(self._scores) < HOUR_S:
            return None
        median, self._scores = float(np.median(self._scores)), []
        return median

    def hour(self, median: float) -> DriftEvent | None:
        """Add the median of an hour; return the event that it causes, if any."""
        shift = (median - self._median) / self._spread
        self._sum = min(max(0.0, self._sum + shift - _REFERENCE), _CEILING)
        self._hours = self._hours + 1 if self._sum > 0 else 0
        if not self.drifting and self._sum >= _LIMIT:
            self.drifting = True
            return DriftEvent(True, shift, self._hours)
        if self.drifting and self._sum == 0.0:
            self.drifting = False
            return DriftEvent(False, shift, 0)
        return None
