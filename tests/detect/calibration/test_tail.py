"""The tail: exponential unless the data say otherwise, never shorter, and monotone."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from anomaly.detect.calibration.tail import Tail, fit_tail, tail_probability


def test_a_tail_that_is_exponential_is_continued_where_data_end() -> None:
    held_out = np.sort(np.random.default_rng(3).exponential(1.0, 600))
    tail = fit_tail(held_out)
    for score in (4.0, 7.0, 12.0):
        assert math.log(tail_probability(score, held_out, tail)) == pytest.approx(-score, rel=0.25)


def test_a_tail_has_a_width() -> None:
    assert fit_tail(np.zeros(20)) == Tail(0.0, 0.05)
    assert fit_tail(np.array([1.0])) == Tail(1.0, 0.05)


@pytest.mark.parametrize("shape", [0.1, 0.3])
def test_a_heavy_tail_is_found_where_there_is_sound_enough(shape: float) -> None:
    held_out = np.sort(stats.genpareto(shape).rvs(20_000, random_state=np.random.default_rng(4)))
    tail = fit_tail(held_out)
    assert tail.kind == "generalised-pareto"
    assert tail.shape == pytest.approx(shape, abs=0.08)
    score = float(stats.genpareto(shape).isf(1e-6))
    assert tail_probability(score, held_out, tail) == pytest.approx(1e-6, rel=0.9)


def test_a_survival_function_is_that_of_scipy() -> None:
    for shape in (0.0, 0.2, 0.5):
        tail, law = Tail(0.0, 1.7, shape), stats.genpareto(shape, scale=1.7)
        for excess in (0.0, 0.3, 2.0, 40.0):
            assert tail.survival(excess) == pytest.approx(law.sf(excess), rel=1e-9)


@pytest.mark.parametrize(
    ("what", "draw"),
    [
        ("few seconds", lambda random: random.standard_t(3, 300)),
        ("a bounded score", lambda random: random.uniform(0, 1, 3000)),
        (
            "two heaps",
            lambda random: np.concatenate([random.normal(0, 1, 2700), random.normal(40, 0.1, 300)]),
        ),
    ],
)
def test_it_stays_exponential_where_the_data_do_not_support_more(what: str, draw: object) -> None:
    assert callable(draw), what
    tail = fit_tail(np.sort(draw(np.random.default_rng(5))))
    assert (tail.kind, tail.shape) == ("exponential", 0.0)


def test_no_tail_ends() -> None:
    """A law with an end would call the first score beyond it impossible."""
    held_out = np.sort(np.random.default_rng(6).uniform(0, 1, 5000))
    tail = fit_tail(held_out)
    assert tail_probability(1.05, held_out, tail) > 0.001
    assert tail_probability(1e9, held_out, tail) == 1e-12
