"""Sparse integer approximation: few taps, weights within limits, compensated rounding."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from anomaly.student.closed_form.integer_weights import choose_taps, quantise

Floats = npt.NDArray[np.float64]


def problem(seed: int, taps: int = 30) -> tuple[Floats, Floats]:
    """Return moments of correlated taps, and a filter over them whose output has a variance of one."""
    random = np.random.default_rng(seed)
    shared = 2 * random.standard_normal((2000, 3)) @ random.standard_normal((3, taps))
    values = random.standard_normal((2000, taps)) + shared
    gram = values.T @ values / len(values)
    target = random.standard_normal(taps) * random.random(taps) ** 3
    return gram, target / np.sqrt(target @ gram @ target)


def missed(target: Floats, gram: Floats, weights: Floats) -> float:
    """Return the share of the output's variance that weights miss, at their best scale."""
    scale = (weights @ gram @ target) / (weights @ gram @ weights)
    difference = scale * weights - target
    return float(difference @ gram @ difference)


@pytest.mark.parametrize("seed", range(5))
def test_more_taps_approximate_better(seed: int) -> None:
    gram, target = problem(seed)
    errors = []
    for terms in (3, 8, 20, 30):
        taps = choose_taps(target, gram, np.ones(30), terms, 0.0)
        assert len(taps) == len(set(taps)) <= terms
        errors.append(quantise(target, gram, taps, 500)[1])
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 1e-3


def test_a_tap_must_explain_more_than_its_cost() -> None:
    gram, target = problem(0)
    all_taps = choose_taps(target, gram, np.ones(30), 30, 1e-6)
    assert len(choose_taps(target, gram, np.ones(30), 30, 1e-2)) < len(all_taps)
    costs = np.ones(30)
    costs[all_taps[1:6]] = 1e9
    assert not set(choose_taps(target, gram, costs, 30, 1e-6)) & set(all_taps[1:6])


def test_a_forbidden_tap_is_not_used() -> None:
    gram, target = problem(1)
    costs = np.ones(30)
    costs[::2] = np.inf
    assert all(tap % 2 for tap in choose_taps(target, gram, costs, 12, 0.0))


@pytest.mark.parametrize("weight_max", [3, 7, 31])
def test_weights_are_integers_within_limits(weight_max: int) -> None:
    gram, target = problem(2)
    taps = choose_taps(target, gram, np.ones(30), 12, 0.0)
    weights, error = quantise(target, gram, taps, weight_max)
    assert weights.dtype == np.int32
    assert 0 < np.abs(weights).max() <= weight_max
    assert set(np.flatnonzero(weights)) <= set(taps)
    assert error == pytest.approx(missed(target, gram, weights.astype(float)), abs=0.05)


@pytest.mark.parametrize("weight_max", [4, 7, 15])
def test_compensation_beats_plain_rounding(weight_max: int) -> None:
    """On average: weights are rounded greedily, and plain rounding is better now and then."""
    ratios = []
    for seed in range(20):
        gram, target = problem(seed)
        taps = choose_taps(target, gram, np.ones(30), 20, 0.0)
        exact = np.zeros(30)
        exact[taps] = np.linalg.solve(gram[np.ix_(taps, taps)], (gram @ target)[taps])
        plain = np.rint(exact * weight_max / np.abs(exact).max())
        ours = quantise(target, gram, taps, weight_max)[0].astype(float)
        ratios.append(missed(target, gram, ours) / missed(target, gram, plain))
    assert np.exp(np.mean(np.log(ratios))) < 0.9
    assert np.mean(np.array(ratios) <= 1) > 0.6
