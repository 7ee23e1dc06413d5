"""Straight pieces end where level or slope changes; noise alone is one piece."""

from __future__ import annotations

import numpy as np
import pytest

from anomaly.prognosis.index.series import Values
from anomaly.prognosis.trend.change_points import straight_pieces

RANDOM = np.random.default_rng(4)
TIMES = np.arange(120) * 3_600.0


def firsts(values: Values) -> list[int]:
    return [piece.first for piece in straight_pieces(TIMES[: len(values)], values, 1.0)]


def test_noise_is_one_piece() -> None:
    assert firsts(RANDOM.normal(size=120)) == [0]


def test_a_step_and_a_bend() -> None:
    values = RANDOM.normal(size=120)
    values[40:] += 8.0
    values[80:] += 0.5 * np.arange(40)
    first, step, bend = firsts(values)
    assert (first, step) == (0, 40)
    assert bend == pytest.approx(80, abs=6)


def test_slope_and_ends_of_a_piece() -> None:
    (piece,) = straight_pieces(TIMES, 2.0 + TIMES / 3_600.0, 1.0)
    assert (piece.first, piece.last) == (0, 119)
    assert (piece.begin, piece.end) == pytest.approx((2.0, 121.0))
    assert piece.slope_per_s == pytest.approx(1.0 / 3_600.0)
    assert piece.z == pytest.approx(np.sqrt((np.arange(120) - 59.5) @ (np.arange(120) - 59.5)))


@pytest.mark.parametrize("count", [1, 4, 9])
def test_few_values_are_one_piece(count: int) -> None:
    assert firsts(np.arange(float(count))) == [0]
