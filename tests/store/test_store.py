"""Cases in the store: one of a kind, with a message at each change, without lost updates."""

from __future__ import annotations

import dataclasses
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from anomaly.alerts import AlertMessage, Case, CaseState, Store
from anomaly.errors import ConfigError, InputError, UsageError
from anomaly.store.cases import case_table
from support.alert_store import Clock

MakeCase = Callable[..., Case]
MakeMessage = Callable[..., AlertMessage]


@pytest.fixture(autouse=True)
def sink(store: Store) -> str:
    store.outbox.subscribe(["hook"])
    return "hook"


def queued(store: Store) -> list[AlertMessage]:
    """All messages in the outbox, in order."""
    with store.database.reading() as connection:
        rows = connection.execute("SELECT body FROM outbox ORDER BY id").fetchall()
    return [AlertMessage.from_json(row["body"]) for row in rows]


def test_a_case_and_its_message(store: Store, make_case: MakeCase, make_message: MakeMessage) -> None:
    case = make_case(peak_score=4.5, evidence={"groups": [1.0]}, sound_position_s=12.0)
    message = make_message(case=case)
    assert store.cases.open(case, message) == case
    assert store.cases.find(case.id) == case
    assert queued(store) == [message]
    assert [event.event for event in store.history.events(case_id=case.id)] == ["case.opened"]


def test_case_and_message_are_stored_together_or_not_at_all(
    store: Store, make_case: MakeCase, make_message: MakeMessage, monkeypatch: pytest.MonkeyPatch
) -> None:
    case, message = make_case(), make_message(case=make_case("fan"))
    store.outbox.queue(message)
    with pytest.raises(ConfigError, match="UNIQUE constraint failed"):
        store.cases.open(case, message)
    assert store.cases.select() == []
    assert store.history.events() == []


def test_a_change_without_a_message_queues_a_default_one(store: Store, make_case: MakeCase) -> None:
    case = make_case()
    store.cases.open(case)
    assert [(m.event, m.machine, m.case) for m in queued(store)] == [("case.opened", "pump", case)]


def test_opening_again_is_harmless(store: Store, make_case: MakeCase, make_message: MakeMessage) -> None:
    first = store.cases.open(make_case(peak_score=1.0), make_message())
    again = store.cases.open(make_case(peak_score=2.0), make_message())
    assert first is not None
    assert again == dataclasses.replace(first, peak_score=2.0)
    assert len(store.cases.select()) == len(queued(store)) == 1


def test_an_alarm_that_comes_back(store: Store, make_case: MakeCase, make_message: MakeMessage) -> None:
    case = make_case()
    store.cases.open(case)
    store.cases.mark_returned(case.id)
    again = store.cases.open(make_case(), make_message())
    assert again is not None
    assert (again.id, again.state) == (case.id, CaseState.ACTIVE_UNACKNOWLEDGED)
    assert [m.event for m in queued(store)] == ["case.opened", "case.returned", "case.escalated"]
    assert queued(store)[-1].change == "again"


def test_a_dead_microphone_inhibits_new_machine_cases(store: Store, make_case: MakeCase) -> None:
    sensor = make_case(kind="sensor")
    assert store.cases.open(sensor) == sensor
    assert store.cases.open(make_case()) is None
    assert store.cases.open(make_case("fan")) is not None
    store.cases.close(sensor.id)
    assert store.cases.open(make_case()) is not None


def test_an_open_machine_case_stays_open_beside_a_sensor_case(store: Store, make_case: MakeCase) -> None:
    case = make_case(peak_score=1.0)
    store.cases.open(case)
    assert store.cases.open(make_case(kind="sensor")) is not None
    again = store.cases.open(make_case(peak_score=9.0))
    assert again is not None
    assert again.id == case.id


def test_newer_measurements(store: Store, make_case: MakeCase, make_message: MakeMessage) -> None:
    case = make_case(peak_score=1.0)
    store.cases.open(case)
    store.cases.acknowledge(case.id, "ann")
    newer = dataclasses.replace(case, peak_score=2.0, summary="Louder")
    stored = store.cases.update(newer)
    assert (stored.peak_score, stored.summary) == (2.0, "Louder")
    assert stored.state == CaseState.ACTIVE_ACKNOWLEDGED
    assert len(queued(store)) == 2
    store.cases.update(newer, make_message("case.escalated"))
    assert len(queued(store)) == 2


