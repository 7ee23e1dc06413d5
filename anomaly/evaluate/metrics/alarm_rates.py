"""Alarms at a threshold: confusion matrix, and the rate of false alarms with its upper bound."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from anomaly.errors import InputError
from anomaly.poisson import upper_rate

SECONDS_PER_HOUR = 3600.0


@dataclass(frozen=True)
class Confusion:
    """Confusion matrix: clips with and without an alarm, by label."""

    true_alarms: int
    missed: int
    false_alarms: int
    true_silence: int

    @property
    def precision(self) -> float | None:
        """Return the share of alarms that were right; ``None`` without an alarm."""
        return _ratio(self.true_alarms, self.true_alarms + self.false_alarms)

    @property
    def recall(self) -> float | None:
        """Return the share of anomalies that raised an alarm; ``None`` without an anomaly."""
        return _ratio(self.true_alarms, self.true_alarms + self.missed)

    @property
    def false_positive_rate(self) -> float | None:
        """Return the share of normal clips that raised an alarm; ``None`` without a normal clip."""
        return _ratio(self.false_alarms, self.false_alarms + self.true_silence)

    @property
    def f1(self) -> float | None:
        """Return the harmonic mean of precision and recall; ``None`` with neither an alarm nor an anomaly."""
        return _ratio(2 * self.true_alarms, 2 * self.true_alarms + self.missed + self.false_alarms)


def confusion(labels: npt.ArrayLike, scores: npt.ArrayLike, threshold: float) -> Confusion:
    """Count alarms, which are scores at or above the threshold.

    Args:
        labels: true for anomalies, shape [clips].
        scores: shape [clips].
        threshold: in units of the scores.

    Raises:
        InputError: the shapes differ.
    """
    anomalous = np.asarray(labels).astype(bool)
    alarm = np.asarray(scores, dtype=np.float64) >= threshold
    if anomalous.shape != alarm.shape:
        raise InputError(f"labels {anomalous.shape} and scores {alarm.shape} do not match")
    return Confusion(
        true_alarms=int((anomalous & alarm).sum()),
        missed=int((anomalous & ~alarm).sum()),
        false_alarms=int((~anomalous & alarm).sum()),
        true_silence=int((~anomalous & ~alarm).sum()),
    )


@dataclass(frozen=True)
class AlarmRate:
    """Rate of false alarms on normal sound, with its upper bound.

    Attributes:
        alarms: number of alarms.
        hours: duration of the normal sound.
        per_hour: ``alarms / hours``.
        upper_per_hour: the rate is below this with 95 % confidence, if alarms come at random
            (Poisson); with no alarm at all it is 3 / hours, the rule of three.
    """

    alarms: int
    hours: float
    per_hour: float
    upper_per_hour: float


def false_alarms_per_hour(above: npt.ArrayLike, seconds_each: float = 1.0) -> AlarmRate:
    """Count the alarms on normal sound; neighbouring seconds above the threshold are one alarm.

    Args:
        above: whether each stretch of sound was above the threshold, shape [n], in order. Clips
            that do not follow each other have shape [clips, n]: an alarm ends with its clip.
        seconds_each: length of a stretch, in seconds.

    Raises:
        InputError: there is no sound.
    """
    loud = np.atleast_2d(np.asarray(above, dtype=bool))
    hours = loud.size * seconds_each / SECONDS_PER_HOUR
    if hours <= 0.0:
        raise InputError("no normal sound to count false alarms in")
    rising = loud & ~np.pad(loud, ((0, 0), (1, 0)))[:, :-1]
    alarms = int(rising.sum())
    return AlarmRate(alarms, hours, alarms / hours, upper_rate(alarms, hours))


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None
