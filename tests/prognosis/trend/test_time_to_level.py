"""The interval scales with time, needs a part of the way, and is not given where it would say nothing."""

from __future__ import annotations

import pytest

from anomaly.prognosis.trend.rise import Rise
from anomaly.prognosis.trend.theil_sen import Slope
from anomaly.prognosis.trend.time_to_level import RatioModel, ratio_model, rise_figures, time_to_level

LENGTH = len(ratio_model().middle)


def constant(value: float) -> tuple[float, ...]:
    return (value, *[0.0] * (LENGTH - 1))


def rise(end: float = 5.0, duration_s: float = 1_000.0) -> Rise:
    slope = end / duration_s
    return Rise(0, 0.0, end, Slope(slope, slope, slope, end), 25.0, duration_s)


def test_quantiles_of_the_time_by_the_mean_slope() -> None:
    model = RatioModel(constant(-1.0), constant(0.0), constant(1.0), 0.5)
    found = time_to_level(rise(), 10.0, model)
    assert found is not None
    assert found.middle_s == pytest.approx(1_000.0)
    assert (found.lower_s, found.upper_s) == pytest.approx((1_000.0 / 4.4817, 4_481.7), rel=1e-4)
    assert found.holds(300.0)
    assert not found.holds(5_000.0)


def test_the_interval_scales_with_time() -> None:
    short, long = (time_to_level(rise(duration_s=duration_s), 10.0) for duration_s in (1e3, 1e6))
    assert short is not None
    assert long is not None
    assert long.lower_s == pytest.approx(1_000 * short.lower_s)
    assert short.lower_s < short.middle_s < short.upper_s


@pytest.mark.parametrize("end", [0.5, 10.0, 11.0])
def test_none_far_from_the_level_and_none_behind_it(end: float) -> None:
    assert time_to_level(rise(end), 10.0) is None


def test_none_that_says_nothing() -> None:
    assert time_to_level(rise(), 10.0, RatioModel(constant(-2.0), constant(0.0), constant(2.0), 0.0)) is None


def test_a_model_has_a_coefficient_for_each_figure() -> None:
    model = ratio_model()
    assert {len(model.lower), len(model.middle), len(model.upper), len(rise_figures(rise(), 10.0))} == {
        LENGTH
    }
