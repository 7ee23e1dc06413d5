"""The outbox: each message once per sink, of each case in order, until delivered or given up."""

from __future__ import annotations

from collections.abc import Callable

from anomaly.alerts import AlertMessage, Case, Store
from anomaly.store.outbox_queue import LONGEST_WAIT_S
from anomaly.store.rows import DueMessage

from .conftest import Clock

MakeCase = Callable[..., Case]


def due(store: Store, clock: Clock, sink: str | None = None) -> list[DueMessage]:
    return store.due_messages(clock(), sink)


def test_one_delivery_per_sink(store: Store, clock: Clock, make_case: MakeCase) -> None:
    store.subscribe(["a", "b"])
    store.subscribe(["a", "b"])
    store.open_case(make_case())
    found = due(store, clock)
    assert [message.sink for message in found] == ["a", "b"]
    assert found[0].message == found[1].message
    assert store.pending_count(["a", "b"]) == 2
    store.delivered(found[0].id)
    assert [message.sink for message in due(store, clock)] == ["b"]
    assert (store.pending_count(["a"]), store.pending_count(["b"]), store.pending_count([])) == (0, 1, 0)


def test_of_a_case_only_the_oldest_is_due(store: Store, clock: Clock, make_case: MakeCase) -> None:
    store.subscribe(["a"])
    one, two = make_case("pump"), make_case("fan")
    store.open_case(one)
    store.open_case(two)
    store.acknowledge(one.id, "ann")
    events = [(m.message.event, m.message.machine) for m in due(store, clock)]
    assert events == [("case.opened", "pump"), ("case.opened", "fan")]
    store.failed(due(store, clock)[0].id, "no", clock() + 60)
    assert [m.message.machine for m in due(store, clock)] == ["fan"]
    clock.forward(60)
    first = due(store, clock)[0]
    assert (first.message.event, first.attempts) == ("case.opened", 1)
    store.delivered(first.id)
    assert due(store, clock)[1].message.event == "case.acknowledged"


def test_test_messages_wait_for_nobody(store: Store, clock: Clock) -> None:
    store.subscribe(["a"])
    for _ in range(3):
        store.queue_message(AlertMessage("test", "pump", "2027-01-15T09:00:00.000Z"))
    assert len(due(store, clock, "a")) == 3
    assert due(store, clock, "b") == []


def test_a_new_sink_gets_what_is_open_now(store: Store, clock: Clock, make_case: MakeCase) -> None:
    old, standing = make_case("pump"), make_case("fan")
    store.open_case(old)
    store.close_case(old.id)
    store.open_case(standing)
    store.subscribe(["late"])
    assert [m.message.case and m.message.case.id for m in due(store, clock, "late")] == [standing.id]


def test_a_clock_that_is_set_back_delays_nothing(store: Store, clock: Clock, make_case: MakeCase) -> None:
    store.subscribe(["a"])
    store.open_case(make_case())
    store.failed(due(store, clock)[0].id, "no", clock() + 10)
    assert due(store, clock) == []
    clock.forward(-2 * LONGEST_WAIT_S)
    assert len(due(store, clock)) == 1


def test_given_up(store: Store, clock: Clock, make_case: MakeCase) -> None:
    store.subscribe(["a"])
    case = make_case()
    store.open_case(case)
    store.abandoned(due(store, clock)[0], "gone for a week")
    assert due(store, clock) == []
    event = store.events(case_id=case.id)[-1]
    assert event.event == "message.abandoned"
    assert event.detail["sink"] == "a"
    assert event.detail["error"] == "gone for a week"
