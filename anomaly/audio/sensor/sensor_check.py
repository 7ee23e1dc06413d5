"""Is it the microphone? Each second is judged by itself, by the second before, and by the training sound.

A microphone that hears what it heard in training, only louder, has another gain; a machine that fails changes the
shape of the spectrum instead. What a second cannot tell alone, such as an automatic gain, shows in several.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import replace

import numpy as np

from anomaly.audio.channels import Samples
from anomaly.audio.sensor.band_levels import BandLevels, band_levels, edges_hz, hum_share
from anomaly.audio.sensor.health import Health, Status, check_second
from anomaly.audio.sensor.reference import SensorReference, distances

MAINS_HZ = (50, 60)
# A fifth of a second again, bit by bit: a tick alone is not yet a driver that stutters.
_REPEATED = 0.2
# So much quieter than anything in training, or than this where nothing is known of it: no machine, a dead capsule.
_QUIETER_DB, _QUIET_DBFS = 20.0, -80.0
# Only lines of the mains, and nothing of what else was heard in training.
_HUM_SHARE, _HUM_REST_DBFS, _HUM_QUIETER_DB, _ABOVE_HUM_HZ = 0.95, -65.0, 10.0, 2_000
# From some band on all are so much quieter than ever, while those below are as always.
_CUT_DB, _LEAST_CUT, _KEPT_DB = 15.0, 4, 6.0
# Least change of the gain that is called one, and how alike the spectrum must be.
_GAIN_DB, _LEAST_SHAPE_DB, _SHAPE_MARGIN_DB = 5.0, 0.4, 0.15
_FAR, _FAR_DB = 1.25, 0.8
_SAME_GAIN_DB, _LENIENT = 1.5, 1.5
# An automatic gain moves on, second by second; a hand on a knob does not.
_LEAST_MOVE_DB, _MOVE_STEPS, _REMEMBERED = 2.5, 8.0, 12
# Noise suppression closes single bands; nothing is louder than in training.
_FLUTTER_DB, _LOUDER_DB, _LOUDER_SHARE, _TAKEN_DB = 1.2, 3.0, 0.05, -0.5


class SensorCheck:
    """Judges one microphone, second by second.

    Args:
        reference: what it heard in training; None judges by the second alone.
        gain_matters: False for a model that takes the loudness off.
    """

    def __init__(self, reference: SensorReference | None = None, *, gain_matters: bool = True) -> None:
        self._reference, self._gain_matters = reference, gain_matters
        self._gains: deque[float] = deque(maxlen=_REMEMBERED)

    def second(self, samples: Samples, *, repeated: float = 0.0) -> Health:
        """Judge float32 [16000].

        Args:
            samples: one second.
            repeated: share of it that repeats what came before, bit by bit.
        """
        health = check_second(samples)
        if health.status != "ok":
            return health
        if repeated >= _REPEATED:
            return replace(health, status="repeated")
        return replace(health, status=self._by_spectrum(samples, health.level_dbfs))

    def begin_again(self) -> None:
        """After a gap: what follows is no neighbour of what came before."""
        self._gains.clear()

    def _by_spectrum(self, samples: Samples, level_dbfs: float) -> Status:
        levels, reference = band_levels(samples), self._reference
        if _is_hum(samples, level_dbfs, levels, reference):
            return "hum"
        if reference is None:
            return "low-level" if level_dbfs < _QUIET_DBFS else "ok"
        if _is_cut(levels, reference):
            return "band-limit"
        changed = self._gain_status(levels, reference)
        if changed is not None:
            return changed
        quiet = level_dbfs < reference.quietest_dbfs - _QUIETER_DB
        return "low-level" if quiet else "ok"

    def _gain_status(self, levels: BandLevels, reference: SensorReference) -> Status | None:
        raw, shape, gain = (float(x[0]) for x in distances(levels.mean[None], reference.spectra))
        if _is_gated(levels, reference, gain):
            return "processed"
        far = raw > _FAR * reference.distance_db + _FAR_DB
        most = max(_LEAST_SHAPE_DB, reference.shape_db) + _SHAPE_MARGIN_DB
        # A gain that was found a second ago is believed more easily than a new one.
        same = len(self._gains) > 0 and abs(gain - self._gains[-1]) < _SAME_GAIN_DB
        alike = shape <= (_LENIENT * most if same else most)
        if not far or not alike or not self._gain_matters:
            if not far:
                self._gains.clear()
            return None
        self._gains.append(gain)
        if self._moves_on(reference):
            return "processed"
        return "gain" if abs(gain) >= _GAIN_DB else None

    def _moves_on(self, reference: SensorReference) -> bool:
        # The first may be of the very second in which somebody turned the knob.
        gains = list(self._gains)[1:]
        least = max(_LEAST_MOVE_DB, _MOVE_STEPS * reference.step_db)
        return len(gains) > 1 and max(gains) - min(gains) > least


def _is_hum(
    samples: Samples, level_dbfs: float, levels: BandLevels, reference: SensorReference | None
) -> bool:
    power = 10 ** (levels.mean / 10)
    low = edges_hz()[1:] <= _ABOVE_HUM_HZ
    if power[low].sum() < _HUM_SHARE * power.sum():
        return False
    share = max(hum_share(samples, mains_hz) for mains_hz in MAINS_HZ)
    if share < _HUM_SHARE:
        return False
    if reference is None:
        return level_dbfs + 10 * math.log10(max(1.0 - share, 1e-12)) < _HUM_REST_DBFS
    # A motor may hum, too; but then what else it does is still heard.
    return bool(np.mean(levels.mean[~low] < reference.lowest[~low] - _HUM_QUIETER_DB) > 0.5)


def _is_cut(levels: BandLevels, reference: SensorReference) -> bool:
    missing = levels.mean < reference.lowest - _CUT_DB
    heard = np.flatnonzero(~missing)
    if len(heard) == 0:
        return False
    first = int(heard[-1]) + 1
    if len(missing) - first < _LEAST_CUT:
        return False
    # The band at the edge is half in, half out.
    kept = levels.mean[: max(1, first - 1)]
    above = kept > reference.highest[: len(kept)] + _KEPT_DB
    below = kept < reference.lowest[: len(kept)] - _KEPT_DB
    return bool(np.mean(above | below) < 0.1)


def _is_gated(levels: BandLevels, reference: SensorReference, gain: float) -> bool:
    louder = np.mean(levels.mean > reference.highest + _LOUDER_DB)
    flutters = levels.flutter_db > reference.flutter_db + _FLUTTER_DB
    return bool(flutters and louder <= _LOUDER_SHARE and gain <= _TAKEN_DB)
