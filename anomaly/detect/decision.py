"""From tail probabilities to OK, WATCH and ALARM against a budget of false alarms.

One CUSUM over surprises ``x = -ln p``: on normal sound x is exponential with mean 1, so
``S = max(0, S + x - k)`` stays near zero and, were seconds independent, its mean time to reach a limit h
is known. They are not: `anomaly.detect.calibration.excursions` sets h from what the sum did on held-out sound, and this
module's theory is only the least that it can be.

The words for what surrounds the limit are those of ISA-18.2 (IEC 62682): on-delay, off-delay, deadband, latch.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from anomaly.errors import ConfigError
from anomaly.false_alarm_budget import LEAST_PER_DAY

# Reference value: normal surprises average 1, so sums fall by 1.5 a second and forget quickly.
REFERENCE = 2.5
# One second alone, however bad, moves the sum by no more than this: a slammed door is no fault.
_MOST_PER_SECOND = 6.0
# So high a single second lifts the sum from rest.
ALONE = _MOST_PER_SECOND - REFERENCE
_WATCH_AT = 0.5
# The sum is held below this multiple of the limit, so that an alarm ends soon after its cause.
_CEILING = 1.5
_SECONDS_PER_DAY = 86_400.0


class State(StrEnum):
    """What the monitor says of a machine."""

    OK = "OK"
    WATCH = "WATCH"
    ALARM = "ALARM"


@dataclass(frozen=True)
class Limit:
    """The limit of the CUSUM and what it stands on.

    Args:
        value: the limit h.
        false_alarms_per_day: the budget.
        from_theory: the limit for independent seconds.
        from_data: the limit that held-out recordings ask for.
    """

    value: float
    false_alarms_per_day: float
    from_theory: float
    from_data: float


def limit_for(false_alarms_per_day: float, highest_on_normals: float) -> Limit:
    """The limit for a budget and independent seconds, and never below the highest sum on normals, a tenth added.

    This is all that a bundle without the order of its held-out seconds allows; see `Calibration.limit`.

    Raises:
        ConfigError: the budget is no number from one false alarm in 27 years to one a second.
    """
    if not LEAST_PER_DAY <= false_alarms_per_day <= _SECONDS_PER_DAY:
        raise ConfigError(
            f"a budget of {false_alarms_per_day:g} false alarms a day cannot be kept",
            hint=f"give a number from {LEAST_PER_DAY:g} to {_SECONDS_PER_DAY:g}",
        )
    theory = _limit(_SECONDS_PER_DAY / false_alarms_per_day)
    data = 1.1 * highest_on_normals
    return Limit(max(theory, data), false_alarms_per_day, theory, data)


def highest_sum(p_values: Iterable[float]) -> float:
    """The highest value the CUSUM reaches over a sequence of tail probabilities."""
    total = highest = 0.0
    for p in p_values:
        total = max(0.0, total + surprise(p) - REFERENCE)
        highest = max(highest, total)
    return highest


def surprise(p_value: float) -> float:
    """``-ln p``, bounded so that one second cannot decide alone."""
    return min(-math.log(max(p_value, 1e-300)), _MOST_PER_SECOND)


@functools.cache
def _limit(mean_time_s: float) -> float:
    # Grown from below: far above the limit the linear system is singular in floating point.
    low, high = 0.0, 1.0
    while _mean_time(high) < mean_time_s:
        low, high = high, 1.5 * high
    while high - low > 1e-3:
        middle = 0.5 * (low + high)
        low, high = (middle, high) if _mean_time(middle) < mean_time_s else (low, middle)
    return high


def _mean_time(limit: float, cells: int = 200) -> float:
    """Mean steps until the CUSUM of ``Exp(1) - REFERENCE`` passes ``limit`` (Brook and Evans, 1972)."""
    width = limit / cells if limit > 0 else 1.0
    centres = np.concatenate([[0.0], (np.arange(cells) + 0.5) * width])
    edges = np.concatenate([[0.0], (np.arange(cells) + 1.0) * width])
    below = _distribution(edges[None, :] - centres[:, None] + REFERENCE)
    steps = np.diff(below, axis=1, prepend=0.0)
    return float(np.linalg.solve(np.eye(cells + 1) - steps, np.ones(cells + 1))[0])


def _distribution(
    x: np.ndarray[tuple[int, ...], np.dtype[np.float64]],
) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    # Surprises are cut at _MOST_PER_SECOND, so all probability lies below it.
    return np.where(x < 0, 0.0, np.where(x >= _MOST_PER_SECOND, 1.0, 1.0 - np.exp(-np.maximum(x, 0.0))))


@dataclass(frozen=True)
class Policy:
    """When an alarm begins and ends around the limit, in the words of ISA-18.2.

    Args:
        on_delay_s: seconds that the sum has to stay over the limit before ALARM.
        off_delay_s: seconds that it has to stay below the deadband before OK.
        deadband: share of the limit that it has to fall by before it counts as below.
        latch: ALARM stays until a person has taken note.
    """

    on_delay_s: int = 0
    off_delay_s: int = 0
    deadband: float = 0.75
    latch: bool = False


class Decision:
    """Keeps the state of one machine.

    Args:
        limit: of the sum.
        policy: when an alarm begins and ends around it.

    Example:
        >>> decision = Decision(limit_for(1.0, 0.0))
        >>> [decision.update(p).value for p in (0.5, 1e-4, 1e-4, 1e-4, 1e-4, 1e-4)]
        ['OK', 'OK', 'WATCH', 'ALARM', 'ALARM', 'ALARM']
    """

    def __init__(self, limit: Limit, policy: Policy = Policy()) -> None:
        self.limit = limit
        self.policy = policy
        self.total = 0.0
        self.state = State.OK
        self._over_s = self._below_s = 0
        self._latched = False

    def update(self, p_value: float) -> State:
        """Take the tail probability of one second and return the state after it."""
        h = self.limit.value
        self.total = min(max(0.0, self.total + surprise(p_value) - REFERENCE), _CEILING * h)
        below = self.total <= (1.0 - self.policy.deadband) * h
        self._over_s = self._over_s + 1 if self.total >= h else 0
        self._below_s = self._below_s + 1 if below else 0
        if self.state is State.ALARM:
            if self._below_s > self.policy.off_delay_s and not self._latched:
                self.state = State.OK
        elif self._over_s > self.policy.on_delay_s:
            self.state, self._latched = State.ALARM, self.policy.latch
        elif below:
            self.state = State.OK
        elif self.total >= _WATCH_AT * h:
            self.state = State.WATCH
        return self.state

    def release(self) -> None:
        """A person has taken note: a latched alarm may end with its cause."""
        self._latched = False

    def reset(self) -> None:
        """Forget: after a gap, or when a sensor fault hides the machine. A latched alarm stays."""
        self.total, self._over_s, self._below_s = 0.0, 0, 0
        self.state = State.ALARM if self._latched else State.OK
