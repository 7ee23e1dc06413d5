"""A rise is what goes up at the end of an index; noise, falls and steps to another level are none."""

from __future__ import annotations

import numpy as np
import pytest

from anomaly.prognosis.index.series import Values
from anomaly.prognosis.trend.change_points import straight_pieces
from anomaly.prognosis.trend.noise import Noise
from anomaly.prognosis.trend.rise import Rise, find_rise

TIMES = np.arange(100) * 3_600.0
STEADY = np.random.default_rng(3).normal(size=100)


def rise_of(values: Values) -> Rise | None:
    return find_rise(TIMES, values, straight_pieces(TIMES, values, 1.0), Noise(1.0, 0.0))


def test_a_rise_after_steady_values() -> None:
    found = rise_of(STEADY + np.maximum(np.arange(100) - 50, 0) * 0.4)
    assert found is not None
    assert found.first == pytest.approx(50, abs=6)
    assert found.end == pytest.approx(19.6, abs=1.5)
    assert found.slope.per_s * 3_600.0 == pytest.approx(0.4, abs=0.05)
    assert found.duration_s == TIMES[-1] - TIMES[found.first]


def test_pieces_that_go_up_together_are_one_rise() -> None:
    found = rise_of(
        STEADY + np.where(np.arange(100) < 70, 0.15 * np.arange(100), 0.8 * np.arange(100) - 45.5)
    )
    assert found is not None
    assert found.first <= 10
    assert found.slope.per_s * 3_600.0 == pytest.approx(0.8, abs=0.1)


@pytest.mark.parametrize(
    "change",
    [
        np.zeros(100),
        -0.3 * np.arange(100),
        np.where(np.arange(100) < 60, 0.0, 12.0),
        np.where(np.arange(100) < 60, 0.4 * np.arange(100), 24.0 - 0.4 * (np.arange(100) - 60)),
    ],
    ids=["steady", "falling", "step", "risen and falling"],
)
def test_no_rise(change: Values) -> None:
    assert rise_of(STEADY + change) is None
