from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anomaly.student.residuals import Residual, pursue
from anomaly.student.rounding import choose_scale, round_residual

Gram = npt.NDArray[np.float64]


def problem(seed: int, taps: int = 30, terms: int = 20) -> tuple[Gram, Residual]:
    """Taps that resemble each other, and the prediction of the first from twenty others."""
    random = np.random.default_rng(seed)
    values = random.standard_normal((2000, taps)) + 2 * random.standard_normal(
        (2000, 3)
    ) @ random.standard_normal((3, taps))
    gram: Gram = values.T @ values / len(values)
    return gram, Residual(0, 0, *pursue(gram, 0, list(range(1, taps)), terms))


def error(row: npt.NDArray[np.int32], gram: Gram, scale: int) -> float:
    """Variance of what the prediction leaves, in units of the band."""
    weights = row.astype(float) / scale
    return float(weights @ gram @ weights)


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 1000), scale=st.integers(1, 31), most=st.integers(1, 31))
def test_rows_are_integers_within_limits(seed: int, scale: int, most: int) -> None:
    gram, residual = problem(seed % 5)
    row = round_residual(residual, gram, min(scale, most), most)
    assert row.dtype == np.int32
    assert row[0] == min(scale, most)
    assert np.abs(row).max() <= most
    assert set(np.flatnonzero(row)) <= {0, *residual.sources}


@pytest.mark.parametrize("scale", [2, 4, 8])
def test_compensation_beats_plain_rounding(scale: int) -> None:
    """On the whole: each single weight is chosen greedily, and now and then plain rounding is lucky."""
    ratios = []
    for seed in range(20):
        gram, residual = problem(seed)
        plain = np.zeros(len(gram), np.int32)
        plain[0] = scale
        plain[list(residual.sources)] = -np.rint(scale * residual.weights).astype(np.int32)
        ratios.append(
            error(round_residual(residual, gram, scale, 31), gram, scale) / error(plain, gram, scale)
        )
    assert np.exp(np.mean(np.log(ratios))) < 0.9
    assert np.mean(np.array(ratios) <= 1) > 0.6


@pytest.mark.parametrize("seed", range(5))
def test_fine_scales_lose_next_to_nothing(seed: int) -> None:
    gram, residual = problem(seed)
    exact = np.zeros(len(gram))
    exact[0], exact[list(residual.sources)] = 1.0, -residual.weights
    rounded = error(round_residual(residual, gram, 31, 31), gram, 31)
    assert rounded < 1.1 * float(exact @ gram @ exact)


def test_without_sources_there_is_the_band_alone() -> None:
    gram, _ = problem(0)
    row = round_residual(Residual(0, 4, (), np.zeros(0)), gram, 9, 31)
    assert np.flatnonzero(row).tolist() == [4]


def residual_with(*weights: float) -> Residual:
    return Residual(0, 0, tuple(range(1, len(weights) + 1)), np.array(weights))


@pytest.mark.parametrize(
    ("weights", "deviation", "expected"),
    [
        ((0.5, -0.3), 0.01, 31),  # the band itself is the largest weight
        ((2.0, -0.3), 0.01, 15),  # a source is twice as large
        ((0.5,), 8.0, 7),  # four deviations of 8 must stay below 255
        ((0.5,), 1000.0, 1),  # nothing fits, 1 is the least
        ((100.0,), 0.01, 1),
        ((), 0.0, 31),
    ],
)
def test_the_finest_scale_that_fits(weights: tuple[float, ...], deviation: float, expected: int) -> None:
    assert choose_scale(residual_with(*weights), deviation, (31, 255)) == expected
