"""Cases in the store: one at a time, told when they change, and never undone by another hand."""

from __future__ import annotations

import dataclasses
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from anomaly.alerts import AlertMessage, Case, CaseState, Store
from anomaly.errors import ConfigError, UsageError
from anomaly.store import case_repository

from .conftest import Clock

MakeCase = Callable[..., Case]
MakeMessage = Callable[..., AlertMessage]


@pytest.fixture(autouse=True)
def sink(store: Store) -> str:
    store.subscribe(["hook"])
    return "hook"


def queued(store: Store) -> list[AlertMessage]:
    """All messages in the outbox, in order."""
    with store._database.reading() as connection:
        rows = connection.execute("SELECT body FROM outbox ORDER BY id").fetchall()
    return [AlertMessage.from_json(row["body"]) for row in rows]


def test_a_case_and_its_message(store: Store, make_case: MakeCase, make_message: MakeMessage) -> None:
    case = make_case(peak_score=4.5, evidence={"groups": [1.0]}, sound_position_s=12.0)
    message = make_message(case=case)
    assert store.open_case(case, message) == case
    assert store.case(case.id) == case
    assert queued(store) == [message]
    assert [event.event for event in store.events(case_id=case.id)] == ["case.opened"]


def test_both_or_neither(
    store: Store, make_case: MakeCase, make_message: MakeMessage, monkeypatch: pytest.MonkeyPatch
) -> None:
    case, message = make_case(), make_message()
    store.queue_message(message)
    with pytest.raises(ConfigError, match="UNIQUE constraint failed"):
        store.open_case(case, message)
    assert store.cases() == []
    assert store.events() == []


def test_without_a_message_of_its_own_it_is_told_all_the_same(store: Store, make_case: MakeCase) -> None:
    case = make_case()
    store.open_case(case)
    assert [(m.event, m.machine, m.case) for m in queued(store)] == [("case.opened", "pump", case)]


def test_opening_again_is_harmless(store: Store, make_case: MakeCase, make_message: MakeMessage) -> None:
    first = store.open_case(make_case(peak_score=1.0), make_message())
    again = store.open_case(make_case(peak_score=2.0), make_message())
    assert first is not None
    assert again == dataclasses.replace(first, peak_score=2.0)
    assert len(store.cases()) == len(queued(store)) == 1


def test_an_alarm_that_comes_back(store: Store, make_case: MakeCase, make_message: MakeMessage) -> None:
    case = make_case()
    store.open_case(case)
    store.return_case(case.id)
    again = store.open_case(make_case(), make_message())
    assert again is not None
    assert (again.id, again.state) == (case.id, CaseState.ACTIVE_UNACKNOWLEDGED)
    assert [m.event for m in queued(store)] == ["case.opened", "case.updated", "case.updated"]


def test_a_dead_microphone_inhibits_new_machine_cases(store: Store, make_case: MakeCase) -> None:
    sensor = make_case(kind="sensor")
    assert store.open_case(sensor) == sensor
    assert store.open_case(make_case()) is None
    assert store.open_case(make_case("fan")) is not None
    store.close_case(sensor.id)
    assert store.open_case(make_case()) is not None


def test_a_machine_case_lives_on_beside_a_sensor_case(store: Store, make_case: MakeCase) -> None:
    case = make_case(peak_score=1.0)
    store.open_case(case)
    assert store.open_case(make_case(kind="sensor")) is not None
    again = store.open_case(make_case(peak_score=9.0))
    assert again is not None
    assert again.id == case.id


def test_newer_measurements(store: Store, make_case: MakeCase, make_message: MakeMessage) -> None:
    case = make_case(peak_score=1.0)
    store.open_case(case)
    store.acknowledge(case.id, "ann")
    newer = dataclasses.replace(case, peak_score=2.0, summary="Louder")
    stored = store.update_case(newer)
    assert (stored.peak_score, stored.summary) == (2.0, "Louder")
    assert stored.state == CaseState.ACTIVE_ACKNOWLEDGED
    assert len(queued(store)) == 2
    store.update_case(newer, make_message("case.updated"))
    assert queued(store)[-1].case == stored


def test_a_closed_case_is_not_measured_any_more(
    store: Store, make_case: MakeCase, make_message: MakeMessage
) -> None:
    case = make_case(peak_score=1.0)
    store.open_case(case)
    closed = store.close_case(case.id, by="ann", note="bearing changed")
    assert store.update_case(dataclasses.replace(case, peak_score=5.0), make_message()) == closed
    assert [m.event for m in queued(store)] == ["case.opened", "case.closed"]


def test_closing_twice_is_told_once(store: Store, make_case: MakeCase, clock: Clock) -> None:
    case = make_case()
    store.open_case(case)
    closed = store.close_case(case.id)
    clock.forward(60)
    assert store.close_case(case.id) == closed
    assert [m.event for m in queued(store)] == ["case.opened", "case.closed"]


