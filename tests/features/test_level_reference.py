"""A gain is measured against the training sound, and distinguished from a change of shape."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from anomaly.errors import ModelError
from anomaly.features.front_end import FrontEnd, frames_before, segment_levels
from anomaly.features.level_reference import LevelReference, fit_level_reference, mean_levels
from anomaly.features.mel import Samples

FRONT_END = FrontEnd()


def noise(seconds: int, seed: int, gain_db: float = 0.0) -> Samples:
    coloured = np.convolve(
        np.random.default_rng(seed).standard_normal(seconds * 16_000 + 31),
        np.exp(-np.arange(32) / 6),
        "valid",
    )
    sound: Samples = (0.01 * 10 ** (gain_db / 20) * coloured).astype(np.float32)
    return sound


def means(sound: Samples) -> Any:
    segments = segment_levels(sound, FRONT_END)
    seconds = [divmod(second, 10) for second in range(len(sound) // 16_000)]
    return np.array([mean_levels(segments[s, frames_before(k) : frames_before(k + 1)]) for s, k in seconds])


@pytest.fixture(scope="module")
def reference() -> LevelReference:
    return fit_level_reference([noise(10, seed) for seed in range(6)], FRONT_END)


@pytest.mark.parametrize("gain_db", [-5, -3, -1, 0, 1, 3, 5])
def test_the_gain_of_training_sound_is_measured(reference: LevelReference, gain_db: int) -> None:
    gain, has_shape = reference.gains(means(noise(10, 99, gain_db)))
    assert np.abs(gain - 100 * gain_db).max() <= 60
    assert has_shape.mean() >= 0.7


def test_a_louder_band_is_no_gain(reference: LevelReference) -> None:
    loud = means(noise(10, 99))
    loud[:, 4:12] += 300
    gain, has_shape = reference.gains(loud)
    assert not has_shape.any()
    assert np.abs(gain).max() < 100


def test_gains_of_training_are_the_machines_own() -> None:
    recordings = [noise(10, seed, gain_db) for seed, gain_db in enumerate((-2.0, -1.0, 0.0, 1.0, 2.0))]
    steady = fit_level_reference([noise(60, 7)], FRONT_END)
    assert np.abs(steady.gains(means(recordings[0]))[0]).max() > 150
    # A mean over more seconds scatters less.
    assert steady.own_gain_cb[9] < steady.own_gain_cb[0] < 60
    assert steady.largest_own_gain_cb(np.array([1, 10, 50])).tolist() == [
        steady.own_gain_cb[0],
        *[steady.own_gain_cb[9]] * 2,
    ]


def test_it_survives_json(reference: LevelReference) -> None:
    read = LevelReference.from_dict(json.loads(json.dumps(reference.to_dict())), 32)
    assert read.to_dict() == reference.to_dict()
    sound = means(noise(3, 5, 2.0))
    assert [x.tolist() for x in read.gains(sound)] == [x.tolist() for x in reference.gains(sound)]


@pytest.mark.parametrize(
    "change",
    [
        {"spectra": [[0.5] * 32]},
        {"spectra": []},
        {"spectra": [1, 2]},
        {"spectra": [[1, 2], [3]]},
        {"spectra": [[10**7] * 32]},
        {"spectra": [[100] * 31]},
        {"own_gain_cb": []},
        {"own_gain_cb": [5, -1]},
        {"own_gain_cb": [True]},
        {"shape_cb": 1.5},
        {"shape_cb": 10**9},
        {"shape_cb": None},
    ],
)
def test_what_makes_no_sense_is_refused(reference: LevelReference, change: dict[str, Any]) -> None:
    with pytest.raises(ModelError, match="level reference"):
        LevelReference.from_dict(reference.to_dict() | change, 32)


@pytest.mark.parametrize("values", [None, [], {"spectra": [[1] * 32]}])
def test_what_is_incomplete_is_refused(values: object) -> None:
    with pytest.raises(ModelError, match="unreadable level reference"):
        LevelReference.from_dict(values, 32)


def test_the_mean_is_rounded_down() -> None:
    levels = np.array([[[1, -1], [2, -2]]], dtype=np.int32)
    assert mean_levels(levels).tolist() == [[1, -2]]


@pytest.mark.parametrize("change_cb", [600, -400])
def test_the_change_of_each_band(reference: LevelReference, change_cb: int) -> None:
    """A band that is louder or quieter than in training shows by as much, and the others hardly at all."""
    sound = means(noise(10, 99))
    sound[:, 4:12] += change_cb
    changes = np.array([reference.changes(one) for one in sound])
    assert np.abs(changes[:, 4:12].mean() - change_cb) <= 60
    assert np.abs(changes[:, 14:].mean()) <= 60
