"""A few odd seconds are no fault; three in a row, or half of the last eight, are one until three good ones follow."""

from __future__ import annotations

import pytest

from anomaly.audio.sensor.persistence import SensorPersistence

OK, BAD, OTHER = "ok", "gain", "unlearned-stop"


def faults(statuses: list[str]) -> list[str | None]:
    persistence, found = SensorPersistence(), []
    for status in statuses:
        persistence.second(status)
        found.append(persistence.fault)
    return found


@pytest.mark.parametrize(
    "statuses",
    [
        [BAD] * 2,
        [BAD, BAD, OK] * 1 + [OK] * 5,
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
