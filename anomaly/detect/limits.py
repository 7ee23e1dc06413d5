"""How high the limit of the decision has to be, from what its sum did on held-out normal sound.

Seconds of sound are not independent: a lorry passes, a pump starts, and ten seconds in a row are unlikely. So the
limit does not come from single probabilities but from the *excursions* of the sum itself over held-out sound in
the order of time. How often they pass a height falls exponentially with it, as the renewal theory of such sums
says and simulated machines show.

How often is counted where a dozen passed, or as many as the budget allows: close to the height that is asked for. How
fast it falls from there is estimated from the thirty highest, together with what simulated machines taught beforehand,
worth as much as a handful of excursions. What is left of uncertainty makes the limit higher, not lower: of the count
one standard deviation, of the fall the predictive distribution of a gamma prior, which is a Pareto law.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from anomaly.detect.decision import REFERENCE, Limit, limit_for, surprise

_DAY_S = 86_400.0
# Excursions count from this height of the sum. Fewer say how often a height is passed than how fast that falls: a
# rate is known best near the height that is asked for, a fall needs many.
_FROM, _FOR_RATE, _FOR_FALL = 1.0, 12, 30
# Before any sound of the machine itself: excursions a day, their mean excess, and how many excursions that is worth.
_PRIOR_PER_DAY, _PRIOR_SECONDS = 2000.0, 60.0
_PRIOR_EXCESS, _PRIOR_WORTH = 1.3, 12.0
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
        """The height that is passed as often as the budget allows, predicted."""
        days = (self.seconds + _PRIOR_SECONDS) / _DAY_S
        height, count, _ = self._above(max(_FOR_RATE, math.ceil(false_alarms_per_day * days)))
        # The prior speaks of the lowest height; higher up it is thinned out as it predicts itself.
        thinned = _PRIOR_PER_DAY * math.exp(-(height - _FROM) / _PRIOR_EXCESS)
        unsure = math.sqrt(count) if height > _FROM else 0.0
        per_day = (count + unsure + thinned * _PRIOR_SECONDS / _DAY_S) / days
        _, many, risen = self._above(_FOR_FALL)
        worth, excess = many + _PRIOR_WORTH, risen + _PRIOR_WORTH * _PRIOR_EXCESS
        rarer = math.log(per_day / false_alarms_per_day)
        return height + max(0.0, excess * math.expm1(rarer / worth))

    def _above(self, most: int) -> tuple[float, int, float]:
        """The height that so many reach, or the lowest; how many do, and the sum of what they rise above it."""
        height = self.peaks[most - 1] if len(self.peaks) >= most else _FROM
        above = [peak - height for peak in self.peaks if peak >= height]
        return height, len(above), float(sum(above))


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
