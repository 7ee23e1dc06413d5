"""Range of the false-alarm budget."""

from __future__ import annotations

from anomaly.errors import UsageError

__all__ = ["LEAST_PER_DAY", "MOST_PER_DAY", "check_budget"]

# One in 27 years: no calibration supports less, and the linear system of the limit becomes ill-conditioned.
LEAST_PER_DAY = 1e-4
# One a minute, which is shorter than an alarm.
MOST_PER_DAY = 1440.0


def check_budget(false_alarms_per_day: float) -> None:
    """Check that a budget is in range.

    Raises:
        UsageError: it is not finite, less than one in 27 years, or more than one a minute.
    """
    if not LEAST_PER_DAY <= false_alarms_per_day <= MOST_PER_DAY:
        raise UsageError(
            f"a budget of {false_alarms_per_day:g} false alarms a day cannot be kept",
            where="--false-alarms-per-day",
            hint=f"give a number from {LEAST_PER_DAY:g} to {MOST_PER_DAY:g}",
        )
