"""Calm before a case returns: longer after each alarm that came back soon."""

from __future__ import annotations

from anomaly.monitor.stages.calm_period import CalmPeriod


def needed_s(calm: CalmPeriod) -> int:
    """Seconds of normal sound until the calm is over."""
    calm.second(normal=False)
    seconds = 0
    while not calm.is_over:
        calm.second(normal=True)
        seconds += 1
    return seconds


def test_it_grows_with_each_relapse_and_has_a_bound() -> None:
    calm, found = CalmPeriod(), []
    for minute in range(6):
        calm.alarm(60.0 * minute)
        found.append(needed_s(calm))
        calm.returned(60.0 * minute + 30.0)
    assert found == [1, 60, 600, 3600, 3600, 3600]


def test_an_alarm_after_an_hour_of_normal_sound_is_no_relapse() -> None:
    calm = CalmPeriod()
    for time_s in (0.0, 60.0, 120.0):
        calm.alarm(time_s)
        calm.returned(time_s + 30.0)
    calm.alarm(10_000.0)
    assert needed_s(calm) == 1


def test_a_minute_of_normal_sound_is_needed_after_a_reset() -> None:
    calm = CalmPeriod()
    assert needed_s(calm) == 60
    calm.alarm(0.0)
    assert needed_s(calm) == 1
    calm.reset()
    assert needed_s(calm) == 60


def test_an_abnormal_second_restarts_the_count() -> None:
    calm = CalmPeriod()
    for _ in range(59):
        calm.second(normal=True)
    calm.second(normal=False)
    calm.second(normal=True)
    assert not calm.is_over
