import numpy as np
import pytest

from anomaly.errors import InputError
from anomaly.evaluate.metrics.alarm_rates import Confusion, confusion, false_alarms_per_hour


def test_counts_at_a_threshold() -> None:
    table = confusion([0, 0, 0, 1, 1], [0.1, 0.5, 0.2, 0.5, 0.3], threshold=0.5)
    assert table == Confusion(true_alarms=1, missed=1, false_alarms=1, true_silence=2)
    assert table.precision == 0.5
    assert table.recall == 0.5
    assert table.f1 == 0.5
    assert table.false_positive_rate == pytest.approx(1 / 3)


def test_ratios_without_a_base_are_none() -> None:
    empty = Confusion(0, 0, 0, 4)
    assert (empty.precision, empty.recall, empty.f1) == (None, None, None)
    assert Confusion(1, 1, 0, 0).false_positive_rate is None


def test_refuses_unequal_lengths() -> None:
    with pytest.raises(InputError, match="do not match"):
        confusion([0, 1], [0.0], 0.5)


def test_neighbouring_seconds_are_one_alarm() -> None:
    rate = false_alarms_per_hour([0, 1, 1, 0, 1, 0, 0, 1, 1, 1], seconds_each=36.0)
    assert rate.alarms == 3
    assert rate.hours == pytest.approx(0.1)
    assert rate.per_hour == pytest.approx(30.0)
    assert rate.upper_per_hour > 3 * 1.9 / 0.1


def test_an_alarm_ends_with_its_clip() -> None:
    assert false_alarms_per_hour([[0, 1], [1, 0]]).alarms == 2
    assert false_alarms_per_hour([0, 1, 1, 0]).alarms == 1


def test_no_alarm_is_the_rule_of_three() -> None:
    rate = false_alarms_per_hour(np.zeros(600))
    assert rate.per_hour == 0.0
    # Ten minutes without an alarm bound the rate only below 432 a day.
    assert rate.upper_per_hour * 24 == pytest.approx(432, rel=0.002)


def test_no_sound_is_refused() -> None:
    with pytest.raises(InputError, match="no normal sound"):
        false_alarms_per_hour([])
