from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from anomaly.student.closed_form.integer_weights import choose_taps, quantise

Floats = npt.NDArray[np.float64]


def problem(seed: int, taps: int = 30) -> tuple[Floats, Floats]:
    """Taps that resemble each other, and a row over them whose output has a variance of one."""
    random = np.random.default_rng(seed)
    shared = 2 * random.standard_normal((2000, 3)) @ random.standard_normal((3, taps))
    values = random.standard_normal((2000, taps)) + shared
    gram = values.T @ values / len(values)
    row = random.standard_normal(taps) * random.random(taps) ** 3
    return gram, row / np.sqrt(row @ gram @ row)


def missed(row: Floats, gram: Floats, weights: Floats) -> float:
    """Share of the output's variance that other weights miss, at their best scale."""
    scale = (weights @ gram @ row) / (weights @ gram @ weights)
    difference = scale * weights - row
    return float(difference @ gram @ difference)


@pytest.mark.parametrize("seed", range(5))
def test_few_taps_come_near_and_more_come_nearer(seed: int) -> None:
    gram, row = problem(seed)
    errors = []
    for terms in (3, 8, 20, 30):
        taps = choose_taps(row, gram, np.ones(30), terms, 0.0)
        assert len(taps) == len(set(taps)) <= terms
        errors.append(quantise(row, gram, taps, 500)[1])
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 1e-3


def test_a_tap_must_be_worth_its_wire() -> None:
    gram, row = problem(0)
    all_of_them = choose_taps(row, gram, np.ones(30), 30, 1e-6)
    assert len(choose_taps(row, gram, np.ones(30), 30, 1e-2)) < len(all_of_them)
    dear = np.ones(30)
    dear[all_of_them[1:6]] = 1e9
    assert not set(choose_taps(row, gram, dear, 30, 1e-6)) & set(all_of_them[1:6])


def test_a_tap_that_is_not_on_offer_is_not_taken() -> None:
    gram, row = problem(1)
    costs = np.ones(30)
    costs[::2] = np.inf
    assert all(tap % 2 for tap in choose_taps(row, gram, costs, 12, 0.0))


@pytest.mark.parametrize("weight_max", [3, 7, 31])
def test_rows_are_integers_within_limits(weight_max: int) -> None:
    gram, row = problem(2)
    taps = choose_taps(row, gram, np.ones(30), 12, 0.0)
    weights, error = quantise(row, gram, taps, weight_max)
    assert weights.dtype == np.int32
    assert 0 < np.abs(weights).max() <= weight_max
    assert set(np.flatnonzero(weights)) <= set(taps)
    assert error == pytest.approx(missed(row, gram, weights.astype(float)), abs=0.05)


@pytest.mark.parametrize("weight_max", [4, 7, 15])
def test_compensation_beats_plain_rounding(weight_max: int) -> None:
    """On the whole: each single weight is chosen greedily, and now and then plain rounding is lucky."""
    ratios = []
    for seed in range(20):
        gram, row = problem(seed)
        taps = choose_taps(row, gram, np.ones(30), 20, 0.0)
        exact = np.zeros(30)
        exact[taps] = np.linalg.solve(gram[np.ix_(taps, taps)], (gram @ row)[taps])
        plain = np.rint(exact * weight_max / np.abs(exact).max())
        ours = quantise(row, gram, taps, weight_max)[0].astype(float)
        ratios.append(missed(row, gram, ours) / missed(row, gram, plain))
    assert np.exp(np.mean(np.log(ratios))) < 0.9
    assert np.mean(np.array(ratios) <= 1) > 0.6
