"""State of a condition from a case, and the identifiers of its events."""

from __future__ import annotations

from dataclasses import replace

import pytest

from anomaly.alerts.sinks.opcua.condition import (
    condition_key,
    condition_state,
    is_event_of,
    message_event_id,
    message_id_of,
)
from anomaly.store.cases.case import Case, iso_utc

OPENED_S = 1_800_000_000.0
AT = iso_utc(OPENED_S + 60)
CASE = Case("pump", "machine", iso_utc(OPENED_S), "bad")


@pytest.mark.parametrize(
    ("case", "active", "acknowledged"),
    [
        (CASE, True, False),
        (CASE.acknowledged("ann", AT), True, True),
        (CASE.returned(AT), False, False),
        (CASE.closed(AT), False, True),
    ],
)
def test_states(case: Case, active: bool, acknowledged: bool) -> None:
    state = condition_state(case, "words", OPENED_S)
    assert (state.key.active, state.key.acknowledged) == (active, acknowledged)
    assert state.retain is case.is_open


@pytest.mark.parametrize(
    ("severity", "criticality", "expected"), [(1, "low", 83), (1, None, 167), (3, "critical", 1000)]
)
def test_severity(severity: int, criticality: str | None, expected: int) -> None:
    asset = {} if criticality is None else {"criticality": criticality}
    assert condition_key(replace(CASE, severity=severity, asset=asset), OPENED_S).severity == expected


def test_identifiers() -> None:
    message_id = "0123456789abcdef" * 2
    event_id = message_event_id(message_id, CASE.id)
    assert message_id_of(event_id) == message_id
    assert is_event_of(event_id, CASE.id)
    assert not is_event_of(event_id, message_id)
    assert not is_event_of(b"", CASE.id)
    assert len(message_event_id("no hex", "nor this")) == 32


def test_order_of_states() -> None:
    first = condition_state(CASE, "words", OPENED_S)
    closed = condition_state(CASE.closed(AT), "words", OPENED_S + 60)
    later_case = Case("pump", "machine", AT, "bad again")
    second = condition_state(later_case, "words", OPENED_S + 60)
    assert closed.follows(first)
    assert not first.follows(closed)
    assert second.follows(closed)
    assert not closed.follows(second)
    # The same state, whenever it was seen.
    assert condition_state(CASE, "words", OPENED_S - 5).follows(first)


def test_a_comment_stays_with_its_case() -> None:
    commented = condition_state(CASE, "words", OPENED_S, comment="loose bolt", user="ann")
    after = condition_state(CASE.acknowledged("bob", AT), "words", OPENED_S + 60)
    assert after.with_comment_of(commented).comment == "loose bolt"
    other = condition_state(Case("pump", "machine", AT, "bad again"), "words", OPENED_S + 60)
    assert other.with_comment_of(commented).comment == ""


def test_the_end_without_a_message() -> None:
    ended = condition_state(CASE, "words", OPENED_S).ended(OPENED_S + 9, "words")
    assert not ended.retain
    assert is_event_of(ended.event_id, CASE.id)
