"""Maintenance of machines: no new cases, no messages, and notified again at its end."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest

from anomaly.alerts import AlertMessage, Case, Store
from anomaly.errors import UsageError
from support.alert_store import Clock

MakeCase = Callable[..., Case]


@pytest.fixture(autouse=True)
def sink(store: Store) -> None:
    store.outbox.subscribe(["hook"])


def events(store: Store) -> list[tuple[str, str]]:
    with store.database.reading() as connection:
        rows = connection.execute("SELECT body FROM outbox ORDER BY id").fetchall()
    found = [AlertMessage.from_json(row["body"]) for row in rows]
    return [(message.machine, message.event) for message in found]


@pytest.mark.parametrize("kind", ["machine", "sensor"])
def test_a_machine_in_maintenance_has_no_new_case(
    kind: str, store: Store, make_case: MakeCase, clock: Clock
) -> None:
    store.maintenance.begin("pump", 3600.0, "ann", "new belt")
    assert store.cases.open(make_case(kind=kind)) is None
    assert store.cases.open(make_case("fan", kind=kind)) is not None
    clock.forward(3599.0)
    assert store.cases.open(make_case(kind=kind)) is None
    clock.forward(1.0)
    assert store.cases.open(make_case(kind=kind)) is not None


def test_messages_of_an_open_case_are_held_back_and_sent_again(
    store: Store, make_case: MakeCase, clock: Clock
) -> None:
    case = make_case()
    store.cases.open(case)
    store.maintenance.begin("pump", 3600.0, "ann")
    store.cases.update(dataclasses.replace(case, severity=3))
    assert events(store) == [("pump", "case.opened")]
    clock.forward(3600.0)
    assert store.maintenance.end_over() == ["pump"]
    assert store.maintenance.end_over() == []
    assert [case.severity for case in store.cases.notify_again("pump")] == [3]
    assert events(store)[1:] == [("pump", "case.unshelved")]
    assert store.history.events(case_id=case.id)[-1].detail == {"change": "maintenance"}


def test_a_case_that_is_closed_in_maintenance_is_reported(store: Store, make_case: MakeCase) -> None:
    case = make_case()
    store.cases.open(case)
    store.maintenance.begin("pump", 3600.0, "ann")
    store.cases.close(case.id, by="ann", finding="outer-race", action="replaced")
    assert events(store) == [("pump", "case.opened"), ("pump", "case.closed")]
    assert store.cases.notify_again("pump") == []


def test_planned_maintenance_is_that_of_the_calendar(store: Store, make_case: MakeCase, clock: Clock) -> None:
    begin_s = clock()
    store.cases.planned = lambda machine, time_s: machine == "pump" and time_s < begin_s + 60.0
    assert store.cases.open(make_case()) is None
    clock.forward(60.0)
    assert store.cases.open(make_case()) is not None


def test_on_again_gives_it_another_end_and_off_ends_it(store: Store, clock: Clock) -> None:
    store.maintenance.begin("pump", 3600.0, "ann")
    store.maintenance.begin("pump", 60.0, "bob")
    assert [(row.machine, row.end_s, row.who) for row in store.maintenance.select()] == [
        ("pump", clock() + 60.0, "bob")
    ]
    assert store.maintenance.end("pump", "bob")
    assert not store.maintenance.end("pump", "bob")
    assert store.maintenance.select() == []
    names = [event.event for event in store.history.events(machine="pump")]
    assert names == ["maintenance.began", "maintenance.began", "maintenance.ended"]


@pytest.mark.parametrize("for_s", [0.0, -1.0, float("nan"), 31 * 86_400.0])
def test_its_time_is_bounded(for_s: float, store: Store) -> None:
    with pytest.raises(UsageError, match="cannot be in maintenance for"):
        store.maintenance.begin("pump", for_s, "ann")
