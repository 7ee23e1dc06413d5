"""Level reference: typical spectra of the training sound, against which a changed gain of the microphone is measured.

A gain moves all bands by the same amount and leaves the shape of the spectrum as it was. A machine fault changes the
shape. So a second is compared with typical spectra after the median difference over the bands, its gain, was removed.
All arithmetic is in whole hundredths of a decibel, so that a gain has the same bits on every processor.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from anomaly.audio.sensor.reference import typical_spectra
from anomaly.errors import ModelError
from anomaly.features.front_end import FrontEnd, frames_before, segment_levels
from anomaly.features.mel import SAMPLE_RATE_HZ, Centibels, Samples

Integers = npt.NDArray[np.int64]

# Chosen on simulated valves and slide rails: knocks that lift all bands by two decibels are beyond this limit, and
# nearly all normal seconds are within.
_SHAPE_QUANTILE, _SHAPE_FACTOR = 0.95, 1.05
# Seconds next to each other are alike: they are told apart in stretches.
_STRETCH_S = 10
# Of two spectra of nearly one shape the one of the nearer level is taken: so much gain outweighs one unit of shape.
_GAIN_PER_SHAPE = 64
# The machine's own gains are averaged over as many seconds as they are in use, up to this number.
_MOST_AVERAGED_S = 10
_LARGEST_LEVEL_CB = 100_000


@dataclass(frozen=True, eq=False)
class LevelReference:
    """Typical spectra of the training sound, and how much its seconds differ from them.

    Args:
        spectra: mean levels of typical seconds, hundredths of a decibel, [n, bands].
        own_gain_cb: largest mean gain of the first k seconds of training sound after a reset, for k = 1, 2 and so on,
            hundredths of a decibel: smaller ones are the machine's own.
        shape_cb: largest shape distance, mean over the bands, of a second that may have a gain.
    """

    spectra: Integers
    own_gain_cb: tuple[int, ...]
    shape_cb: int

    def largest_own_gain_cb(self, seconds: Integers) -> Integers:
        """Return the largest own gain of a mean over so many seconds, at least one each."""
        own: Integers = np.array(self.own_gain_cb, dtype=np.int64)
        return np.asarray(own[np.minimum(seconds, len(own)) - 1])

    def gains(self, means: Integers) -> tuple[Integers, npt.NDArray[np.bool_]]:
        """Measure the gain of seconds against the typical spectrum of the most similar shape.

        Args:
            means: mean level per band of each second, [m, bands].

        Returns:
            The gain in hundredths of a decibel, and whether the shape is one of the training sound, [m] each.
        """
        gain, distance = _gains_and_distances(means, self.spectra)
        return gain, distance <= self.shape_cb * self.spectra.shape[1]

    def changes(self, mean: Integers) -> Integers:
        """Return how much louder each band of one second is than the typical spectrum of the most similar shape.

        Args:
            mean: mean level per band, [bands], hundredths of a decibel.
        """
        return np.asarray(mean - self.spectra[_nearest(mean[None], self.spectra)[0][0]])

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, for calibration.json."""
        return {
            "spectra": self.spectra.tolist(),
            "own_gain_cb": list(self.own_gain_cb),
            "shape_cb": self.shape_cb,
        }

    @classmethod
    def from_dict(cls, values: object, bands: int) -> LevelReference:
        """Read back what `to_dict` wrote, for a front end of so many bands.

        Raises:
            ModelError: a key is missing, or a value has another type, shape or size.
        """
        try:
            if not isinstance(values, dict):
                raise TypeError("not a mapping")
            spectra = np.array(values["spectra"])
            own_gain_cb, shape_cb = tuple(values["own_gain_cb"]), values["shape_cb"]
        except (KeyError, TypeError, ValueError) as error:
            raise ModelError(f"unreadable level reference: {error}", where="calibration.json") from error
        limits = (shape_cb, *own_gain_cb)
        whole = spectra.dtype == np.int64 and all(type(limit) is int for limit in limits)
        shaped = spectra.ndim == 2 and len(spectra) > 0 and spectra.shape[1] == bands
        if not whole or not shaped or np.abs(spectra).max() > _LARGEST_LEVEL_CB:
            raise ModelError(
                "the level reference is not in whole numbers, a level per band", where="calibration.json"
            )
        if not own_gain_cb or not all(0 <= limit <= _LARGEST_LEVEL_CB for limit in limits):
            raise ModelError("the level reference makes no sense", where="calibration.json")
        return cls(spectra, own_gain_cb, shape_cb)


