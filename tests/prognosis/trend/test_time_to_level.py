"""The interval scales with time, needs a part of the way, and is not given where it would say nothing."""

from __future__ import annotations

import numpy as np
import pytest

from anomaly.prognosis.trend.rise import Rise
from anomaly.prognosis.trend.theil_sen import Slope
from anomaly.prognosis.trend.time_to_level import RatioModel, ratio_model, rise_figures, time_to_level


def model(ratios: list[float], stretch: float = 1.0) -> RatioModel:
    return RatioModel(np.zeros((len(ratios), 4)), np.array(ratios), stretch)


def rise(end: float = 5.0, duration_s: float = 1_000.0) -> Rise:
    slope = end / duration_s
    return Rise(0, 0.0, end, Slope(slope, slope, slope, end), 100.0, duration_s, 0.2)


def test_quantiles_of_the_time_by_the_mean_slope() -> None:
    found = time_to_level(rise(), 10.0, model([-1.0, -0.5, 0.0, 0.5, 1.0], 1.25))
    assert found is not None
    assert found.middle_s == pytest.approx(1_000.0)
    assert (found.lower_s, found.upper_s) == pytest.approx((1_000.0 / np.e, 1_000.0 * np.e))
    assert found.holds(400.0)
    assert not found.holds(5_000.0)


def test_only_the_nearest_rises_count() -> None:
    figures = np.repeat([[0.0, 0.5, 4.6, -3.2], [1.0, 0.9, 1.0, 0.0]], 150, axis=0)
    ratios = np.repeat([0.0, 5.0], 150)
    found = time_to_level(rise(), 10.0, RatioModel(figures, ratios))
    assert found is not None
    assert found.lower_s == pytest.approx(found.upper_s)


def test_the_interval_scales_with_time() -> None:
    short, long = (time_to_level(rise(duration_s=duration_s), 10.0) for duration_s in (1e3, 1e6))
    assert short is not None
    assert long is not None
    assert long.lower_s == pytest.approx(1_000 * short.lower_s)
    assert short.lower_s < short.middle_s < short.upper_s


def test_a_straight_rise_goes_on() -> None:
    found = time_to_level(rise(), 10.0)
    assert found is not None
    assert found.holds(1_000.0)


@pytest.mark.parametrize("end", [0.5, 10.0, 11.0])
def test_none_far_from_the_level_and_none_behind_it(end: float) -> None:
    assert time_to_level(rise(end), 10.0) is None


def test_none_that_says_nothing() -> None:
    assert time_to_level(rise(), 10.0, model([-2.0, -2.0, 0.0, 2.0, 2.0])) is None


def test_the_model_of_the_package() -> None:
    found = ratio_model()
    assert found.figures.shape == (len(found.ratios), len(rise_figures(rise(), 10.0)))
    assert len(found.ratios) > 1_000
    assert 0.5 < found.stretch < 2.0
