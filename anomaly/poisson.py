"""Confidence bound on the rate of rare events, such as false alarms."""

from __future__ import annotations

from scipy.special import gammainc, gammaincinv

_CONFIDENCE = 0.95


def upper_rate(events: int, time: float) -> float:
    """Upper bound of a rate of Poisson events, 95 % confidence; without an event about 3 / time (rule of three).

    The bound is exact (Garwood 1936): half of a quantile of the chi-squared distribution, here that of the gamma.

    Args:
        events: number of events.
        time: observation time, in the unit that the rate is to have.

    Example:
        >>> round(upper_rate(0, 1.0), 3), round(upper_rate(2, 1.0), 3)
        (2.996, 6.296)
    """
    return float(gammaincinv(events + 1, _CONFIDENCE)) / time


def tail_probability(events: int, expected: float) -> float:
    """Probability of at least so many Poisson events where ``expected`` of them are expected on average.

    Args:
        events: number of events, at least 1.
        expected: mean of the distribution, more than 0.

    Example:
        >>> round(tail_probability(1, 0.1), 3), round(tail_probability(2, 0.1), 4)
        (0.095, 0.0047)
    """
    return float(gammainc(events, expected))
