"""Verdict of a training: readiness, the rate of false alarms its sound can promise, and what to record for fewer."""

from __future__ import annotations

from dataclasses import dataclass

from anomaly.detect.calibration.promise import (
    CALIBRATION_S_FOR_BUDGET,
    FalseAlarmPromise,
    false_alarm_promise,
)
from anomaly.readable import duration
from anomaly.training.model_artifacts import ModelArtifacts

# `anomaly calibrate` accepts no less than a minute either: the rule of three then bounds the rate at three a minute.
MIN_CALIBRATION_S = 60
# A fifth of the recordings is held out for calibration, so this much leaves a minute.
ENOUGH_SOUND_S = 300.0


@dataclass(frozen=True)
class TrainingVerdict:
    """Verdict of one training.

    Args:
        machine: name of the bundle.
        sound_s: seconds of normal sound that were used.
        calibration_s: seconds of held-out sound that the alarm limit rests on.
        promised_per_day: upper bound of the rate of false alarms that this sound supports, 95 % confidence.
    """

    machine: str
    sound_s: float
    calibration_s: int
    promised_per_day: float

    @property
    def ready(self) -> bool:
        """Return whether the calibration is long enough for an alarm limit."""
        return self.calibration_s >= MIN_CALIBRATION_S

    @property
    def calibration_s_for_budget(self) -> float:
        """Seconds of sound without an alarm that support the budget of one false alarm a day."""
        return CALIBRATION_S_FOR_BUDGET

    def sentence(self) -> str:
        """Readiness, the promised rate of false alarms, and what to record for fewer, in one line."""
        if not self.ready:
            return (
                f"not ready: {self.machine} learned from {duration(self.sound_s)} of sound, which left only "
                f"{duration(self.calibration_s)} to calibrate on. Record {duration(ENOUGH_SOUND_S)} or more of normal "
                "sound and train again."
            )
        promise = FalseAlarmPromise(self.calibration_s, self.promised_per_day)
        return f"ready: {self.machine} learned from {duration(self.sound_s)} of sound. {promise.sentence()}"

    def to_dict(self) -> dict[str, object]:
        """Return the fields that ``train --json`` prints."""
        return {
            "ready": self.ready,
            "sound_seconds": round(self.sound_s, 1),
            "calibration_seconds": self.calibration_s,
            "false_alarms_per_day_promised": self.promised_per_day,
            "calibration_seconds_for_one_a_day": self.calibration_s_for_budget,
        }


def training_verdict(machine: str, artifacts: ModelArtifacts) -> TrainingVerdict:
    """Return the verdict of a training."""
    promise = false_alarm_promise(artifacts.student)
    return TrainingVerdict(
        machine, artifacts.metrics["training_seconds"], promise.calibration_s, promise.per_day
    )
