"""The tail: exponential unless the data support a heavier one that fits, and never with an end."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from anomaly.detect.calibration import tail as module
from anomaly.detect.calibration.tail import Tail, Values, fit_tail, tail_probability


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


def pareto(shape: float, count: int, seed: int) -> Values:
    """Sorted draws from a generalised Pareto distribution of scale 1."""
    uniform = np.random.default_rng(seed).random(count)
    return np.asarray(np.sort(((1.0 - uniform) ** -shape - 1.0) / shape))


def with_excesses(excesses: Values) -> Values:
    """Sorted scores whose tail starts at 1 and holds exactly these excesses: a tenth of all scores."""
    body = np.linspace(0.0, 1.0, 9 * len(excesses) + 1)
    return np.concatenate([body[:-1], [1.0], 1.0 + np.sort(excesses)])


def exact(shape: float, count: int) -> Values:
    """Quantiles of a generalised Pareto distribution at the middle of equal steps: the best fit there can be."""
    return np.asarray(((1.0 - (np.arange(1, count + 1) - 0.5) / count) ** -shape - 1.0) / shape)


def test_up_to_its_start_the_probability_is_the_conformal_rank() -> None:
    scores, tail = np.array([1.0, 2.0, 2.0, 3.0, 5.0]), Tail(3.0, 0.5)
    expected = {0.5: 6 / 6, 1.0: 6 / 6, 1.5: 5 / 6, 2.0: 5 / 6, 2.5: 3 / 6, 3.0: 3 / 6}
    for score, p_value in expected.items():
        assert tail_probability(score, scores, tail) == p_value
    assert tail_probability(3.5, scores, tail) == pytest.approx(3 / 6 * math.exp(-1.0))


def test_a_score_at_the_start_has_its_rank_and_no_excess() -> None:
    """The largest score is the start here: just above it the tail goes on from its rank."""
    scores, tail = np.array([1.0, 2.0]), Tail(2.0, 1.0, 0.4)
    assert tail_probability(2.0, scores, tail) == 2 / 3
    assert tail_probability(2.0 + 1e-12, scores, tail) == pytest.approx(2 / 3)


def test_a_score_at_the_quantile_is_no_excess() -> None:
    tail = fit_tail(np.array([0.0] * 17 + [1.0] * 3 + [3.0]))
    assert tail == Tail(1.0, 2.0)


def test_fifty_excesses_are_needed_for_a_shape() -> None:
    kinds = [fit_tail(with_excesses(exact(0.2, count))).kind for count in (49, 50)]
    assert kinds == ["exponential", "generalised-pareto"]


@pytest.mark.parametrize(
    ("seed", "kind"), [(184, "generalised-pareto"), (209, "exponential"), (233, "exponential")]
)
def test_a_shape_that_does_not_fit_is_not_taken(
    seed: int, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Samples with Kolmogorov-Smirnov distances on either side of the 95 % point of 0.9: 0.895, 0.914 and 0.910.

    The second is the excess of the sample over the fit, the others that of the fit over the sample.
    """
    scores = pareto(0.2, 2000, seed)
    assert fit_tail(scores).kind == kind
    monkeypatch.setattr(module, "_MOST_KS_DISTANCE", math.inf)
    without = fit_tail(scores)
    assert without.kind == "generalised-pareto"
    assert without.scale > 0.05


def test_excesses_in_two_heaps_fit_no_pareto(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(0)
    scores = with_excesses(np.concatenate([random.exponential(0.1, 170), random.uniform(1.5, 2.5, 30)]))
    found = fit_tail(scores)
    assert found.kind == "exponential"
    assert found.scale == pytest.approx(float((scores[scores > 1.0] - 1.0).mean()))
    monkeypatch.setattr(module, "_MOST_KS_DISTANCE", math.inf)
    assert fit_tail(scores).kind == "generalised-pareto"


def test_a_narrow_pareto_is_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    scores = with_excesses(0.02 * exact(0.2, 100))
    assert fit_tail(scores) == Tail(1.0, 0.05)
    monkeypatch.setattr(module, "_LEAST_SCALE", 0.0)
    without = fit_tail(scores)
    assert (without.kind, without.scale < 0.05) == ("generalised-pareto", True)


def test_the_exponential_has_at_least_the_smallest_scale() -> None:
    assert fit_tail(with_excesses(np.full(10, 0.01))) == Tail(1.0, 0.05)
    assert fit_tail(with_excesses(np.full(10, 0.07))).scale == pytest.approx(0.07)


def test_the_shape_is_bounded_and_the_mean_is_kept() -> None:
    """A shape of 0.75 has no variance: the estimate stops at 0.5, where the mean is twice the scale."""
    scores = pareto(0.75, 600, 30)
    found = fit_tail(scores)
    excess = scores[scores > found.start] - found.start
    assert found.shape == 0.5
    assert found.scale == pytest.approx(0.5 * float(excess.mean()))


def test_a_shape_between_the_bounds_follows_the_weighted_moments() -> None:
    """Hosking and Wallis (1987), with plotting positions (i - 0.35) / n."""
    scores = pareto(0.2, 2000, 184)
    found = fit_tail(scores)
    excess = np.sort(scores[scores > found.start] - found.start)
    n = len(excess)
    b_0 = sum(excess) / n
    b_1 = sum((1 - (i - 0.35) / n) * x for i, x in enumerate(excess, 1)) / n
    assert found.shape == pytest.approx(2 - b_0 / (b_0 - 2 * b_1))
    assert found.scale == pytest.approx(2 * b_0 * b_1 / (b_0 - 2 * b_1))


def test_a_shape_below_zero_is_zero_with_the_mean_as_scale(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MOST_KS_DISTANCE", math.inf)
    found = fit_tail(np.linspace(0.0, 10.0, 1001))
    assert (found.kind, found.shape) == ("exponential", 0.0)
    assert found.scale == pytest.approx(0.505)
