"""Reference of the training sound, against which `anomaly.audio.sensor.sensor_check` finds changes of the microphone.

It holds a few typical spectra. A second close to one of them comes from the same microphone; one that is close but for
its level was amplified differently; a machine fault changes the shape instead.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from anomaly.audio import SAMPLE_RATE_HZ
from anomaly.audio.channels import Samples
from anomaly.audio.compiled import compiled_kernels
from anomaly.audio.sensor.band_levels import BANDS, Decibels, band_levels, median_over_bands
from anomaly.errors import ModelError

# Number of typical spectra: with 32 numbers each they stay below 12 kB of JSON.
_SPECTRA = 24
_KMEANS_ROUNDS = 8
# From so many seconds on compiled code is worth its call.
_COMPILED_SECONDS = 2
# Of longer sound, stretches of ten seconds are used at equal distances, which changes the typical spectra little.
_MAX_SECONDS, _STRETCH_S = 1200, 10
# A value that 95 % of the training seconds stay below.
_SHAPE_QUANTILE = 0.95


@dataclass(frozen=True, eq=False)
class SensorReference:
    """Statistics of the training sound for sensor checks.

    Args:
        spectra: typical levels per band, dB, [n, BANDS].
        lowest: lowest level per band of any second, [BANDS].
        highest: highest level per band of any second, [BANDS].
        distance_db: largest distance of a training second from the nearest spectrum, mean over the bands.
        shape_db: the same without the difference in level, 95 % quantile.
        step_db: median change of the level from one second to the next.
        flutter_db: largest flutter of a second, see `BandLevels`.
        quietest_dbfs: level of the quietest second.
        own_gain_db: largest gain of a training second against the spectrum of the most similar shape, among seconds of
            a typical shape; None in older bundles.
    """

    spectra: Decibels
    lowest: Decibels
    highest: Decibels
    distance_db: float
    shape_db: float
    step_db: float
    flutter_db: float
    quietest_dbfs: float
    own_gain_db: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the values for calibration.json, rounded to 0.01 dB and less."""
        arrays = {name: np.round(getattr(self, name), 2).tolist() for name in _ARRAYS}
        numbers = {name: round(float(getattr(self, name)), 3) for name in _NUMBERS}
        own = {} if self.own_gain_db is None else {"own_gain_db": round(self.own_gain_db, 3)}
        return {**arrays, **numbers, **own}

    @classmethod
    def from_dict(cls, values: object) -> SensorReference:
        """Read the values of ``to_dict``.

        Raises:
            ModelError: a key is missing, or a value has another type, shape or is not finite.
        """
        try:
            if not isinstance(values, dict):
                raise TypeError("not a mapping")
            arrays = {name: np.array(values[name], dtype=np.float64) for name in _ARRAYS}
            numbers = {name: float(values[name]) for name in _NUMBERS}
            if values.get("own_gain_db") is not None:
                numbers["own_gain_db"] = float(values["own_gain_db"])
        except (KeyError, TypeError, ValueError) as error:
            raise ModelError(f"unreadable sensor reference: {error}", where="calibration.json") from error
        spectra = arrays["spectra"]
        fits = spectra.ndim == 2 and len(spectra) > 0 and spectra.shape[1] == BANDS
        fits = fits and all(arrays[name].shape == (BANDS,) for name in _ARRAYS[1:])
        values_of_all = [*(array.ravel() for array in arrays.values()), np.array([*numbers.values()])]
        if not fits or not np.isfinite(np.concatenate(values_of_all)).all():
            raise ModelError(
                "the sensor reference is not finite or has other bands", where="calibration.json"
            )
        lowest, highest = arrays["lowest"], arrays["highest"]
        return cls(spectra, lowest, highest, **numbers)


_ARRAYS = ("spectra", "lowest", "highest")
_NUMBERS = ("distance_db", "shape_db", "step_db", "flutter_db", "quietest_dbfs")


def fit_reference(recordings: Iterable[Samples]) -> SensorReference | None:
    """Fit a reference to normal sound; None where there is no whole second.

    Args:
        recordings: float32 [n] each, 16 kHz.
    """
    seconds = [
        sound[start : start + SAMPLE_RATE_HZ]
        for sound in recordings
        for start in range(0, len(sound) - SAMPLE_RATE_HZ + 1, SAMPLE_RATE_HZ)
    ]
    if not seconds:
        return None
    # In stretches, so that the change from one second to the next can be measured.
    seconds = [second for index, second in enumerate(seconds) if _is_used(index, len(seconds))]
    measured = [band_levels(second) for second in seconds]
    levels = np.array([one.mean for one in measured])
    spectra = typical_spectra(levels)
    raw, shape, gain = distances(levels, spectra)
    typical = float(np.quantile(shape, _SHAPE_QUANTILE))
    return SensorReference(
        spectra,
        levels.min(axis=0),
        levels.max(axis=0),
        float(raw.max()),
        typical,
        float(np.median(np.abs(np.diff(gain)))) if len(gain) > 1 else 0.0,
        max(one.flutter_db for one in measured),
        float(min(20 * np.log10(max(float(second.std()), 1e-10)) for second in seconds)),
        float(np.abs(gain[shape <= typical]).max()),
    )


def _is_used(index: int, count: int) -> bool:
    return (index // _STRETCH_S) % -(-count // _MAX_SECONDS) == 0


def distances(levels: Decibels, spectra: Decibels) -> tuple[Decibels, Decibels, Decibels]:
    """Measure the distances of seconds from the nearest of some spectra.

    Args:
        levels: of the seconds, [m, BANDS].
        spectra: [n, BANDS].

    Returns:
        The distance from the nearest spectrum (mean absolute difference over the bands, dB), the distance after the
        gain was removed, and that gain (the median difference over the bands, dB), [m] each.
    """
    if len(levels) >= _COMPILED_SECONDS and compiled_kernels.are_loaded():
        return compiled_kernels.distances(levels, spectra)
    difference = levels[:, None, :] - spectra[None, :, :]
    raw = np.abs(difference).mean(axis=2).min(axis=1)
    gain = median_over_bands(difference)
    shape = np.abs(difference - gain[:, :, None]).mean(axis=2)
    nearest = shape.argmin(axis=1)
    rows = np.arange(len(levels))
    return raw, shape[rows, nearest], gain[rows, nearest]


def typical_spectra(levels: Decibels) -> Decibels:
    """Cluster the seconds by k-means; the first centres are those farthest from each other (Gonzalez, 1985)."""
    chosen = [0]
    nearest = np.abs(levels - levels[0]).mean(axis=1)
    while len(chosen) < min(_SPECTRA, len(levels)) and nearest.max() > 0:
        chosen.append(int(nearest.argmax()))
        nearest = np.minimum(nearest, np.abs(levels - levels[chosen[-1]]).mean(axis=1))
    centres: Decibels = levels[chosen].copy()
    for _ in range(_KMEANS_ROUNDS):
        distance = np.abs(levels[:, None, :] - centres[None]).mean(axis=2)
        cluster: npt.NDArray[np.int64] = distance.argmin(axis=1)
        for index in range(len(centres)):
            if (cluster == index).any():
                centres[index] = levels[cluster == index].mean(axis=0)
    return centres
