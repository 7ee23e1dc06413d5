"""From tail probabilities to OK, WATCH and ALARM against a budget of false alarms.

One CUSUM over surprises ``x = -ln p``: on normal sound x is exponential with mean 1, so
``S = max(0, S + x - k)`` stays near zero and its mean time to reach a limit h is known; h is the
least limit whose mean time between false alarms is the budget. Seconds of sound are not independent,
so h is never below the highest sum that held-out recordings reached on their own.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from anomaly.errors import ConfigError

# Reference value: normal surprises average 1, so sums fall by 1.5 a second and forget quickly.
REFERENCE = 2.5
# One second alone, however bad, moves the sum by no more than this: a slammed door is no fault.
_MOST_PER_SECOND = 6.0
_WATCH_AT = 0.5
_CLEAR_AT = 0.25
# The sum is held below this multiple of the limit, so that an alarm ends soon after its cause.
_CEILING = 1.5
_SECONDS_PER_DAY = 86_400.0
# Rarer alarms than this no calibration can promise, and the linear system of the limit loses its digits.
_LEAST_PER_DAY = 1e-4


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
        from_data: the highest sum on held-out recordings, a tenth added.
    """

    value: float
    false_alarms_per_day: float
    from_theory: float
    from_data: float


def limit_for(false_alarms_per_day: float, highest_on_normals: float) -> Limit:
    """The limit for a budget; ``highest_on_normals`` comes from the calibration.

    Raises:
        ConfigError: the budget is no number from one false alarm in 27 years to one a second.
    """
    if not _LEAST_PER_DAY <= false_alarms_per_day <= _SECONDS_PER_DAY:
        raise ConfigError(
            f"a budget of {false_alarms_per_day:g} false alarms a day cannot be kept",
            hint=f"give a number from {_LEAST_PER_DAY:g} to {_SECONDS_PER_DAY:g}",
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


class Decision:
    """Keeps the state of one machine.

    Example:
        >>> decision = Decision(limit_for(1.0, 0.0))
        >>> [decision.update(p).value for p in (0.5, 1e-4, 1e-4, 1e-4, 1e-4, 1e-4)]
        ['OK', 'OK', 'WATCH', 'ALARM', 'ALARM', 'ALARM']
    """

    def __init__(self, limit: Limit) -> None:
        self.limit = limit
        self.total = 0.0
        self.state = State.OK

    def update(self, p_value: float) -> State:
        """Take the tail probability of one second and return the state after it."""
        h = self.limit.value
        self.total = min(max(0.0, self.total + surprise(p_value) - REFERENCE), _CEILING * h)
        if self.total >= h:
            self.state = State.ALARM
        elif self.total <= _CLEAR_AT * h:
            self.state = State.OK
        elif self.state is State.OK and self.total >= _WATCH_AT * h:
            self.state = State.WATCH
        return self.state

    def reset(self) -> None:
        """Forget: after a gap, or when a sensor fault hides the machine."""
        self.total, self.state = 0.0, State.OK
