"""The reference of the training sound keeps its values in a file, and invalid values are refused."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from anomaly.audio.sensor.band_levels import BANDS, band_levels
from anomaly.audio.sensor.reference import SensorReference, distances, fit_reference
from anomaly.errors import ModelError


@pytest.fixture(scope="module")
def values() -> dict[str, Any]:
    noise = (0.05 * np.random.default_rng(1).standard_normal(40 * 16_000)).astype(np.float32)
    found = fit_reference([noise[: 16_000 * 25], noise[16_000 * 25 :]])
    assert found is not None
    return found.to_dict()


def test_values_are_kept_in_a_file(values: dict[str, Any]) -> None:
    again = SensorReference.from_dict(json.loads(json.dumps(values)))
    assert again.to_dict() == values
    assert again.spectra.shape == (24, BANDS)
    assert (again.lowest <= again.highest).all()
    assert -30 < again.quietest_dbfs < -20
    assert len(json.dumps(values)) < 12_000


def test_without_a_whole_second_there_is_no_reference() -> None:
    assert fit_reference([np.zeros(15_999, np.float32)]) is None
    assert fit_reference([]) is None


def test_of_long_recordings_stretches_of_ten_seconds_are_used() -> None:
    second = np.random.default_rng(2).standard_normal(16_000).astype(np.float32) * np.float32(0.1)
    found = fit_reference([np.tile(second, 3_000)])
    assert found is not None
    assert found.distance_db < 1e-6
    # At most 1200 seconds: every third stretch, so 20 to 29 are not used, and 30 to 39 are.
    marked = np.tile(second, 3_000).reshape(3_000, -1)
    marked[20:30] *= 10
    marked[30] /= 10
    again = fit_reference([marked.ravel()])
    assert again is not None
    assert np.allclose(again.highest, found.highest)
    assert np.allclose(again.lowest, found.lowest - 20, atol=0.01)


def test_statistics_of_the_training_sound() -> None:
    gains_db = np.random.default_rng(4).uniform(-6, 6, 40)
    noise = np.random.default_rng(5).standard_normal((40, 16_000)) * 0.05
    seconds = (noise * 10 ** (gains_db[:, None] / 20)).astype(np.float32)
    found = fit_reference([seconds.ravel()])
    assert found is not None
    measured = [band_levels(second) for second in seconds]
    levels = np.array([one.mean for one in measured])
    raw, shape, gain = distances(levels, found.spectra)
    assert np.array_equal(found.lowest, levels.min(axis=0))
    assert np.array_equal(found.highest, levels.max(axis=0))
    assert found.distance_db == raw.max()
    assert found.shape_db == np.quantile(shape, 0.95)
    assert found.step_db == np.median(np.abs(np.diff(gain)))
    assert found.flutter_db == max(one.flutter_db for one in measured)
    assert found.quietest_dbfs == pytest.approx(20 * np.log10(min(second.std() for second in seconds)))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("spectra", []),
        ("spectra", [[1.0]]),
        ("spectra", "loud"),
        ("lowest", [0.0] * (BANDS - 1)),
        ("highest", [float("nan")] * BANDS),
        ("shape_db", None),
        ("shape_db", float("inf")),
    ],
)
def test_invalid_values_are_refused(values: dict[str, Any], key: str, value: object) -> None:
    with pytest.raises(ModelError, match=r"calibration\.json"):
        SensorReference.from_dict(values | {key: value})


@pytest.mark.parametrize("whole", [[], 3, "x", {}])
def test_other_types_are_refused(whole: object) -> None:
    with pytest.raises(ModelError):
        SensorReference.from_dict(whole)


def test_distance_and_gain() -> None:
    spectra = np.stack([np.zeros(BANDS), np.linspace(0, 31, BANDS)])
    raw, shape, gain = distances(np.stack([np.full(BANDS, 6.0), np.linspace(0, 31, BANDS) - 2]), spectra)
    assert raw == pytest.approx([6.0, 2.0])
    assert shape == pytest.approx([0.0, 0.0])
    assert gain == pytest.approx([6.0, -2.0])
