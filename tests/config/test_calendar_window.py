"""Windows of time by the calendar, in local time."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from anomaly.config import load_site
from anomaly.config.calendar_window import is_in_any, window
from anomaly.errors import ConfigError
from support.surroundings import in_time_zone


@pytest.fixture(autouse=True, params=["UTC", "XST-2"])
def zone(request: pytest.FixtureRequest) -> Iterator[None]:
    """The computer stands in Greenwich, and two hours east of it."""
    with in_time_zone(request.param):
        yield


def at(text: str) -> float:
    """UNIX seconds of a local time."""
    return datetime.fromisoformat(text).timestamp()


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        # 2027-01-15 is a Friday.
        ("sat,sun", ["2027-01-16 00:00", "2027-01-17 23:59"], ["2027-01-15 23:59", "2027-01-18 00:00"]),
        ("fri-mon", ["2027-01-15 12:00", "2027-01-18 12:00"], ["2027-01-19 12:00", "2027-01-14 12:00"]),
        ("22:00-06:00", ["2027-01-15 22:00", "2027-01-15 05:59"], ["2027-01-15 06:00", "2027-01-15 21:59"]),
        (
            "mon-fri 18:00-06:00",
            ["2027-01-15 18:00", "2027-01-16 05:59"],
            ["2027-01-16 18:00", "2027-01-18 05:59", "2027-01-15 12:00"],
        ),
        (
            "Fri 06:30-07:00",
            ["2027-01-15 06:30", "2027-01-15 06:59"],
            ["2027-01-15 07:00", "2027-01-14 06:30"],
        ),
        ("2027-01-15", ["2027-01-15 00:00", "2027-01-15 23:59"], ["2027-01-16 00:00", "2028-01-15 12:00"]),
        (
            "2027-01-14 to 2027-01-15 08:00-16:00",
            ["2027-01-14 08:00", "2027-01-15 15:59"],
            ["2027-01-14 07:59", "2027-01-16 09:00"],
        ),
        ("00:00-24:00", ["2027-01-15 00:00", "2027-01-15 23:59"], []),
    ],
)
def test_windows(text: str, inside: list[str], outside: list[str]) -> None:
    assert [moment for moment in inside if not window(text).contains(at(moment))] == []
    assert [moment for moment in outside if window(text).contains(at(moment))] == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "must be days and hours"),
        ("always", "is no day|must be days"),
        ("mon-", "must be days"),
        ("xyz", "'xyz' is no day"),
        ("25:00-26:00", "25:00 is no time of day"),
        ("10:60-11:00", "10:60 is no time of day"),
        ("2027-02-30", "day is out of range|day"),
        ("2027-01-15 to 2027-01-14", "2027-01-14 is before 2027-01-15"),
    ],
)
def test_mistakes(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        window(text)


def test_any_of_several() -> None:
    windows = ("sat,sun", "22:00-06:00")
    assert is_in_any(windows, at("2027-01-16 12:00"))
    assert is_in_any(windows, at("2027-01-15 23:00"))
    assert not is_in_any(windows, at("2027-01-15 12:00"))
    assert not is_in_any((), at("2027-01-15 12:00"))


def test_an_error_in_the_site_file_names_its_place(tmp_path: Path) -> None:
    file = tmp_path / "site.yaml"
    file.write_text(
        "sinks:\n  webhook:\n    - name: plant\n      url: https://plant.example\n"
        "      delivery: {quiet: [mon-fri 18:00-06:00, weekend]}\n"
    )
    with pytest.raises(
        ConfigError, match=r"site\.yaml:5: sinks\.webhook\.0\.delivery\.quiet\.1: must be days"
    ):
        load_site(file)
