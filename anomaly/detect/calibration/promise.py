"""Promise of a calibration: the rate of false alarms that its normal sound supports, and what would support fewer."""

from __future__ import annotations

from dataclasses import dataclass

from anomaly.detect.calibration.calibration import Calibration
from anomaly.poisson import upper_rate
from anomaly.readable import duration, rate

# Budget of a machine unless another is configured.
BUDGET_PER_DAY = 1.0
_DAY_S = 86_400.0
# Rule of three: n seconds without an event bound its rate below 3 / n, with 95 % confidence.
_RULE_OF_THREE = 3.0
# Sound without an alarm that supports the budget.
CALIBRATION_S_FOR_BUDGET = _RULE_OF_THREE * _DAY_S / BUDGET_PER_DAY


@dataclass(frozen=True)
class FalseAlarmPromise:
    """Rate of false alarms that a calibration can promise.

    Args:
        calibration_s: seconds of normal sound that the calibration holds.
        per_day: upper bound of the rate that this sound supports, 95 % confidence.
    """

    calibration_s: int
    per_day: float

    @property
    def supports_budget(self) -> bool:
        """Return whether the sound supports `BUDGET_PER_DAY`."""
        return self.per_day <= BUDGET_PER_DAY

    def sentence(self) -> str:
        """Promised rate, and the sound that a promise of the budget needs.

        Example:
            >>> FalseAlarmPromise(300_000, 0.864).sentence()
            'Calibrated on 3.5 days: fewer than about 6 false alarms a week can be promised.'
        """
        promised = rate(self.per_day, "false alarm")
        text = f"Calibrated on {duration(self.calibration_s)}: fewer than about {promised} can be promised"
        if self.supports_budget:
            return f"{text}."
        needed = duration(CALIBRATION_S_FOR_BUDGET)
        return f"{text}; for fewer than {rate(BUDGET_PER_DAY)} calibrate on {needed} of normal sound."


def false_alarm_promise(calibration: Calibration) -> FalseAlarmPromise:
    """Return the promise of a calibration.

    The bound counts the excursions of its sound that pass the limit for the budget, nearly always none; it is the rule
    of three then.
    """
    limit = calibration.limit(BUDGET_PER_DAY).value
    peaks = () if calibration.excursions is None else calibration.excursions.peaks
    alarms = sum(peak >= limit for peak in peaks)
    seconds = len(calibration.scores)
    per_day = upper_rate(alarms, seconds / _DAY_S) if alarms else calibration.supported_per_day
    return FalseAlarmPromise(seconds, per_day)
