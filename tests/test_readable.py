from __future__ import annotations

from collections.abc import Iterator

import pytest

from anomaly.readable import count, duration, local_time, one_in, rarity, rate, significant
from support.surroundings import in_time_zone


@pytest.fixture
def berlin() -> Iterator[None]:
    with in_time_zone("CET-1CEST,M3.5.0,M10.5.0/3"):
        yield


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"), (5, "5 s"), (89, "89 s"), (100, "1.7 min"), (450, "7.5 min"), (5_399, "90 min"),
        (5_400, "1.5 h"), (10_800, "3 h"), (86_400, "24 h"), (259_200, "3 days"), (1_296_000, "15 days"),
    ],
)  # fmt: skip
def test_duration_has_its_natural_unit(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("per_day", "text"),
    [
        (86_400, "3,600 an hour"), (2_592, "110 an hour"), (24, "1 an hour"), (10, "10 a day"), (1, "1 a day"),
        (0.5, "3.5 a week"), (0.1, "3 a month"), (0.001, "0.37 a year"),
    ],
)  # fmt: skip
def test_rate_has_its_natural_unit(per_day: float, text: str) -> None:
    assert rate(per_day) == text


def test_rarity_has_no_exponent_however_small_the_probability() -> None:
    assert rarity(1.0) == "as in normal sound"
    assert rarity(0.003) == "once in 330 seconds of normal sound"
    for p_value in (1e-7, 1e-300, 0.0):
        assert rarity(p_value) == "less often than once in a million seconds of normal sound"
        assert one_in(p_value) == "< 1 in a million"
    assert one_in(1e-6) == "1 in 1,000,000"


def test_count_agrees_with_its_noun() -> None:
    assert (count(0, "file"), count(1, "file"), count(2, "file")) == ("0 files", "1 file", "2 files")
    assert count(2, "recording of a fault", "recordings of faults") == "2 recordings of faults"


@pytest.mark.parametrize(
    ("value", "text"), [(0.0, "0"), (9.96, "10"), (0.0123, "0.012"), (99.6, "100"), (-7.51, "-7.5")]
)
def test_significant_digits(value: float, text: str) -> None:
    assert significant(value) == text


@pytest.mark.usefixtures("berlin")
def test_local_time_names_its_zone() -> None:
    assert local_time(1_796_130_000.0) == "2026-12-01 14:00:00 CET"
    assert local_time(1_782_000_000.0) == "2026-06-21 02:00:00 CEST"
