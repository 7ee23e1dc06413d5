"""How often a detector cries wolf on normal sound, and what so little sound can say about it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import betaincinv

from anomaly.detect.decision import Decision, Limit, State
from anomaly.detect.file_score import FileScore
from anomaly.evaluate.metrics.alarm_rates import AlarmRate, false_alarms_per_hour

# Seconds of normal sound this unlikely should be one in a hundred.
UNLIKELY_P = 0.01


@dataclass(frozen=True)
class FalseAlarms:
    """False alarms on normal clips.

    Args:
        budget_per_day: what the limit was set for.
        rate: times the decision went into ALARM, the clips played one after the other as a monitor hears them.
        alarm_seconds: seconds it stayed there: an alarm that never ends is one alarm.
        seconds: of normal sound.
        unlikely: seconds with a tail probability of at most ``UNLIKELY_P``.
        unlikely_ci: 95 % interval of their share (Clopper and Pearson), as if seconds were independent; they are
            not, so the truth is less sure than this.
    """

    budget_per_day: float
    rate: AlarmRate
    alarm_seconds: int
    seconds: int
    unlikely: int
    unlikely_ci: tuple[float, float]

    @property
    def time_in_alarm(self) -> float:
        """Share of seconds spent in ALARM."""
        return self.alarm_seconds / self.seconds

    @property
    def unlikely_share(self) -> float:
        """Share of seconds that the calibration calls unlikely: ``UNLIKELY_P`` if it is right."""
        return self.unlikely / self.seconds

    def as_json(self) -> dict[str, object]:
        """Plain values."""
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
    """Count false alarms on normal clips; None where the decision took not one second of them."""
    decision = Decision(limit)
    onsets: list[bool] = []
    alarm_seconds = unlikely = 0
    for p_value in _heard(normals):
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


def _heard(normals: Sequence[FileScore]) -> Iterator[float | None]:
    """Tail probability of each second; None where the decision took none."""
    for file in normals:
        if file.verdict is not None:
            for second, state in zip(file.scores, file.verdict.states, strict=True):
                yield None if state is None else second.p_value


def share_interval(count: int, of: int, confidence: float = 0.95) -> tuple[float, float]:
    """Interval of a share by Clopper and Pearson (Biometrika 26, 1934)."""
    tail = (1 - confidence) / 2
    low = float(betaincinv(count, of - count + 1, tail)) if count else 0.0
    high = float(betaincinv(count + 1, of - count, 1 - tail)) if count < of else 1.0
    return low, high
