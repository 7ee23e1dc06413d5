"""The slope is not moved by a fifth of wild values, and its interval holds the truth as often as it says."""

from __future__ import annotations

import numpy as np
import pytest

from anomaly.prognosis.trend.theil_sen import theil_sen


def test_a_line_with_wild_values() -> None:
    times = np.arange(50.0)
    values = 2.0 * times + 1.0
    values[::5] += 1_000.0
    found = theil_sen(times, values)
    assert found.per_s == pytest.approx(2.0)
    assert found.level == pytest.approx(99.0)


def test_coverage_of_the_interval() -> None:
    random, times, held = np.random.default_rng(0), np.arange(40.0), 0
    for _ in range(300):
        found = theil_sen(times, 0.1 * times + random.normal(size=40))
        held += found.low_per_s <= 0.1 <= found.high_per_s
    assert held / 300 == pytest.approx(0.8, abs=0.07)


def test_long_series_are_thinned() -> None:
    times = np.arange(5_000.0)
    values = 3.0 * times + np.random.default_rng(0).normal(size=5_000)
    found = theil_sen(times, values)
    assert found.per_s == pytest.approx(3.0, abs=1e-3)
    assert found.low_per_s <= found.per_s <= found.high_per_s


def test_values_at_one_time_make_no_pair() -> None:
    assert theil_sen(np.array([0.0, 0.0, 1.0]), np.array([0.0, 2.0, 3.0])).per_s == 2.0
