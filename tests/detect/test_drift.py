"""Drift: slow shifts are told, faults of minutes are not, and both the beginning and the end come once."""

from __future__ import annotations

import numpy as np
import pytest

from anomaly.detect.calibration.calibration import calibrate
from anomaly.detect.drift import HOUR_S, DriftDetector, DriftEvent
from anomaly.detect.pooling import SUB_BAND_GROUPS, fit_pooling

POOLING = fit_pooling(list(np.random.default_rng(0).gamma(2.0, 0.5, (20, 31, 2 * SUB_BAND_GROUPS))), "log")


@pytest.fixture
def drift() -> DriftDetector:
    return DriftDetector(calibrate(POOLING, list(np.random.default_rng(1).normal(0, 1, (20, 60)))))


def told(drift: DriftDetector, medians: list[float]) -> list[int]:
    """Hours after which something was told."""
    return [hour for hour, median in enumerate(medians, 1) if drift.hour(median) is not None]


def test_the_median_of_an_hour(drift: DriftDetector) -> None:
    scores = [0.1 * (k % 7) for k in range(HOUR_S)]
    medians = [drift.second(score) for score in scores]
    assert medians[:-1] == [None] * (HOUR_S - 1)
    assert medians[-1] == pytest.approx(float(np.median(scores)))


def test_a_fault_of_minutes_does_not_move_the_median_of_an_hour(drift: DriftDetector) -> None:
    scores = np.random.default_rng(2).normal(0, 1, HOUR_S)
    scores[:600] = 40.0
    medians = [drift.second(float(score)) for score in scores]
    assert medians[-1] is not None
    assert abs(medians[-1]) < 0.5


@pytest.mark.parametrize(("shift", "hours"), [(0.4, None), (1.0, 12), (2.0, 4), (6.5, 1)])
def test_the_larger_the_shift_the_sooner_it_is_told(
    drift: DriftDetector, shift: float, hours: int | None
) -> None:
    found = told(drift, [shift] * 100)
    assert len(found) == (hours is not None)
    assert hours is None or found[0] == pytest.approx(hours, abs=2)


def test_it_ends_once(drift: DriftDetector) -> None:
    for _ in range(100):
        drift.hour(2.0)
    assert drift.drifting
    news = [drift.hour(0.0) for _ in range(40)]
    ends = [one for one in news if one is not None]
    assert [one.begun for one in ends] == [False]
    assert not drift.drifting


def test_what_is_told(drift: DriftDetector) -> None:
    news = [drift.hour(2.0) for _ in range(6)]
    first = next(one for one in news if one is not None)
    assert isinstance(first, DriftEvent)
    assert first.begun
    assert first.shift == pytest.approx(2.0, abs=0.3)
    assert first.hours >= 3


def test_quieter_than_ever_is_no_drift(drift: DriftDetector) -> None:
    assert told(drift, [-9.0] * 50) == []
