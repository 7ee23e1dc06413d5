"""Limit of the decision for a false-alarm budget, estimated from the CUSUM on held-out normal sound.

Seconds of sound are correlated: when a lorry passes, ten seconds in a row have small tail probabilities. The limit is
therefore estimated from the *excursions* of the CUSUM itself (its maxima between two returns to zero) over held-out
sound in the order of time. The rate at which excursions exceed a height falls exponentially with the height, as renewal
theory predicts and simulated machines confirm.

The rate is counted at the height that a dozen excursions reach, or as many as the budget allows, which is near the
limit to be estimated. The decay beyond it is the mean excess of the thirty highest excursions, together with a prior
from simulated machines that weighs as much as thirty excursions. Only excursions above the largest value of a single
second enter it: excursions pile up at that value, whatever follows. Both rate and decay are taken at the unfavourable
end of a one-sided 95 % confidence bound. (With fewer than a dozen excursions, the rate is a point estimate with the
prior.)
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from anomaly.detect.decision import LARGEST_SINGLE_SECOND_SUM, REFERENCE, Limit, limit_for, surprise

_DAY_S = 86_400.0
# Excursions are counted from this height of the CUSUM.
_LEAST_HEIGHT = 1.0
# Number of highest excursions behind the rate, and behind the decay. The rate is best known near the limit; the decay
# needs more excursions.
_RATE_COUNT, _DECAY_COUNT = 12, 30
# Prior rate: excursions a day, with the weight of so many seconds of sound.
_PRIOR_PER_DAY, _PRIOR_SECONDS = 2000.0, 60.0
# Prior mean excess over the largest value of a single second, with the weight of so many excursions. Eight hours each
# of a simulated fan, gearbox and slide rail had 1.33, 1.38 and 1.60.
_PRIOR_EXCESS, _PRIOR_WEIGHT = 1.44, 30.0
# 95 % point of the standard normal distribution.
_NORMAL_95 = 1.6449
# The limit exceeds the CUSUM on sound that feedback has marked as normal by this factor.
_MARGIN = 1.1


@dataclass(frozen=True)
class Excursions:
    """Excursions of the CUSUM on held-out normal sound.

    Args:
        peaks: maxima of the excursions that reach 1, highest first.
        seconds: of held-out sound.
    """

    peaks: tuple[float, ...]
    seconds: int

    def limit(self, false_alarms_per_day: float) -> float:
        """Return the height that excursions exceed as often as the budget allows, by 95 % confidence bounds."""
        days = (self.seconds + _PRIOR_SECONDS) / _DAY_S
        height, count = self._reached(max(_RATE_COUNT, math.ceil(false_alarms_per_day * days)))
        # The prior rate holds at the lowest height, and decays by its own mean excess up to this one.
        thinned = _PRIOR_PER_DAY * math.exp(-(height - _LEAST_HEIGHT) / _PRIOR_EXCESS)
        # With few excursions the prior has most of the weight, and no bound is added.
        at_most = _gamma_quantile(count + 1.0, _NORMAL_95) if len(self.peaks) >= _RATE_COUNT else count
        per_day = (at_most + thinned * _PRIOR_SECONDS / _DAY_S) / days
        count_above, total_excess = self._excesses()
        weighted = total_excess + _PRIOR_WEIGHT * _PRIOR_EXCESS
        mean_excess = weighted / _gamma_quantile(count_above + _PRIOR_WEIGHT, -_NORMAL_95)
        return height + max(0.0, mean_excess * math.log(per_day / false_alarms_per_day))

    def _excesses(self) -> tuple[int, float]:
        """Return the number of excursions behind the decay, and their total excess over the threshold."""
        lowest = self.peaks[_DECAY_COUNT] if len(self.peaks) > _DECAY_COUNT else _LEAST_HEIGHT
        threshold = max(lowest, LARGEST_SINGLE_SECOND_SUM)
        excesses = [peak - threshold for peak in self.peaks if peak > threshold]
        return len(excesses), float(sum(excesses))

    def _reached(self, most: int) -> tuple[float, int]:
        """Return the height that ``most`` excursions reach, or the lowest excursion, and the number that reach it.

        At the largest value of a single second, where excursions pile up, only those that exceed it are counted.
        """
        height = self.peaks[:most][-1] if self.peaks else _LEAST_HEIGHT
        if height == LARGEST_SINGLE_SECOND_SUM:
            return height, sum(peak > height for peak in self.peaks)
        return height, sum(peak >= height for peak in self.peaks)


def _gamma_quantile(shape: float, deviations: float) -> float:
    """Return a quantile of the gamma distribution of scale 1, at a normal deviate (Wilson and Hilferty, 1931)."""
    return shape * (1.0 - 1.0 / (9.0 * shape) + deviations / (3.0 * math.sqrt(shape))) ** 3


def excursions(recordings: Sequence[Iterable[float]]) -> Excursions:
    """Compute the excursions of the CUSUM over the tail probabilities of held-out recordings, in order.

    The CUSUM continues from one recording to the next: blocks of a minute would otherwise cut excursions at their ends.
    """
    peaks: list[float] = []
    total = peak = 0.0
    seconds = 0
    for p in (p for recording in recordings for p in recording):
        seconds += 1
        total = max(0.0, total + surprise(p) - REFERENCE)
        if total == 0.0:
            peaks.append(peak)
        peak = max(peak, total) if total > 0.0 else 0.0
    return Excursions(
        tuple(sorted((top for top in (*peaks, peak) if top >= _LEAST_HEIGHT), reverse=True)), seconds
    )


def predicted_limit(false_alarms_per_day: float, found: Excursions, floor: float = 0.0) -> Limit:
    """Return the limit for a budget: that of the excursions, and at least that for independent seconds.

    Args:
        false_alarms_per_day: the budget.
        found: excursions on held-out sound.
        floor: largest CUSUM value on sound that feedback has marked as normal.

    Raises:
        ConfigError: the budget cannot be kept.
    """
    theory = limit_for(false_alarms_per_day, 0.0).from_theory
    data = max(found.limit(false_alarms_per_day), _MARGIN * floor)
    return Limit(max(theory, data), false_alarms_per_day, theory, data)
