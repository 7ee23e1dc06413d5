"""An index keeps its order, ends at resets, and is put together by hours without mixing what a reset divides."""

from __future__ import annotations

import numpy as np
import pytest

from anomaly.errors import InputError
from anomaly.prognosis.index.series import HOUR_S, IndexSeries, Reset, aggregate


def series(values: list[float], step_s: float = 600.0, resets: tuple[Reset, ...] = ()) -> IndexSeries:
    return IndexSeries("pump", "score", np.arange(len(values)) * step_s, np.array(values), resets=resets)


def test_hours_are_medians() -> None:
    hours = aggregate(series([1, 1, 9, 1, 1, 1, 5, 5]), HOUR_S)
    assert hours.values.tolist() == [1.0, 5.0]
    assert hours.times_s.tolist() == [1_500.0, 3_900.0]
    assert len(aggregate(series([]), HOUR_S)) == 0


def test_a_reset_divides_an_hour() -> None:
    found = aggregate(series([4, 4, 4, 0, 0, 0], resets=(Reset(1_500.0, "repair"),)), HOUR_S)
    assert found.values.tolist() == [4.0, 0.0]


def test_only_what_follows_the_last_reset_counts() -> None:
    whole = series([4, 5, 6, 0, 1], resets=(Reset(1_500.0, "repair"),))
    assert whole.since_reset().values.tolist() == [0.0, 1.0]
    assert whole.until(1_200.0).since_reset().values.tolist() == [4.0, 5.0, 6.0]


@pytest.mark.parametrize("values", [[1.0, float("nan")], [1.0, float("inf")]])
def test_values_are_finite(values: list[float]) -> None:
    with pytest.raises(InputError, match="not finite"):
        series(values)


def test_times_are_in_order() -> None:
    with pytest.raises(InputError, match="order"):
        IndexSeries("pump", "score", np.array([1.0, 0.0]), np.zeros(2))
    with pytest.raises(InputError, match="number"):
        IndexSeries("pump", "score", np.zeros(2), np.zeros(3))
