"""Noise and its memory are found beside trends, steps and outliers."""

from __future__ import annotations

import numpy as np
import pytest

from anomaly.prognosis.trend.noise import noise_of, without_outliers


def autoregression(
    correlation: float, count: int = 4_000
) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    random = np.random.default_rng(2)
    found = np.zeros(count)
    for at in range(1, count):
        found[at] = correlation * found[at - 1] + random.normal(0.0, np.sqrt(1 - correlation**2))
    return found


@pytest.mark.parametrize("correlation", [0.0, 0.3, 0.7])
def test_deviation_and_memory(correlation: float) -> None:
    values = autoregression(correlation) + np.linspace(0.0, 30.0, 4_000)
    values[2_000:] += 10.0
    values[::200] += 20.0
    found = noise_of(values)
    assert found.correlation == pytest.approx(correlation, abs=0.1)
    assert found.deviation == pytest.approx(1.0, abs=0.15)


def test_a_drift_counts_as_the_most_memory() -> None:
    assert noise_of(np.sin(np.arange(400) / 20)).correlation == 0.9


def test_a_constant_index_has_next_to_no_noise() -> None:
    assert 0.0 < noise_of(np.ones(20)).deviation < 1e-6


def test_single_outliers_are_replaced_and_steps_stay() -> None:
    values = np.concatenate([np.zeros(20), np.ones(20)])
    values[5] = 9.0
    cleaned = without_outliers(values, 0.1)
    assert cleaned[5] == 0.0
    assert np.delete(cleaned, 5).tolist() == np.delete(values, 5).tolist()
    assert without_outliers(np.array([0.0, 9.0]), 0.1).tolist() == [0.0, 9.0]
