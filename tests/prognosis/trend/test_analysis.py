"""States of a trend, its steps in time, and the reasons for no interval."""

from __future__ import annotations

import numpy as np
import pytest

from anomaly.prognosis.index.series import DAY_S, HOUR_S, IndexSeries, Reset, Values
from anomaly.prognosis.trend.analysis import MOST_VALUES, TrendState, condensed, find_trend, suited

NOISE = np.random.default_rng(1).normal(0.0, 0.2, 100)


def series(values: Values, level: float | None = 10.0, resets: tuple[Reset, ...] = ()) -> IndexSeries:
    return IndexSeries("pump", "score", np.arange(len(values)) * HOUR_S, values, level, "", resets)


RAMP = np.maximum(np.arange(100) - 40, 0) * 0.1


def test_a_rise_has_an_interval() -> None:
    found = find_trend(series(RAMP + NOISE))
    assert (found.state, found.no_interval) == (TrendState.RISING, "")
    assert found.interval is not None
    assert found.interval.holds(40 * HOUR_S)


@pytest.mark.parametrize(
    ("values", "level", "state", "reason"),
    [
        (NOISE, 10.0, TrendState.STEADY, "does not rise"),
        (NOISE - RAMP, 10.0, TrendState.FALLING, "does not rise"),
        (RAMP + NOISE, 5.0, TrendState.REACHED, "is reached"),
        (RAMP + NOISE, None, TrendState.RISING, "no alarm level is known"),
        (RAMP + NOISE, 100.0, TrendState.RISING, "6 % of the way"),
        (NOISE[:11], 10.0, TrendState.TOO_LITTLE, "11 values, 12 are needed"),
        (NOISE[:0], 10.0, TrendState.TOO_LITTLE, "0 values"),
    ],
)
def test_states(values: Values, level: float | None, state: TrendState, reason: str) -> None:
    found = find_trend(series(values, level))
    assert found.state is state
    assert found.interval is None
    assert reason in found.no_interval


def test_a_reset_ends_the_rise() -> None:
    values = RAMP + NOISE
    values[70:] -= RAMP[70:]
    assert find_trend(series(values, resets=(Reset(70 * HOUR_S, "repair"),))).state is TrendState.STEADY
    late = find_trend(series(values, resets=(Reset(95 * HOUR_S, "repair"),)))
    assert late.no_interval == "5 values since the last reset, 12 are needed"


def test_long_series_are_put_together() -> None:
    long = IndexSeries("pump", "score", np.arange(5_000.0), np.arange(5_000.0))
    thin = condensed(long)
    assert MOST_VALUES <= len(thin) <= MOST_VALUES + 1
    assert thin.values == pytest.approx(thin.times_s, abs=1.0)


@pytest.mark.parametrize(
    ("step_s", "count", "step"),
    [(60.0, 500, "measurement"), (60.0, 2_000, "hour"), (HOUR_S, 800, "measurement"), (HOUR_S, 1_600, "day")],
)
def test_steps(step_s: float, count: int, step: str) -> None:
    values = IndexSeries("pump", "score", np.arange(count) * step_s, np.zeros(count))
    found, name = suited(values)
    assert name == step
    if step == "day":
        assert len(found) == pytest.approx(count * step_s / DAY_S, abs=1)
