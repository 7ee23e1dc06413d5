"""A few odd seconds are no fault; three in a row, or half of the last eight, are one until three good ones follow."""

from __future__ import annotations

import pytest

from anomaly.audio.sensor.persistence import SensorPersistence

OK, BAD, OTHER = "ok", "gain", "unlearned-stop"


def faults(statuses: list[str], persistence: SensorPersistence | None = None) -> list[str | None]:
    """Fault in force after each second; of a sensor that is trusted at the start, by default."""
    persistence, found = persistence or SensorPersistence(), []
    for status in statuses:
        persistence.second(status)
        found.append(persistence.fault)
    return found


@pytest.mark.parametrize(
    "statuses",
    [
        [BAD] * 2,
        [BAD, BAD, OK] * 1 + [OK] * 5,
        [BAD, BAD, OK, BAD, OK, OK, OK, BAD, BAD],
        [BAD, OK, OK, OK, BAD] * 6,
        [BAD, OTHER, OK, OK, OK, OK, OK] * 4,
    ],
)
def test_odd_seconds_are_no_fault(statuses: list[str]) -> None:
    assert faults(statuses) == [None] * len(statuses)


def test_three_in_a_row_are_a_fault() -> None:
    assert faults([OK, BAD, BAD, BAD, OK, OK, OK]) == [None] * 3 + [BAD] * 3 + [None]


def test_half_of_the_last_seconds_are_a_fault() -> None:
    assert faults([BAD, OK] * 4)[-2:] == [BAD, BAD]
    assert faults([BAD, BAD, OK, OK] * 2)[4:] == [None, BAD, BAD, BAD]


def test_the_most_frequent_status_names_it() -> None:
    assert faults([BAD, OK, OTHER, OK, OTHER, OK, OTHER]) == [None] * 6 + [OTHER]


def test_a_fault_that_has_ended_is_not_counted_again() -> None:
    assert faults([BAD] * 3 + [OK] * 3 + [BAD, OK, BAD])[5:] == [None] * 4


def test_it_is_trusted_only_without_a_fault() -> None:
    persistence = SensorPersistence()
    assert [persistence.second(s) for s in [OK, BAD, BAD, BAD, OK, OK, OK, OK]] == [
        *[True, False, False, False],
        *[False, False, True, True],
    ]


def test_three_bad_seconds_in_a_row_are_named_after_the_third() -> None:
    assert faults(["hum", "gain", "silent"]) == [None, None, "silent"]


def test_three_good_seconds_in_a_row_end_it() -> None:
    assert faults([OK] * 3, SensorPersistence(BAD)) == [BAD, BAD, None]
    assert faults([OK, OK, BAD, OK, OK, OK], SensorPersistence(BAD)) == [BAD] * 5 + [None]


def test_another_status_needs_three_seconds_in_a_row_to_rename_it() -> None:
    persistence = SensorPersistence(BAD)
    assert faults(["hum", "hum", BAD, "hum", "hum", "silent", "hum"], persistence) == [BAD] * 7
    assert faults(["hum", "hum"], persistence) == [BAD, "hum"]


def test_good_seconds_do_not_count_for_the_name() -> None:
    assert faults(["hum", OK, "hum", "hum"], SensorPersistence(BAD)) == [BAD] * 4


def test_seconds_longer_ago_than_eight_do_not_count() -> None:
    assert faults([BAD, OK, OK, BAD, OK, OK, BAD, OK, OK, BAD]) == [None] * 10
    assert faults([BAD, BAD, OK, OK, BAD, OK, OK, BAD])[-1] == BAD


def test_a_fault_that_shows_in_no_second_is_in_force_at_once() -> None:
    persistence = SensorPersistence()
    persistence.fail("lost")
    assert persistence.fault == "lost"
    assert faults([OK] * 3, persistence) == ["lost", "lost", None]


def test_good_seconds_before_such_a_fault_do_not_end_it() -> None:
    persistence = SensorPersistence(BAD)
    assert faults([OK, OK], persistence) == [BAD, BAD]
    persistence.fail("lost")
    assert faults([OK] * 3, persistence) == ["lost", "lost", None]
