"""How high the limit of the decision has to be, from what its sum did on held-out normal sound.

Seconds of sound are not independent: a lorry passes, a pump starts, and ten seconds in a row are unlikely. So the
limit does not come from single probabilities but from the *excursions* of the sum itself over held-out sound in
the order of time. How often they pass a height falls exponentially with it, as the renewal theory of such sums
says and simulated machines show.

How often is counted where a dozen passed, or as many as the budget allows: close to the height that is asked for. How
fast it falls from there is estimated from the thirty highest, together with what simulated machines taught beforehand,
worth as much as thirty excursions. What one second alone reaches, however bad it is, says nothing of that: excursions
pile up there, and only those that went on tell how others go on. Of what is left open the cautious end is taken:
neither how often nor how slowly it falls is worse with a certainty of 95 %. (Where fewer than a dozen are known, how
often is an estimate, together with what simulated machines taught.)
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from anomaly.detect.decision import ALONE, REFERENCE, Limit, limit_for, surprise

_DAY_S = 86_400.0
# Excursions count from this height of the sum. Fewer say how often a height is passed than how fast that falls: a
# rate is known best near the height that is asked for, a fall needs many.
_FROM, _FOR_RATE, _FOR_FALL = 1.0, 12, 30
# Before any sound of the machine itself: excursions a day, their mean excess over what one second reaches, and how many
# excursions that is worth. Eight hours each of a simulated fan, gearbox and slide rail had 1.33, 1.38 and 1.60.
_PRIOR_PER_DAY, _PRIOR_SECONDS = 2000.0, 60.0
_PRIOR_EXCESS, _PRIOR_WORTH = 1.44, 30.0
# 95 % of a normal distribution lie below so many standard deviations.
_CERTAIN = 1.6449
# Sound that a person has called normal stays below the limit by this much.
_MARGIN = 1.1


@dataclass(frozen=True)
class Excursions:
    """What the sum did on held-out normal sound.

    Args:
        peaks: the highest points of its excursions over 1, highest first.
        seconds: of held-out sound.
    """

    peaks: tuple[float, ...]
    seconds: int

    def limit(self, false_alarms_per_day: float) -> float:
        """The height that is passed as often as the budget allows, or less, with a certainty of 95 % each."""
        days = (self.seconds + _PRIOR_SECONDS) / _DAY_S
        height, count = self._passed(max(_FOR_RATE, math.ceil(false_alarms_per_day * days)))
        # The prior speaks of the lowest height; higher up it is thinned out as it predicts itself.
        thinned = _PRIOR_PER_DAY * math.exp(-(height - _FROM) / _PRIOR_EXCESS)
        # Of a few excursions the prior's share is large already.
        at_most = _gamma_quantile(count + 1.0, _CERTAIN) if len(self.peaks) >= _FOR_RATE else count
        per_day = (at_most + thinned * _PRIOR_SECONDS / _DAY_S) / days
        many, risen = self._fall()
        slowest = (risen + _PRIOR_WORTH * _PRIOR_EXCESS) / _gamma_quantile(many + _PRIOR_WORTH, -_CERTAIN)
        return height + max(0.0, slowest * math.log(per_day / false_alarms_per_day))

    def _fall(self) -> tuple[int, float]:
        """How many excursions tell how fast their number falls, and the sum of what they rise above the lowest."""
        lowest = self.peaks[_FOR_FALL] if len(self.peaks) > _FOR_FALL else _FROM
        risen = [peak - max(lowest, ALONE) for peak in self.peaks if peak > max(lowest, ALONE)]
        return len(risen), float(sum(risen))

    def _passed(self, most: int) -> tuple[float, int]:
        """The height that so many reach, or the lowest that any does, and how many pass it.

        Excursions pile up where one second alone ends. Of them only those count that went on.
        """
        height = self.peaks[:most][-1] if self.peaks else _FROM
        if height == ALONE:
            return height, sum(peak > height for peak in self.peaks)
        return height, sum(peak >= height for peak in self.peaks)


def _gamma_quantile(shape: float, deviations: float) -> float:
    """Quantile of a gamma distribution of scale 1, given as one of the normal distribution (Wilson, Hilferty, 1931)."""
    return shape * (1.0 - 1.0 / (9.0 * shape) + deviations / (3.0 * math.sqrt(shape))) ** 3


def excursions(recordings: Sequence[Iterable[float]]) -> Excursions:
    """Follow the sum over the tail probabilities of held-out recordings, one after the other.

    It goes on from one to the next: blocks of a minute would cut off what is under way at their ends, and a sum that
    begins each of them at rest would miss more than it gains.
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
    return Excursions(tuple(sorted((top for top in (*peaks, peak) if top >= _FROM), reverse=True)), seconds)


def predicted_limit(false_alarms_per_day: float, found: Excursions, floor: float = 0.0) -> Limit:
    """The limit for a budget from excursions, never below that for independent seconds.

    Args:
        false_alarms_per_day: the budget.
        found: what the sum did on held-out sound.
        floor: the highest that it rose on sound which a person has called normal.

    Raises:
        ConfigError: the budget cannot be kept.
    """
    theory = limit_for(false_alarms_per_day, 0.0).from_theory
    data = max(found.limit(false_alarms_per_day), _MARGIN * floor)
    return Limit(max(theory, data), false_alarms_per_day, theory, data)