def test_each_severity_is_one_event(store: Store, make_case: MakeCase, make_message: MakeMessage) -> None:
    case = make_case(peak_score=1.0)
    store.cases.open(case)
    for severity in (1, 2, 1, 2, 3, 1, 3):
        store.cases.update(dataclasses.replace(case, severity=severity), make_message("case.escalated"))
    events = store.history.events(case_id=case.id, name="case.escalated")
    assert [event.detail for event in events] == [
        {"change": "severity", "from": 1, "to": 2},
        {"change": "severity", "from": 2, "to": 3},
    ]
    assert [(m.event, m.case and m.case.severity) for m in queued(store)] == [
        *(("case.opened", 1), ("case.escalated", 2), ("case.escalated", 3))
    ]
    store.cases.open(make_case(severity=2))
    assert len(queued(store)) == 3


def test_a_closed_case_is_not_updated(store: Store, make_case: MakeCase, make_message: MakeMessage) -> None:
    case = make_case(peak_score=1.0)
    store.cases.open(case)
    closed = store.cases.close(case.id, by="ann", note="bearing changed")
    assert store.cases.update(dataclasses.replace(case, peak_score=5.0), make_message()) == closed
    assert [m.event for m in queued(store)] == ["case.opened", "case.closed"]


def test_closing_twice_queues_one_message(store: Store, make_case: MakeCase, clock: Clock) -> None:
    case = make_case()
    store.cases.open(case)
    closed = store.cases.close(case.id)
    clock.forward(60)
    assert store.cases.close(case.id) == closed
    assert [m.event for m in queued(store)] == ["case.opened", "case.closed"]


def test_acknowledged(store: Store, make_case: MakeCase, clock: Clock) -> None:
    case = make_case()
    store.cases.open(case)
    known = store.cases.acknowledge(case.id, "ann", "going there")
    clock.forward(60)
    assert store.cases.acknowledge(case.id, "bob") == known
    assert known.acknowledged_by == "ann"
    event = store.history.events(case_id=case.id)[-1]
    assert (event.event, event.detail) == ("case.acknowledged", {"by": "ann", "note": "going there"})
    assert store.cases.mark_returned(case.id).state == CaseState.CLOSED
    assert [m.event for m in queued(store)] == ["case.opened", "case.acknowledged", "case.closed"]
    with pytest.raises(InputError, match="is closed since"):
        store.cases.acknowledge(case.id, "bob")


def test_returned_then_acknowledged_is_closed(store: Store, make_case: MakeCase) -> None:
    case = make_case()
    store.cases.open(case)
    assert store.cases.mark_returned(case.id).state == CaseState.RETURNED_UNACKNOWLEDGED
    assert store.cases.mark_returned(case.id).is_open
    assert store.cases.acknowledge(case.id, "ann").state == CaseState.CLOSED
    assert [m.event for m in queued(store)] == ["case.opened", "case.returned", "case.closed"]


def test_shelving_holds_messages_back(store: Store, make_case: MakeCase, clock: Clock) -> None:
    case = make_case()
    store.cases.open(case)
    store.cases.shelve(case.id, 3600, "ann", "known")
    store.cases.update(dataclasses.replace(case, severity=2))
    store.cases.mark_returned(case.id)
    assert [m.event for m in queued(store)] == ["case.opened", "case.shelved"]
    assert (queued(store)[-1].by, queued(store)[-1].note) == ("ann", "known")
    assert [e.event for e in store.history.events(case_id=case.id)] == [
        *("case.opened", "case.shelved", "case.escalated", "case.returned")
    ]
    clock.forward(3600)
    store.cases.open(case)
    assert [m.event for m in queued(store)] == ["case.opened", "case.shelved", "case.escalated"]