def fit_level_reference(recordings: Sequence[Samples], front_end: FrontEnd) -> LevelReference:
    """Fit a reference to normal sound.

    Args:
        recordings: float32 [n] each, 16 kHz; at least one whole second in all.
        front_end: the settings.
    """
    segments = [segment for samples in recordings for segment in _segment_means(samples, front_end)]
    means = np.concatenate(segments)
    shape_cb = int(np.ceil(_SHAPE_FACTOR * _typical_distance_cb(means)))
    plain = LevelReference(_typical(means), (0,), shape_cb)
    own = np.zeros(min(front_end.reset_s, _MOST_AVERAGED_S), dtype=np.int64)
    for segment in segments:
        gain, has_shape = plain.gains(segment)
        counted, total = np.cumsum(has_shape), np.cumsum(np.where(has_shape, gain, 0))
        for mean_cb, seconds in zip(total // np.maximum(counted, 1), counted, strict=True):
            place = min(max(int(seconds), 1), len(own)) - 1
            own[place] = max(own[place], abs(int(mean_cb)))
    return replace(plain, own_gain_cb=tuple(own.tolist()))


def _typical(means: Integers) -> Integers:
    return np.rint(typical_spectra(means.astype(np.float64))).astype(np.int64)


def _typical_distance_cb(means: Integers) -> float:
    """Return a quantile of the distance from spectra of other seconds: from its own a second is too near."""
    fold = (np.arange(len(means)) // _STRETCH_S) % 2
    distances = [
        _gains_and_distances(means[fold == k], _typical(means[fold != k]))[1]
        for k in (0, 1)
        if (fold == k).any() and (fold != k).any()
    ] or [_gains_and_distances(means, _typical(means))[1]]
    return float(np.quantile(np.concatenate(distances), _SHAPE_QUANTILE) / means.shape[1])


def mean_levels(levels: Centibels) -> Integers:
    """Compute the mean level per band over frames, rounded down: [..., frames, bands] to [..., bands]."""
    return np.asarray(levels.sum(axis=-2, dtype=np.int64) // levels.shape[-2])


def _segment_means(samples: Samples, front_end: FrontEnd) -> list[Integers]:
    """Return the mean levels of the seconds of each segment, [seconds, bands] each."""
    seconds, found = len(samples) // SAMPLE_RATE_HZ, []
    for number, segment in enumerate(segment_levels(samples, front_end)):
        count = min(front_end.reset_s, seconds - number * front_end.reset_s)
        parts = [segment[frames_before(k) : frames_before(k + 1)] for k in range(count)]
        found.append(np.stack([mean_levels(part) for part in parts]))
    return found


def _gains_and_distances(means: Integers, spectra: Integers) -> tuple[Integers, Integers]:
    """Measure gain and shape distance, summed over the bands, to the spectrum of the most similar shape, [m] each."""
    return _nearest(means, spectra)[1:]


def _nearest(means: Integers, spectra: Integers) -> tuple[Integers, Integers, Integers]:
    """Find the spectrum of the most similar shape; return its number, the gain and the shape distance, [m] each."""
    difference = means[:, None, :] - spectra[None, :, :]
    middle = (difference.shape[2] - 1) // 2, difference.shape[2] // 2
    inner = np.partition(difference, middle, axis=2)
    gain = (inner[..., middle[0]] + inner[..., middle[1]]) // 2
    distance = np.abs(difference - gain[:, :, None]).sum(axis=2)
    bands = means.shape[1]
    nearest = (_GAIN_PER_SHAPE * distance + bands * np.abs(gain)).argmin(axis=1)
    rows = np.arange(len(means))
    return nearest, gain[rows, nearest], distance[rows, nearest]
