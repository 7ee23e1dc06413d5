"""What a microphone heard while a model was trained, so that a change of the microphone can be told later.

A few typical spectra are kept. A second that is like one of them is heard as it was in training; one that is like
one of them but for its loudness was amplified differently; a machine that fails changes the shape instead.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from anomaly.audio import SAMPLE_RATE_HZ
from anomaly.audio.channels import Samples
from anomaly.audio.sensor.band_levels import BANDS, Decibels, band_levels, middle
from anomaly.errors import ModelError

_TYPICAL = 24
_ROUNDS = 8
# An hour is thinned out: the typical spectra do not change any more.
_MOST_SECONDS, _STRETCH = 1200, 10


@dataclass(frozen=True, eq=False)
class SensorReference:
    """Training sound, as the microphone's health is judged by it.

    Args:
        spectra: typical levels per band, dB, [n, BANDS].
        lowest: lowest level per band of any second, [BANDS].
        highest: highest level per band of any second, [BANDS].
        distance_db: how far, on average over the bands, training seconds lie from the nearest spectrum at most.
        shape_db: the same when loudness does not count; 95 % of them.
        step_db: how much the loudness changes from one second to the next, the median.
        flutter_db: how much single bands flutter within a second at most.
        quietest_dbfs: level of the quietest second.
    """

    spectra: Decibels
    lowest: Decibels
    highest: Decibels
    distance_db: float
    shape_db: float
    step_db: float
    flutter_db: float
    quietest_dbfs: float

    def to_dict(self) -> dict[str, Any]:
        """For calibration.json."""
        arrays = {name: np.round(getattr(self, name), 2).tolist() for name in _ARRAYS}
        return {**arrays, **{name: round(float(getattr(self, name)), 3) for name in _NUMBERS}}

    @classmethod
    def from_dict(cls, values: object) -> SensorReference:
        """Read back what ``to_dict`` wrote.

        Raises:
            ModelError: a key is missing or a value makes no sense.
        """
        try:
            if not isinstance(values, dict):
                raise TypeError("not a mapping")
            arrays = {name: np.array(values[name], dtype=np.float64) for name in _ARRAYS}
            numbers = {name: float(values[name]) for name in _NUMBERS}
        except (KeyError, TypeError, ValueError) as error:
            raise ModelError(f"unreadable sensor reference: {error}", where="calibration.json") from error
        spectra = arrays["spectra"]
        right = spectra.ndim == 2 and len(spectra) > 0 and spectra.shape[1] == BANDS
        right = right and all(arrays[name].shape == (BANDS,) for name in _ARRAYS[1:])
        parts = [*(array.ravel() for array in arrays.values()), np.array([*numbers.values()])]
        if not right or not np.isfinite(np.concatenate(parts)).all():
            raise ModelError(
                "the sensor reference is not finite or has other bands", where="calibration.json"
            )
        lowest, highest = arrays["lowest"], arrays["highest"]
        return cls(spectra, lowest, highest, *(numbers[name] for name in _NUMBERS))


_ARRAYS = ("spectra", "lowest", "highest")
_NUMBERS = ("distance_db", "shape_db", "step_db", "flutter_db", "quietest_dbfs")


def fit_reference(recordings: Iterable[Samples]) -> SensorReference | None:
    """Learn from normal sound; None where there is no whole second.

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
    # In stretches, so that neighbours stay neighbours.
    seconds = [second for index, second in enumerate(seconds) if _is_kept(index, len(seconds))]
    judged = [band_levels(second) for second in seconds]
    levels = np.array([one.mean for one in judged])
    spectra = _typical(levels)
    raw, shape, gain = distances(levels, spectra)
    return SensorReference(
        spectra,
        levels.min(axis=0),
        levels.max(axis=0),
        float(raw.max()),
        float(np.quantile(shape, 0.95)),
        float(np.median(np.abs(np.diff(gain)))) if len(gain) > 1 else 0.0,
        max(one.flutter_db for one in judged),
        float(min(20 * np.log10(max(float(second.std()), 1e-10)) for second in seconds)),
    )


def _is_kept(index: int, count: int) -> bool:
    return (index // _STRETCH) % -(-count // _MOST_SECONDS) == 0


def distances(levels: Decibels, spectra: Decibels) -> tuple[Decibels, Decibels, Decibels]:
    """How far seconds [m, BANDS] lie from the nearest of some spectra [n, BANDS].

    Returns:
        Mean absolute difference in dB from the nearest, the same after the loudness (the median difference)
        was taken off, and that loudness, [m] each.
    """
    difference = levels[:, None, :] - spectra[None, :, :]
    raw = np.abs(difference).mean(axis=2).min(axis=1)
    gain = middle(difference)
    shape = np.abs(difference - gain[:, :, None]).mean(axis=2)
    nearest = shape.argmin(axis=1)
    rows = np.arange(len(levels))
    return raw, shape[rows, nearest], gain[rows, nearest]


def _typical(levels: Decibels) -> Decibels:
    """Centres of the seconds by k-means, begun with those that lie farthest from each other."""
    chosen = [0]
    nearest = np.abs(levels - levels[0]).mean(axis=1)
    while len(chosen) < min(_TYPICAL, len(levels)) and nearest.max() > 0:
        chosen.append(int(nearest.argmax()))
        nearest = np.minimum(nearest, np.abs(levels - levels[chosen[-1]]).mean(axis=1))
    centres: Decibels = levels[chosen].copy()
    for _ in range(_ROUNDS):
        gap = np.abs(levels[:, None, :] - centres[None]).mean(axis=2)
        owner: npt.NDArray[np.int64] = gap.argmin(axis=1)
        for index in range(len(centres)):
            if (owner == index).any():
                centres[index] = levels[owner == index].mean(axis=0)
    return centres
