"""Sensor check of a microphone, second by second, against the spectrum of the training sound.

A changed gain moves all bands of the spectrum by the same amount; a machine fault changes the shape of the spectrum.
An automatic gain shows only in several seconds, so the gains of the last ones are kept.
"""

from __future__ import annotations

import statistics
from collections import deque
from dataclasses import replace

from anomaly.audio import SAMPLE_RATE_HZ
from anomaly.audio.channels import Samples
from anomaly.audio.sensor.health import Health, Status, check_second
from anomaly.audio.sensor.reference import SensorReference
from anomaly.audio.sensor.spectrum_facts import SpectrumFacts, seconds_facts, spectrum_facts

# The tests check these values on simulated machines with and without faults, on recordings of real ones, and on sound
# damaged as in tests/audio/sensor/damage.py: each damage is reported, and nothing else is.
#
# repeated: share of a second that occurred before, bit by bit.
_MIN_REPEATED_SHARE = 0.2
# low-level: below the quietest second of training, or below a fixed level without a reference.
_LOW_LEVEL_DB, _LOW_LEVEL_DBFS = 20.0, -80.0
# gain: least change, and largest difference in shape, of which one part is the spread of training.
_MIN_GAIN_DB, _MIN_SHAPE_DB, _SHAPE_MARGIN_DB = 5.0, 0.4, 0.15
# A second is outside the training sound beyond its largest distance or gain, times a factor plus a margin.
_DISTANCE_FACTOR, _DISTANCE_MARGIN_DB = 1.25, 0.8
# A gain that stays within so much of the last one may differ more in shape, if the sound is quieter: louder sound is
# more likely a machine that fails than a microphone with more gain.
_SAME_GAIN_DB, _SAME_GAIN_SHAPE_FACTOR = 1.5, 1.5
# A second within so much of the gain of those before it has it, too, even if its raw level is one of training.
_NEAR_GAIN_DB = 2.0
# processed (automatic gain): least range of the gains of the last seconds, also in steps of the training sound; the
# range of its own gains is no sign either.
_MIN_GAIN_RANGE_DB, _MIN_GAIN_RANGE_STEPS, _GAIN_HISTORY_S = 2.5, 8.0, 12


class SensorCheck:
    """Checks one microphone, second by second.

    Args:
        reference: of the training sound; None checks each second by itself.
        gain_matters: False for a model that normalises the level.
    """

    def __init__(self, reference: SensorReference | None = None, *, gain_matters: bool = True) -> None:
        self._reference, self._gain_matters = reference, gain_matters
        self._gains: deque[float] = deque(maxlen=_GAIN_HISTORY_S)

    def second(self, samples: Samples, *, repeated: float = 0.0) -> Health:
        """Check one second.

        Args:
            samples: float32 [16000].
            repeated: share of it that repeats earlier samples, bit by bit.
        """
        health = check_second(samples)
        if health.status != "ok":
            return health
        if repeated >= _MIN_REPEATED_SHARE:
            return replace(health, status="repeated")
        facts = spectrum_facts(samples, health.level_dbfs, self._reference)
        return replace(health, status=self._spectrum_status(facts, health.level_dbfs))

    def reset(self) -> None:
        """Forget earlier seconds: after a gap, the next second does not follow them."""
        self._gains.clear()

    def seconds(self, samples: Samples) -> list[Health]:
        """Check whole seconds that follow each other, float32 [n * 16000]; the same as `second` for each."""
        if type(self).second is not SensorCheck.second:
            whole = samples.reshape(-1, SAMPLE_RATE_HZ)
            return [self.second(part) for part in whole]
        found = []
        for health, facts in seconds_facts(samples, self._reference):
            ok = health.status == "ok"
            status = self._spectrum_status(facts, health.level_dbfs) if ok else health.status
            found.append(health if status == health.status else replace(health, status=status))
        return found

    def _spectrum_status(self, facts: SpectrumFacts, level_dbfs: float) -> Status:
        reference = self._reference
        if facts.is_hum:
            return "hum"
        if reference is None:
            return "low-level" if level_dbfs < _LOW_LEVEL_DBFS else "ok"
        if facts.is_cut:
            return "band-limit"
        gain_status = self._gain_status(facts, reference)
        if gain_status is not None:
            return gain_status
        return "low-level" if level_dbfs < reference.quietest_dbfs - _LOW_LEVEL_DB else "ok"

    def _gain_status(self, facts: SpectrumFacts, reference: SensorReference) -> Status | None:
        raw, shape, gain = facts.distance_db, facts.shape_db, facts.gain_db
        if facts.is_gated:
            return "processed"
        outside = _is_beyond(raw, reference.distance_db) or self._continues(gain)
        # Single odd seconds of training make its largest distance large; the gains of its typical ones stay small.
        if reference.own_gain_db is not None:
            outside = outside or _is_beyond(abs(gain), reference.own_gain_db)
        if not outside:
            self._gains.clear()
        if not outside or not self._has_shape(shape, gain, reference) or not self._gain_matters:
            return None
        self._gains.append(gain)
        if self._gain_moves(reference):
            return "processed"
        return "gain" if abs(gain) >= _MIN_GAIN_DB or self._continues(gain) else None

    def _continues(self, gain_db: float) -> bool:
        """Return whether a second has about the gain of those before it: single ones may be near training sound."""
        last = statistics.median(self._gains) if self._gains else 0.0
        return abs(last) >= _MIN_GAIN_DB and abs(gain_db - last) <= _NEAR_GAIN_DB

    def _has_shape(self, shape_db: float, gain_db: float, reference: SensorReference) -> bool:
        """Return whether the shape is one of the training sound; tolerate more where the gain was found before."""
        limit_db = max(_MIN_SHAPE_DB, reference.shape_db) + _SHAPE_MARGIN_DB
        if gain_db < 0 and self._gains and abs(gain_db - self._gains[-1]) < _SAME_GAIN_DB:
            limit_db *= _SAME_GAIN_SHAPE_FACTOR
        return shape_db <= limit_db

    def _gain_moves(self, reference: SensorReference) -> bool:
        # Not the first: it may be of the second in which the gain was set by hand.
        gains = list(self._gains)[1:]
        own_db = 2 * _DISTANCE_FACTOR * (reference.own_gain_db or 0.0)
        least_db = max(_MIN_GAIN_RANGE_DB, _MIN_GAIN_RANGE_STEPS * reference.step_db, own_db)
        return len(gains) > 1 and max(gains) - min(gains) > least_db


def _is_beyond(value_db: float, largest_db: float) -> bool:
    """Return whether a value is clearly beyond the largest one of training."""
    return value_db > _DISTANCE_FACTOR * largest_db + _DISTANCE_MARGIN_DB


class DeadMicrophoneCheck(SensorCheck):
    """Checks for a dead microphone alone: an evaluation must not leave sound out because it is unusual."""

    def second(self, samples: Samples, *, repeated: float = 0.0) -> Health:
        """Check one second, float32 [16000]; ``repeated`` is ignored."""
        health = check_second(samples)
        return health if health.status in ("silent", "constant") else replace(health, status="ok")
