"""Severity of an alarm: how far its sound is above the score at which the decision begins to count."""

from __future__ import annotations

import math
from collections import deque

import numpy as np

from anomaly.detect.calibration.calibration import Calibration
from anomaly.detect.decision import REFERENCE

# A step counts once the score has been above it in so many seconds on end: one bang is no severe fault.
_HELD_S = 10
# Each step is twice the score of the one before (6 dB in amplitude).
_STEPS = (2.0, 4.0)
_LEAST_SCORE = 0.1


class SeverityGauge:
    """Step of the alarm that lasts: 1 minor, 2 major (twice the limit score), 3 severe (four times).

    The limit score is the one beyond which a second raises the CUSUM. It needs a calibration; without one every
    alarm is minor. A step is reached when ten seconds on end are above it.

    Args:
        calibration: scores of normal sound.
    """

    def __init__(self, calibration: Calibration | None) -> None:
        self._scores: deque[float] = deque(maxlen=_HELD_S)
        self.calibrate(calibration)

    def calibrate(self, calibration: Calibration | None) -> None:
        """Measure by another calibration from now on; earlier seconds do not count."""
        self._limit: float | None = None
        if calibration is not None:
            rank = 1.0 - math.exp(-REFERENCE)
            self._limit = max(_LEAST_SCORE, float(np.quantile(calibration.scores, rank)))
        self.reset()

    def reset(self) -> None:
        """Forget the seconds so far: the alarm is over."""
        self._scores.clear()

    def second(self, score: float) -> int:
        """Take the score of a second in ALARM; return the step that the last seconds have reached."""
        self._scores.append(score)
        if self._limit is None or len(self._scores) < _HELD_S:
            return 1
        held = min(self._scores)
        return 1 + sum(held >= step * self._limit for step in _STEPS)
