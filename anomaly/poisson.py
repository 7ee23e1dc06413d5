"""Confidence bound on the rate of rare events, such as false alarms."""

from __future__ import annotations

from scipy.special import gammaincinv

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
