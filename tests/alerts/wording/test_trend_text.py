"""The sentence on a trend, in both languages, and none where facts are missing."""

from __future__ import annotations

from typing import Any

import pytest

from anomaly.alerts.wording.catalogue import catalogue
from anomaly.alerts.wording.trend_text import time_span, trend_sentence

FACTS: dict[str, Any] = {
    "state": "rising",
    "since": "2026-04-01T12:00:00.000Z",
    "lower_s": 6 * 86_400,
    "upper_s": 15 * 86_400,
    "held": 8,
    "of": 10,
}


@pytest.fixture(autouse=True)
def zone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")


def test_interval_with_its_record() -> None:
    expected = "alarm level in 6 to 15 days (8 of 10 such intervals held)."
    assert trend_sentence(FACTS).startswith("Rising since 2026-04-01 ")
    assert trend_sentence(FACTS).endswith(expected)
    assert "Alarmgrenze in 6 bis 15 Tagen (8 von 10" in trend_sentence(FACTS, "de")


def test_a_short_record_is_none() -> None:
    assert "in simulation 80 of 100 hold" in trend_sentence({**FACTS, "held": 1, "of": 2})


def test_remaining_life() -> None:
    facts = {"state": "steady", "remaining_life": {"lower_s": 3_600, "upper_s": 18_000, "held": 14, "of": 18}}
    expected = "End of life in 1 to 5 h (14 of 18 such intervals held on other lives)."
    assert trend_sentence(facts).endswith(expected)
    assert "Lebensende in 1 bis 5 h" in trend_sentence(facts, "de")
    assert "life" not in trend_sentence({"state": "steady", "remaining_life": {"lower_s": None}})


def test_no_interval() -> None:
    assert "cannot be said yet" in trend_sentence({**FACTS, "lower_s": None, "upper_s": None})


@pytest.mark.parametrize("state", ["steady", "falling", "reached", "too-little"])
def test_other_states(state: str) -> None:
    assert trend_sentence({"state": state}).endswith(".")
    assert trend_sentence({"state": state}, "de").endswith(".")


@pytest.mark.parametrize("facts", [{}, {"state": "rising"}, {"state": 3}])
def test_facts_of_another_program(facts: dict[str, Any]) -> None:
    assert trend_sentence(facts) == ""


@pytest.mark.parametrize(
    ("low_s", "high_s", "text"),
    [
        (30, 90, "30 to 90 s"),
        (120, 1_200, "2 to 20 min"),
        (7_200, 100_000, "2 to 28 h"),
        (2e5, 9e5, "2.3 to 10 days"),
    ],
)
def test_units(low_s: float, high_s: float, text: str) -> None:
    assert time_span(low_s, high_s, catalogue("en")) == text