def test_a_case_that_is_open_when_its_shelving_ends_is_notified_again(
    store: Store, make_case: MakeCase, clock: Clock
) -> None:
    one, two = make_case("pump"), make_case("fan")
    for case in (one, two):
        store.cases.open(case)
        store.cases.shelve(case.id, 3600, "ann")
    store.cases.close(two.id)
    clock.forward(3599)
    assert store.cases.end_shelving() == []
    clock.forward(1)
    assert [case.id for case in store.cases.end_shelving()] == [one.id]
    assert store.cases.end_shelving() == []
    assert store.cases.find(one.id).silenced_until is None
    notice = queued(store)[-1]
    assert (notice.event, notice.change, notice.machine) == ("case.unshelved", "expired", "pump")


def test_shelving_is_ended_by_hand(store: Store, make_case: MakeCase) -> None:
    case = make_case()
    store.cases.open(case)
    store.cases.shelve(case.id, 3600, "ann")
    store.cases.unshelve(case.id, "bob", "spare part is here")
    store.cases.unshelve(case.id, "bob")
    store.cases.shelve(case.id, 60, "ann")
    assert store.cases.shelve(case.id, 0, "ann").silenced_until is None
    assert [m.event for m in queued(store)[1:]] == ["case.shelved", "case.unshelved"] * 2
    store.cases.close(case.id)
    with pytest.raises(InputError, match="cannot be unshelved"):
        store.cases.unshelve(case.id, "ann")


def test_the_end_of_a_shelved_case_is_sent(store: Store, make_case: MakeCase) -> None:
    case = make_case()
    store.cases.open(case)
    store.cases.shelve(case.id, 3600, "ann")
    store.cases.close(case.id)
    assert [m.event for m in queued(store)] == ["case.opened", "case.shelved", "case.closed"]


@pytest.mark.parametrize("for_s", [-1.0, float("nan"), float("inf"), 31 * 86_400.0])
def test_shelving_is_bounded(for_s: float, store: Store, make_case: MakeCase) -> None:
    case = make_case()
    store.cases.open(case)
    with pytest.raises(UsageError, match="cannot be shelved for"):
        store.cases.shelve(case.id, for_s, "ann")


def test_assigned_and_commented(store: Store, make_case: MakeCase) -> None:
    case = make_case()
    store.cases.open(case)
    assert store.cases.assign(case.id, " bob ", "ann", "you know it").assigned_to == "bob"
    store.cases.assign(case.id, "bob", "ann")
    store.cases.comment(case.id, "the belt is loose", "bob")
    store.cases.comment(case.id, "the belt is loose", "bob")
    assert [(m.event, m.by, m.note) for m in queued(store)[1:]] == [
        ("case.assigned", "ann", "you know it"),
        ("case.commented", "bob", "the belt is loose"),
        ("case.commented", "bob", "the belt is loose"),
    ]
    assert store.history.events(case_id=case.id)[1].detail["to"] == "bob"
    assert store.cases.assign(case.id, "", "ann").assigned_to is None
    store.cases.close(case.id)
    assert not store.cases.comment(case.id, "all is well", "bob").is_open
    with pytest.raises(InputError, match="cannot be assigned"):
        store.cases.assign(case.id, "bob", "ann")
    with pytest.raises(UsageError, match="the comment is empty"):
        store.cases.comment(case.id, "  ", "bob")


def test_closed_with_a_finding(store: Store, make_case: MakeCase) -> None:
    case = make_case()
    store.cases.open(case)
    with pytest.raises(UsageError, match="'rust' is no finding") as refused:
        store.cases.close(case.id, by="ann", finding="rust")
    assert "inner-race, outer-race, ball" in str(refused.value.hint)
    assert store.cases.find(case.id).is_open
    closed = store.cases.close(case.id, by="ann", finding="Outer Race", action="replaced", rebaseline=True)
    assert (closed.finding, closed.action) == ("outer-race", "replaced")
    ended, baseline = store.history.events(case_id=case.id)[1:]
    assert ended.detail == {"by": "ann", "note": "", "finding": "outer-race", "action": "replaced"}
    assert (baseline.event, baseline.machine) == ("machine.rebaselined", "pump")


