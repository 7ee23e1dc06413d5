"""How high the limit of the decision has to be, from what its sum did on held-out normal sound.

Seconds of sound are not independent: a lorry passes, a pump starts, and ten seconds in a row are unlikely. So the
limit does not come from single probabilities but from the *excursions* of the sum itself over held-out sound in
the order of time. How often they pass a height falls exponentially with it, as the renewal theory of such sums
says and simulated machines show from a height of 1 on. Their rate and their mean excess are estimated together with
what five simulated machines taught beforehand, worth as much as a handful of excursions; what is left of
uncertainty makes the limit higher, not lower (the predictive distribution of a gamma prior is a Pareto law).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from anomaly.detect.decision import REFERENCE, Limit, limit_for, surprise
from anomaly.errors import ModelError

_DAY_S = 86_400.0
# Excursions count from this height of the sum; with more than enough of them, only the highest.
_FROM, _ENOUGH = 1.0, 30
# Before any sound of the machine itself: excursions a day, their mean excess, and how many excursions that is worth.
_PRIOR_PER_DAY, _PRIOR_SECONDS = 2000.0, 60.0
_PRIOR_EXCESS, _PRIOR_WORTH = 1.3, 12.0
# Sound that a person has called normal stays below the limit by this much.
_MARGIN = 1.1


@dataclass(frozen=True)
class Excursions:
    """What the sum did on held-out normal sound.

    Args:
        height: excursions over this count.
        count: how many there were.
        excess: sum of what they rose above it.
        seconds: of held-out sound.
    """

    height: float
    count: int
    excess: float
    seconds: int

    def limit(self, false_alarms_per_day: float) -> float:
        """The height that is passed as often as the budget allows, predicted."""
        days = (self.seconds + _PRIOR_SECONDS) / _DAY_S
        # The prior speaks of the lowest height; higher up it is thinned out as it predicts itself.
        thinned = _PRIOR_PER_DAY * math.exp(-(self.height - _FROM) / _PRIOR_EXCESS)
        per_day = (self.count + thinned * _PRIOR_SECONDS / _DAY_S) / days
        worth = self.count + _PRIOR_WORTH
        excess = self.excess + _PRIOR_WORTH * _PRIOR_EXCESS
        rarer = math.log(per_day / false_alarms_per_day)
        return self.height + max(0.0, excess * math.expm1(rarer / worth))

    def to_dict(self) -> dict[str, Any]:
        """For calibration.json."""
        return {
            "height": self.height,
            "count": self.count,
            "excess": self.excess,
            "seconds": self.seconds,
        }

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Excursions:
        """Read back what `to_dict` wrote.

        Raises:
            ModelError: a key is missing or a value makes no sense.
        """
        try:
            found = cls(
                float(values["height"]), int(values["count"]), float(values["excess"]), int(values["seconds"])
            )
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise ModelError(f"unreadable excursions: {error}", where="calibration.json") from error
        if not (
            0 <= found.height < 1e6 and found.count >= 0 and 0 <= found.excess < 1e9 and found.seconds >= 0
        ):
            raise ModelError("the excursions make no sense", where="calibration.json")
        return found


def excursions(recordings: Sequence[Iterable[float]]) -> Excursions:
    """Follow the sum over the tail probabilities of held-out recordings; each begins at rest."""
    peaks: list[float] = []
    seconds = 0
    for recording in recordings:
        total = peak = 0.0
        for p in recording:
            seconds += 1
            total = max(0.0, total + surprise(p) - REFERENCE)
            if total == 0.0 and peak > 0.0:
                peaks.append(peak)
            peak = max(peak, total) if total > 0.0 else 0.0
        peaks += [peak] if peak > 0.0 else []
    peaks.sort(reverse=True)
    height = max(_FROM, peaks[_ENOUGH - 1]) if len(peaks) >= _ENOUGH else _FROM
    above = [peak - height for peak in peaks if peak >= height]
    return Excursions(height, len(above), float(sum(above)), seconds)


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