def test_acknowledged(store: Store, make_case: MakeCase, clock: Clock) -> None:
    case = make_case()
    store.open_case(case)
    known = store.acknowledge(case.id, "ann", "going there")
    clock.forward(60)
    assert store.acknowledge(case.id, "bob") == known
    assert known.acknowledged_by == "ann"
    event = store.events(case_id=case.id)[-1]
    assert (event.event, event.detail) == ("case.acknowledged", {"by": "ann", "note": "going there"})
    assert store.return_case(case.id).state == CaseState.CLOSED
    assert [m.event for m in queued(store)] == ["case.opened", "case.acknowledged", "case.closed"]
    with pytest.raises(UsageError, match="is closed since"):
        store.acknowledge(case.id, "bob")


def test_normal_again_then_acknowledged(store: Store, make_case: MakeCase) -> None:
    case = make_case()
    store.open_case(case)
    assert store.return_case(case.id).state == CaseState.RETURNED_UNACKNOWLEDGED
    assert store.return_case(case.id).is_open
    assert store.acknowledge(case.id, "ann").state == CaseState.CLOSED
    assert [m.event for m in queued(store)] == ["case.opened", "case.updated", "case.closed"]


def test_silence(store: Store, make_case: MakeCase, make_message: MakeMessage, clock: Clock) -> None:
    case = make_case()
    store.open_case(case)
    store.silence(case.id, 3600, "ann", "known")
    store.update_case(case, make_message("case.updated"))
    store.return_case(case.id)
    assert [m.event for m in queued(store)] == ["case.opened", "case.updated"]
    assert [e.event for e in store.events(case_id=case.id)].count("case.updated") == 3
    clock.forward(3600)
    store.open_case(case)
    assert [m.event for m in queued(store)] == ["case.opened", "case.updated", "case.updated"]


def test_the_end_of_a_silenced_case_is_told(store: Store, make_case: MakeCase) -> None:
    case = make_case()
    store.open_case(case)
    store.silence(case.id, 3600, "ann")
    store.close_case(case.id)
    assert [m.event for m in queued(store)] == ["case.opened", "case.updated", "case.closed"]


@pytest.mark.parametrize("for_s", [-1.0, float("nan"), float("inf"), 31 * 86_400.0])
def test_silence_without_end(for_s: float, store: Store, make_case: MakeCase) -> None:
    case = make_case()
    store.open_case(case)
    with pytest.raises(UsageError, match="cannot be silenced for"):
        store.silence(case.id, for_s, "ann")


def test_listing(store: Store, make_case: MakeCase, clock: Clock) -> None:
    cases = []
    for machine in ("pump", "fan", "valve"):
        cases.append(make_case(machine))
        store.open_case(cases[-1])
        clock.forward(1)
    store.close_case(cases[0].id)
    assert [case.machine for case in store.cases()] == ["valve", "fan", "pump"]
    assert [case.machine for case in store.cases(open_only=True)] == ["valve", "fan"]
    assert [case.machine for case in store.cases(machine="fan")] == ["fan"]


def test_found_by_its_first_digits(store: Store, make_case: MakeCase) -> None:
    one, two = make_case("pump", id="ab" + "0" * 30), make_case("fan", id="ac" + "0" * 30)
    store.open_case(one)
    store.open_case(two)
    assert store.case("AB ").id == one.id
    with pytest.raises(UsageError, match="several cases begin with 'a'") as several:
        store.case("a")
    assert "ab000000, ac000000" in str(several.value.hint)


@pytest.mark.parametrize("text", ["", "*", "xyz", "0" * 33, "%", "a'; DROP TABLE cases"])
def test_what_is_no_identifier(text: str, store: Store) -> None:
    with pytest.raises(UsageError, match="is no case identifier"):
        store.case(text)
    with pytest.raises(UsageError, match="there is no case"):
        store.case("123")


def test_two_hands_at_once(store: Store, path: Path, make_case: MakeCase, clock: Clock) -> None:
    case = make_case(peak_score=1.0)
    store.open_case(case)
    with Store.open(path, create=False, clock=clock) as person:
        person.acknowledge(case.id, "ann")
    merged = store.update_case(dataclasses.replace(case, peak_score=7.0))
    assert (merged.acknowledged_by, merged.peak_score) == ("ann", 7.0)


def test_rows_keep_every_field(store: Store, make_case: MakeCase) -> None:
    case = make_case(evidence={"groups": [1.0], "note": "ä"}, sound_position_s=1.5, min_p_value=1e-9)
    case = case.acknowledged("ann", "2027-01-01T00:00:00.000Z").silenced("2027-01-02T00:00:00.000Z")
    with store._database.transaction() as connection:
        case_repository.save(connection, case)
        columns = {row["name"] for row in connection.execute("PRAGMA table_info(cases)")}
    assert store.case(case.id) == case
    assert columns == {field.name for field in dataclasses.fields(Case)}


def test_listeners_hear_of_a_commit(store: Store, make_case: MakeCase) -> None:
    heard: list[int] = []
    store.listeners.append(lambda: heard.append(len(store.cases())))
    store.open_case(make_case())
    assert heard == [1]


def test_another_process_may_not_slip_in_between(store: Store, make_case: MakeCase, path: Path) -> None:
    other = sqlite3.connect(path, timeout=0, isolation_level=None)
    with store._database.transaction(), pytest.raises(sqlite3.OperationalError, match="locked"):
        other.execute("BEGIN IMMEDIATE")
    other.close()
