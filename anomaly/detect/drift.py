"""Slow drift, told apart from faults: a season, a filter that fills, a microphone that ages.

A fault makes seconds unlikely; drift makes ordinary hours a little less ordinary than those of the calibration. So what
is followed is the median score of each hour in which the machine ran, by a one-sided CUSUM (Page, 1954) in standard
deviations of the calibration's seconds: shifts of less than half a deviation are none, one of a whole deviation is
told after twelve hours, one of two after four. A fault of minutes does not move the median of an hour.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from anomaly.detect.calibration.calibration import Calibration

HOUR_S = 3600
_ALLOWED, _LIMIT = 0.5, 6.0
# Held below this, so that drift is over soon after it has gone.
_CEILING = 9.0
_LEAST_SPREAD = 0.1
# Between the quartiles of a normal distribution lie so many standard deviations.
_QUARTILES = 1.349


@dataclass(frozen=True)
class DriftNews:
    """That drift has begun, or is over.

    Args:
        begun: which of the two.
        shift: of the last hour's median against the calibration's, in standard deviations of its seconds.
        hours: how long the shift has been building up.
    """

    begun: bool
    shift: float
    hours: int


class Drift:
    """Follows one machine.

    Args:
        calibration: what its scores were.
    """

    def __init__(self, calibration: Calibration) -> None:
        low, self._median, high = (float(np.quantile(calibration.scores, q)) for q in (0.25, 0.5, 0.75))
        self._spread = max((high - low) / _QUARTILES, _LEAST_SPREAD)
        self._scores: list[float] = []
        self._sum, self._hours = 0.0, 0
        self.drifting = False

    def second(self, score: float) -> float | None:
        """Take the score of a second in which the machine ran; return the median of the hour it completes."""
        self._scores.append(score)
        if len(self._scores) < HOUR_S:
            return None
        median, self._scores = float(np.median(self._scores)), []
        return median

    def hour(self, median: float) -> DriftNews | None:
        """Take the median of an hour; return news, if there are any."""
        shift = (median - self._median) / self._spread
        self._sum = min(max(0.0, self._sum + shift - _ALLOWED), _CEILING)
        self._hours = self._hours + 1 if self._sum > 0 else 0
        if not self.drifting and self._sum >= _LIMIT:
            self.drifting = True
            return DriftNews(True, shift, self._hours)
        if self.drifting and self._sum == 0.0:
            self.drifting = False
            return DriftNews(False, shift, 0)
        return None