def test_the_history_of_a_case_is_append_only(store: Store, make_case: MakeCase) -> None:
    case = make_case()
    store.cases.open(case)
    for statement in ("UPDATE events SET detail = '{}'", "DELETE FROM events"):
        with pytest.raises(ConfigError, match="append-only"), store.database.transaction() as connection:
            connection.execute(statement)
    store.cases.close(case.id)
    with store.database.transaction() as connection:
        connection.execute("DELETE FROM events")


def test_asset_facts_are_stored_with_the_case(
    store: Store, path: Path, make_case: MakeCase, clock: Clock
) -> None:
    facts = {"display_name": "Feed pump", "criticality": "high"}
    store.cases.asset = lambda machine: facts if machine == "pump" else {}
    case = make_case()
    store.cases.open(case)
    store.cases.open(make_case("fan"))
    with Store.open(path, create=False, clock=clock) as operator:
        operator.cases.acknowledge(case.id, "ann")
    assert [(m.case and m.case.asset) for m in queued(store)] == [facts, {}, facts]
    facts = {"criticality": "low"}
    assert store.cases.update(case).asset == facts


def test_listing(store: Store, make_case: MakeCase, clock: Clock) -> None:
    cases = []
    for machine in ("pump", "fan", "valve"):
        cases.append(make_case(machine))
        store.cases.open(cases[-1])
        clock.forward(1)
    store.cases.close(cases[0].id)
    assert [case.machine for case in store.cases.select()] == ["valve", "fan", "pump"]
    assert [case.machine for case in store.cases.select(open_only=True)] == ["valve", "fan"]
    assert [case.machine for case in store.cases.select(machine="fan")] == ["fan"]


def test_a_case_is_found_by_its_first_digits(store: Store, make_case: MakeCase) -> None:
    one, two = make_case("pump", id="ab" + "0" * 30), make_case("fan", id="ac" + "0" * 30)
    store.cases.open(one)
    store.cases.open(two)
    assert store.cases.find("AB ").id == one.id
    with pytest.raises(UsageError, match="several cases begin with 'a'") as several:
        store.cases.find("a")
    assert "ab000000, ac000000" in str(several.value.hint)


@pytest.mark.parametrize("text", ["", "*", "xyz", "0" * 33, "%", "a'; DROP TABLE cases"])
def test_invalid_identifiers_are_refused(text: str, store: Store) -> None:
    with pytest.raises(UsageError, match="is no case identifier"):
        store.cases.find(text)
    with pytest.raises(UsageError, match="there is no case"):
        store.cases.find("123")


def test_changes_by_two_processes_are_merged(
    store: Store, path: Path, make_case: MakeCase, clock: Clock
) -> None:
    case = make_case(peak_score=1.0)
    store.cases.open(case)
    with Store.open(path, create=False, clock=clock) as operator:
        operator.cases.acknowledge(case.id, "ann")
    merged = store.cases.update(dataclasses.replace(case, peak_score=7.0))
    assert (merged.acknowledged_by, merged.peak_score) == ("ann", 7.0)


def test_rows_keep_every_field(store: Store, make_case: MakeCase) -> None:
    case = make_case(
        evidence={"groups": [1.0], "note": "ä"},
        sound_position_s=1.5,
        min_p_value=1e-9,
        asset={"location": "Hall Ä"},
    )
    case = (
        case.acknowledged("ann", "2027-01-01T00:00:00.000Z")
        .shelved("2027-01-02T00:00:00.000Z")
        .assigned("bob")
    )
    with store.database.transaction() as connection:
        case_table.save(connection, case)
        columns = {row["name"] for row in connection.execute("PRAGMA table_info(cases)")}
    assert store.cases.find(case.id) == case
    assert columns == {field.name for field in dataclasses.fields(Case)}


def test_listeners_are_notified_of_a_commit(store: Store, make_case: MakeCase) -> None:
    counts: list[int] = []
    store.outbox.listeners.append(lambda: counts.append(len(store.cases.select())))
    store.cases.open(make_case())
    assert counts == [1]


def test_a_transaction_excludes_another_process(store: Store, make_case: MakeCase, path: Path) -> None:
    other = sqlite3.connect(path, timeout=0, isolation_level=None)
    with store.database.transaction(), pytest.raises(sqlite3.OperationalError, match="locked"):
        other.execute("BEGIN IMMEDIATE")
    other.close()
