"""Decision: tail probabilities become OK, WATCH or ALARM, against a budget of false alarms.

A one-sided CUSUM (Page, 1954) over ``x = -ln p``: on normal sound x is exponential with mean 1, so
``S = max(0, S + x - k)`` stays near zero, and for independent seconds the mean time to reach a limit h is known (Brook
and Evans, 1972). Real seconds are correlated: `anomaly.detect.calibration.excursions` estimates h from the CUSUM on
held-out sound, and the limit for independent seconds is its lower bound.

Delays, deadband and latch are those of ISA-18.2 (IEC 62682).
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

# Reference value k: x has mean 1 on normal sound, so that the CUSUM falls by 1.5 a second there.
REFERENCE = 2.5
# x is clipped at this value, p = 0.0025: one second, such as a slammed door, raises the CUSUM by at most 3.5.
_LARGEST_SURPRISE = 6.0
# Largest CUSUM value that one second can produce from zero.
LARGEST_SINGLE_SECOND_SUM = _LARGEST_SURPRISE - REFERENCE
# WATCH begins at this share of the limit.
_WATCH_SHARE = 0.5
# The CUSUM is bounded by this multiple of the limit, so that an alarm ends soon after its cause.
_CEILING_SHARE = 1.5
_SECONDS_PER_DAY = 86_400.0


class State(StrEnum):
    """State of a machine."""

    OK = "OK"
    WATCH = "WATCH"
    ALARM = "ALARM"


@dataclass(frozen=True)
class Limit:
    """Limit of the CUSUM.

    Args:
        value: the limit h, the larger of the two below.
        false_alarms_per_day: the budget.
        from_theory: limit for independent seconds.
        from_data: limit estimated on held-out recordings.
    """

    value: float
    false_alarms_per_day: float
    from_theory: float
    from_data: float


def limit_for(false_alarms_per_day: float, highest_on_normals: float) -> Limit:
    """Return the limit for independent seconds, raised to 1.1 times the largest CUSUM value on normal sound.

    Used for bundles that do not keep the order of their held-out seconds; see `Calibration.limit`.

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
    """Return the largest value of the CUSUM over a sequence of tail probabilities."""
    total = highest = 0.0
    for p in p_values:
        total = max(0.0, total + surprise(p) - REFERENCE)
        highest = max(highest, total)
    return highest


def surprise(p_value: float) -> float:
    """Return ``-ln p``, clipped at 6 so that one second cannot reach an alarm alone."""
    return min(-math.log(max(p_value, 1e-300)), _LARGEST_SURPRISE)


@functools.cache
def _limit(mean_time_s: float) -> float:
    """Return the limit with this mean time to a false alarm for independent seconds, within 0.001."""
    # Bracketed from below: far above the limit the linear system is singular in floating point.
    low, high = 0.0, 1.0
    while _mean_time(high) < mean_time_s:
        low, high = high, 1.5 * high
    while high - low > 1e-3:
        middle = 0.5 * (low + high)
        low, high = (middle, high) if _mean_time(middle) < mean_time_s else (low, middle)
    return high


def _mean_time(limit: float, cells: int = 200) -> float:
    """Return the mean number of steps until the CUSUM of ``Exp(1) - REFERENCE`` reaches ``limit``.

    Markov chain of ``cells`` states (Brook and Evans, Biometrika 59, 1972).
    """
    width = limit / cells if limit > 0 else 1.0
    centres = np.concatenate([[0.0], (np.arange(cells) + 0.5) * width])
    edges = np.concatenate([[0.0], (np.arange(cells) + 1.0) * width])
    below = _distribution(edges[None, :] - centres[:, None] + REFERENCE)
    steps = np.diff(below, axis=1, prepend=0.0)
    return float(np.linalg.solve(np.eye(cells + 1) - steps, np.ones(cells + 1))[0])


def _distribution(
    x: np.ndarray[tuple[int, ...], np.dtype[np.float64]],
) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """Return the distribution function of the clipped exponential: all probability lies below the clip."""
    return np.where(x < 0, 0.0, np.where(x >= _LARGEST_SURPRISE, 1.0, 1.0 - np.exp(-np.maximum(x, 0.0))))


@dataclass(frozen=True)
class Policy:
    """Alarm attributes of ISA-18.2: when an alarm begins and ends around the limit.

    Args:
        on_delay_s: seconds that the CUSUM has to stay at or over the limit before ALARM.
        off_delay_s: seconds that it has to stay below the deadband before OK.
        deadband: share of the limit that it has to fall by before it counts as below.
        latch: ALARM stays until it is acknowledged.
    """

    on_delay_s: int = 0
    off_delay_s: int = 0
    deadband: float = 0.75
    latch: bool = False


class Decision:
    """CUSUM and state of one machine.

    Args:
        limit: of the CUSUM.
        policy: when an alarm begins and ends around the limit.

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
        """Update the CUSUM with the tail probability of one second and return the state after it."""
        h = self.limit.value
        self.total = min(max(0.0, self.total + surprise(p_value) - REFERENCE), _CEILING_SHARE * h)
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
        elif self.total >= _WATCH_SHARE * h:
            self.state = State.WATCH
        return self.state

    def release(self) -> None:
        """Release the latch after an acknowledgement: the alarm ends with its cause."""
        self._latched = False

    def reset(self) -> None:
        """Return the CUSUM to zero, after a gap or a sensor fault; a latched alarm stays."""
        self.total, self._over_s, self._below_s = 0.0, 0, 0
        self.state = State.ALARM if self._latched else State.OK
