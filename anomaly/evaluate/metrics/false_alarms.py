"""False alarms of a detector on normal sound: rate with upper bound, time in alarm, share of unlikely seconds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import betaincinv

from anomaly.detect.decision import Decision, Limit, State
from anomaly.detect.file_score import FileScore
from anomaly.evaluate.metrics.alarm_rates import AlarmRate, false_alarms_per_hour

# By definition of the tail probability one normal second in a hundred has at most this p.
UNLIKELY_P = 0.01


@dataclass(frozen=True)
class FalseAlarms:
    """False alarms on normal clips.

    Args:
        budget_per_day: budget that the limit was set for.
        rate: transitions of the decision to ALARM over the clips in a row, as in the monitor.
        alarm_seconds: seconds in ALARM; an alarm that never ends is one alarm.
        seconds: of normal sound.
        unlikely: seconds with a tail probability of at most ``UNLIKELY_P``.
        unlikely_ci: 95 % interval of their share (Clopper and Pearson), as if seconds were independent; they are
            not, so the real interval is wider.
    """

    budget_per_day: float
    rate: AlarmRate
    alarm_seconds: int
    seconds: int
    unlikely: int
    unlikely_ci: tuple[float, float]

    @property
    def time_in_alarm(self) -> float:
        """Return the share of seconds in ALARM."""
        return self.alarm_seconds / self.seconds

    @property
    def unlikely_share(self) -> float:
        """Return the share of unlikely seconds, which is ``UNLIKELY_P`` for a right calibration."""
        return self.unlikely / self.seconds

    def as_json(self) -> dict[str, object]:
        """Return the figures as JSON types."""
        return {
            "budget_per_day": self.budget_per_day,
            "alarms": self.rate.alarms,
            "hours": self.rate.hours,
            "per_hour": self.rate.per_hour,
            "upper_per_hour": self.rate.upper_per_hour,
            "time_in_alarm": self.time_in_alarm,
            "unlikely_seconds": {
                "p": UNLIKELY_P,
                "count": self.unlikely,
                "of": self.seconds,
                "share": self.unlikely_share,
                "ci": list(self.unlikely_ci),
            },
        }


def false_alarms(normals: Sequence[FileScore], limit: Limit) -> FalseAlarms | None:
    """Count false alarms on normal clips; None where the decision took none of their seconds."""
    decision = Decision(limit)
    onsets: list[bool] = []
    alarm_seconds = unlikely = 0
    for p_value in (p_value for file in normals for p_value in decided_p_values(file)):
        if p_value is None:
            decision.reset()
            continue
        before = decision.state
        alarmed = decision.update(p_value) is State.ALARM
        onsets.append(alarmed and before is not State.ALARM)
        alarm_seconds += alarmed
        unlikely += p_value <= UNLIKELY_P
    if not onsets:
        return None
    # Each onset is a stretch of its own: two of them never count as one alarm.
    rate = false_alarms_per_hour(np.array(onsets)[:, None])
    interval = share_interval(unlikely, len(onsets))
    return FalseAlarms(limit.false_alarms_per_day, rate, alarm_seconds, len(onsets), unlikely, interval)


def decided_p_values(file: FileScore) -> Iterator[float | None]:
    """Yield the tail probability of each second of a file; None for a second that the decision did not take."""
    if file.verdict is not None:
        for second, state in zip(file.scores, file.verdict.states, strict=True):
            yield None if state is None else second.p_value


def share_interval(count: int, of: int, confidence: float = 0.95) -> tuple[float, float]:
    """Interval of a share by Clopper and Pearson (Biometrika 26, 1934)."""
    tail = (1 - confidence) / 2
    low = float(betaincinv(count, of - count + 1, tail)) if count else 0.0
    high = float(betaincinv(count + 1, of - count, 1 - tail)) if count < of else 1.0
    return low, high
