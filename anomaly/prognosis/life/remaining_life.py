"""Remaining life from other lives: what was left of them at moments like this one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from anomaly.prognosis.index.series import Values
from anomaly.prognosis.life.past_life import PastLife
from anomaly.prognosis.trend.past_intervals import PastIntervals
from anomaly.prognosis.trend.time_to_level import COVERAGE, TimeInterval

# Past lives that an interval needs; one less when one of them is left out for the record.
LEAST_LIVES = 5
# An interval wider than this factor, upper over lower end, is none.
WIDEST = 30.0
# Moments of the past lives that are compared: of the second half, since the question is seldom asked of a new machine.
_FIRST_SHARE, _MOMENTS = 0.5, 50
# Kernels: of the index in natural logarithms or deviations, of the age, and of the time since the alarm, both in
# natural logarithms; times since an alarm below this many seconds of a life of 1,000 are alike.
_INDEX_WIDTH, _AGE_WIDTH, _ALARM_WIDTH, _ALARM_SHARE = 0.3, 1.0, 1.5, 0.003
# Lives that are like this one at no moment count a little all the same.
_LEAST_WEIGHT, _LEAST_SIMILAR = 1e-3, 0.3
TINY_S = 1e-3


@dataclass(frozen=True, eq=False)
class _Moments:
    """Moments of past lives: natural logarithms of the time left, and their weights."""

    left: Values
    weights: Values

    def quantiles(self, shares: Sequence[float]) -> Values:
        order = np.argsort(self.left, kind="stable")
        total = np.cumsum(self.weights[order])
        places = (total - 0.5 * self.weights[order]) / total[-1]
        return np.asarray(np.interp(shares, places, self.left[order]))


class RemainingLife:
    """Remaining life by past lives.

    Moments of past lives on the same side of the alarm are weighted by how much their age, index and time since the
    alarm are like those of this life; each life counts at most once. The ends are quantiles of what was left then, a
    little farther out than for many lives, as for a rank among few.

    Args:
        lives: that were recorded to their ends.
    """

    def __init__(self, lives: Sequence[PastLife]) -> None:
        self._lives = list(lives)

    def interval(self, life: PastLife) -> TimeInterval | None:
        """Return the interval of the time left of a life at its last value, or None where the lives say too little."""
        if len(self._lives) < LEAST_LIVES - 1:
            return None
        tail = (1.0 - COVERAGE) / 2.0 * len(self._lives) / (len(self._lives) + 1)
        low, middle, high = _similar(self._lives, life).quantiles((tail, 0.5, 1.0 - tail))
        if high - low > np.log(WIDEST):
            return None
        return TimeInterval(float(np.exp(low)), float(np.exp(middle)), float(np.exp(high)))

    def samples(self, life: PastLife) -> tuple[Values, Values]:
        """Return times left in seconds and their weights, which sum to 1."""
        moments = _similar(self._lives, life)
        return np.exp(moments.left), moments.weights / moments.weights.sum()

    def record(self, shares: Sequence[float] = (0.5, 0.75, 0.9)) -> PastIntervals:
        """Return how many intervals held at shares of each life, learned on the others."""
        results = []
        for at, life in enumerate(self._lives):
            others = RemainingLife([*self._lives[:at], *self._lives[at + 1 :]])
            for share in shares:
                part = life.until(share * life.end_s)
                found = others.interval(part)
                if found is not None:
                    results.append(found.holds(life.end_s - part.end_s))
        return PastIntervals(sum(results), len(results))


def _similar(lives: Sequence[PastLife], life: PastLife) -> _Moments:
    """Return the moments of other lives with their weights; those after an alarm are compared with each other."""
    past_alarm = life.alarm_s is not None
    found = [one for other in lives if (one := _of_life(other, life, past_alarm=past_alarm)) is not None]
    if not found:  # no life had an alarm: all moments
        found = [one for other in lives if (one := _of_life(other, life, past_alarm=None)) is not None]
    return _Moments(*(np.concatenate(parts) for parts in zip(*found, strict=True)))


def _of_life(other: PastLife, life: PastLife, *, past_alarm: bool | None) -> tuple[Values, Values] | None:
    shares = _FIRST_SHARE + (1.0 - _FIRST_SHARE) * np.arange(_MOMENTS) / _MOMENTS
    ages = shares * other.end_s
    alarms = np.full(_MOMENTS, np.inf) if other.alarm_s is None else np.full(_MOMENTS, other.alarm_s)
    if past_alarm and other.alarm_s is not None:
        # Of a short time after the alarm evenly spaced moments would hold few.
        ages = other.alarm_s + (other.end_s - other.alarm_s) * np.arange(_MOMENTS) / _MOMENTS
    if past_alarm is not None:
        ages, alarms = (part[(ages >= alarms) == past_alarm] for part in (ages, alarms))
    if len(ages) == 0:
        return None
    at = np.searchsorted(other.ages_s, ages, side="right") - 1
    far = ((other.levels[at] - life.levels[-1]) / _INDEX_WIDTH) ** 2
    if past_alarm and life.alarm_s is not None:
        least = _ALARM_SHARE * other.end_s
        far += (np.log((ages - alarms + least) / (life.end_s - life.alarm_s + least)) / _ALARM_WIDTH) ** 2
    else:
        far += (np.log(np.maximum(ages, TINY_S) / max(life.end_s, TINY_S)) / _AGE_WIDTH) ** 2
    weights = np.exp(-0.5 * far) + _LEAST_WEIGHT
    left = np.log(np.maximum(other.end_s - ages, TINY_S))
    return left, weights / max(float(weights.sum()), _LEAST_SIMILAR * len(weights))
