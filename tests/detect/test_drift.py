"""Drift: slow shifts are detected, faults of minutes are not, and both beginning and end are reported once."""

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


def event_hours(drift: DriftDetector, medians: list[float]) -> list[int]:
    """Hours after which there was an event."""
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
def test_the_larger_the_shift_the_sooner_it_is_event_hours(
    drift: DriftDetector, shift: float, hours: int | None
) -> None:
    found = event_hours(drift, [shift] * 100)
    assert len(found) == (hours is not None)
    assert hours is None or found[0] == pytest.approx(hours, abs=2)


def test_it_ends_once(drift: DriftDetector) -> None:
    for _ in range(100):
        drift.hour(2.0)
    assert drift.drifting
    events = [drift.hour(0.0) for _ in range(40)]
    ends = [one for one in events if one is not None]
    assert [one.begun for one in ends] == [False]
    assert not drift.drifting


def test_what_is_event_hours(drift: DriftDetector) -> None:
    events = [drift.hour(2.0) for _ in range(6)]
    first = next(one for one in events if one is not None)
    assert isinstance(first, DriftEvent)
    assert first.begun
    assert first.shift == pytest.approx(2.0, abs=0.3)
    assert first.hours >= 3


def test_quieter_than_ever_is_no_drift(drift: DriftDetector) -> None:
    assert event_hours(drift, [-9.0] * 50) == []


def detector(median: float, iqr: float) -> DriftDetector:
    """A detector whose calibration has this median and this distance between the quartiles."""
    quarters = median + iqr * np.array([-0.5, 0.0, 0.5])
    return DriftDetector(calibrate(POOLING, [np.repeat(quarters, [30, 41, 30])]))


def test_an_hour_has_3600_seconds(drift: DriftDetector) -> None:
    medians = [drift.second(1.0) for _ in range(7200)]
    assert [second for second, median in enumerate(medians, 1) if median is not None] == [3600, 7200]


def test_a_shift_is_counted_in_deviations_from_the_median_of_the_calibration() -> None:
    """A deviation is the interquartile range over 1.349: here 2, from a median of 3."""
    event = detector(3.0, 2.698).hour(3.0 + 2 * 6.75)
    assert event is not None
    assert (event.begun, event.shift, event.hours) == (True, pytest.approx(6.75), 1)


def test_below_six_deviations_and_a_half_one_hour_is_not_enough() -> None:
    """The sum grows by the shift less 0.5, and drift begins at 6."""
    assert detector(0.0, 1.349).hour(6.49) is None
    assert detector(0.0, 1.349).hour(6.51) is not None


def test_a_new_detector_has_no_hours_behind_it() -> None:
    assert event_hours(detector(0.0, 1.349), [1.5] * 6) == [6]
    ordinary = detector(0.0, 1.349)
    assert event_hours(ordinary, [0.4] * 100) == []
    event = [ordinary.hour(2.5) for _ in range(3)][-1]
    assert event is not None
    assert event.hours == 3


def test_a_calibration_that_never_varies_has_the_smallest_spread() -> None:
    assert detector(0.0, 0.0).hour(0.64) is None
    event = detector(0.0, 0.0).hour(0.66)
    assert event is not None
    assert event.shift == pytest.approx(6.6)


def test_drift_ends_within_eighteen_hours_however_long_it_lasted() -> None:
    """The sum is bounded by 9 and falls by half a deviation an hour."""
    found = detector(0.0, 1.349)
    for _ in range(500):
        found.hour(50.0)
    events = [found.hour(0.0) for _ in range(30)]
    assert [hour for hour, event in enumerate(events, 1) if event is not None] == [18]
