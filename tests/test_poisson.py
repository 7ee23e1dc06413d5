"""Bound on the rate of rare events."""

from __future__ import annotations

import pytest

from anomaly.poisson import upper_rate


@pytest.mark.parametrize(("events", "bound"), [(0, 2.996), (1, 4.744), (10, 16.962)])
def test_the_bound_is_that_of_the_poisson_tables(events: int, bound: float) -> None:
    assert upper_rate(events, 1.0) == pytest.approx(bound, abs=1e-3)
    assert upper_rate(events, 4.0) == pytest.approx(bound / 4, abs=1e-3)
