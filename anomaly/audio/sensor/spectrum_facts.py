"""Facts that the spectrum of a second tells of the microphone, for one second or for many at once."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from anomaly.audio import SAMPLE_RATE_HZ
from anomaly.audio.channels import Samples
from anomaly.audio.sensor.band_levels import Decibels, edges_hz, hum_share, many_band_levels
from anomaly.audio.sensor.health import Health, many_healths
from anomaly.audio.sensor.reference import SensorReference, distances

MAINS_HZ = (50, 60)
# hum: share of the power in harmonics of the mains, and the level of the rest: fixed without a reference, else below
# the lowest of training in the bands above the harmonics.
_MIN_HUM_SHARE, _MAX_HUM_REST_DBFS, _HUM_REST_DB, _ABOVE_HUM_HZ = 0.95, -65.0, 10.0, 2_000
# band-limit: least number of upper bands that are so far below the lowest of training; the others stay within limits.
_MIN_CUT_BANDS, _CUT_DB, _KEPT_DB, _MAX_CHANGED_SHARE = 4, 15.0, 6.0, 0.1
# processed (noise suppression): single bands drop out within a second, no band is louder, and power is missing.
_FLUTTER_DB, _LOUDER_DB, _MAX_LOUDER_SHARE, _MAX_GATED_GAIN_DB = 1.2, 3.0, 0.05, -0.5


@dataclass(frozen=True)
class SpectrumFacts:
    """Facts of one second.

    Args:
        is_hum: nothing but the harmonics of the mains.
        is_cut: the upper bands are missing, and the others are those of training.
        is_gated: single bands drop out, as with noise suppression.
        distance_db: from the nearest spectrum of training.
        shape_db: the same after the difference in level was removed.
        gain_db: that difference.
    """

    is_hum: bool
    is_cut: bool = False
    is_gated: bool = False
    distance_db: float = 0.0
    shape_db: float = 0.0
    gain_db: float = 0.0


def spectrum_facts(samples: Samples, level_dbfs: float, reference: SensorReference | None) -> SpectrumFacts:
    """Return the facts of one second, float32 [16000]."""
    means, flutter_db = many_band_levels(samples)
    return next(_facts(samples[None], np.array([level_dbfs]), means, flutter_db, reference))


def seconds_facts(
    samples: Samples, reference: SensorReference | None
) -> Iterator[tuple[Health, SpectrumFacts]]:
    """Yield the health by itself and the facts of each second, float32 [n * 16000]."""
    healths = many_healths(samples)
    means, flutter_db = many_band_levels(samples)
    level_dbfs = np.array([health.level_dbfs for health in healths])
    seconds = samples.reshape(-1, SAMPLE_RATE_HZ)
    return zip(healths, _facts(seconds, level_dbfs, means, flutter_db, reference), strict=True)


def _facts(
    seconds: Samples,
    level_dbfs: Decibels,
    means: Decibels,
    flutter_db: Decibels,
    reference: SensorReference | None,
) -> Iterator[SpectrumFacts]:
    """Yield the facts of seconds [n, 16000] with their band levels [n, BANDS]."""
    power = 10 ** (means / 10)
    low = int(np.count_nonzero(edges_hz()[1:] <= _ABOVE_HUM_HZ))
    few_high: npt.NDArray[np.bool_] = power[:, :low].sum(axis=1) >= _MIN_HUM_SHARE * power.sum(axis=1)
    if reference is None:
        for k in range(len(seconds)):
            hum = bool(few_high[k]) and _is_hum(seconds[k], level_dbfs[k], means[k], None)
            yield SpectrumFacts(hum)
        return
    raw, shape, gain = (values.tolist() for values in distances(means, reference.spectra))
    upper = means[:, -_MIN_CUT_BANDS:] < reference.lowest[-_MIN_CUT_BANDS:] - _CUT_DB
    may_be_cut = [all(missing) for missing in upper.tolist()]
    gated = _are_gated(means, flutter_db, np.array(gain), reference).tolist()
    for k in range(len(seconds)):
        hum = bool(few_high[k]) and _is_hum(seconds[k], level_dbfs[k], means[k], reference)
        cut = may_be_cut[k] and _is_cut(means[k], reference)
        yield SpectrumFacts(hum, cut, gated[k], raw[k], shape[k], gain[k])


def _is_hum(samples: Samples, level_dbfs: float, means: Decibels, reference: SensorReference | None) -> bool:
    share = max(hum_share(samples, mains_hz) for mains_hz in MAINS_HZ)
    if share < _MIN_HUM_SHARE:
        return False
    if reference is None:
        return bool(level_dbfs + 10 * math.log10(max(1.0 - share, 1e-12)) < _MAX_HUM_REST_DBFS)
    # A motor hums, too, but its other sound stays.
    high = edges_hz()[1:] > _ABOVE_HUM_HZ
    return bool(np.mean(means[high] < reference.lowest[high] - _HUM_REST_DB) > 0.5)


def _is_cut(means: Decibels, reference: SensorReference) -> bool:
    missing = means < reference.lowest - _CUT_DB
    present = np.flatnonzero(~missing)
    if len(present) == 0:
        return False
    first_missing = int(present[-1]) + 1
    if len(missing) - first_missing < _MIN_CUT_BANDS:
        return False
    # Without the band at the edge, which is cut in part.
    kept = means[: max(1, first_missing - 1)]
    above = kept > reference.highest[: len(kept)] + _KEPT_DB
    below = kept < reference.lowest[: len(kept)] - _KEPT_DB
    return bool(np.mean(above | below) < _MAX_CHANGED_SHARE)


def _are_gated(
    means: Decibels, flutter_db: Decibels, gain_db: Decibels, reference: SensorReference
) -> npt.NDArray[np.bool_]:
    louder = np.mean(means > reference.highest + _LOUDER_DB, axis=1)
    flutters = flutter_db > reference.flutter_db + _FLUTTER_DB
    gated: npt.NDArray[np.bool_] = flutters & (louder <= _MAX_LOUDER_SHARE) & (gain_db <= _MAX_GATED_GAIN_DB)
    return gated
