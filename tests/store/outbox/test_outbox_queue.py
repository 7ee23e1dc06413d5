"""The outbox: each message once per sink, of each case in order, until delivered, refused or given up."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from anomaly.alerts import AlertMessage, Case, Store
from anomaly.store.cases import case_table
from anomaly.store.database.database_error import DatabaseError
from anomaly.store.database.rows import DueMessage
from anomaly.store.outbox.delivery_table import LONGEST_WAIT_S
from anomaly.store.reader import StoreReader
from support.alert_store import Clock

MakeCase = Callable[..., Case]


def due(store: Store, clock: Clock, sink: str | None = None) -> list[DueMessage]:
    return store.outbox.due(clock(), sink)


def test_one_delivery_per_sink(store: Store, clock: Clock, make_case: MakeCase) -> None:
    store.outbox.subscribe(["a", "b"])
    store.outbox.subscribe(["a", "b"])
    store.cases.open(make_case())
    found = due(store, clock)
    assert [message.sink for message in found] == ["a", "b"]
    assert found[0].message == found[1].message
    assert store.outbox.pending_count(["a", "b"]) == 2
    store.outbox.mark_delivered(found[0])
    assert [message.sink for message in due(store, clock)] == ["b"]
    assert (
        store.outbox.pending_count(["a"]),
        store.outbox.pending_count(["b"]),
        store.outbox.pending_count([]),
    ) == (0, 1, 0)


def test_of_a_case_only_the_oldest_is_due(store: Store, clock: Clock, make_case: MakeCase) -> None:
    store.outbox.subscribe(["a"])
    one, two = make_case("pump"), make_case("fan")
    store.cases.open(one)
    store.cases.open(two)
    store.cases.acknowledge(one.id, "ann")
    events = [(m.message.event, m.message.machine) for m in due(store, clock)]
    assert events == [("case.opened", "pump"), ("case.opened", "fan")]
    store.outbox.mark_failed(due(store, clock)[0], "no", clock() + 60)
    assert [m.message.machine for m in due(store, clock)] == ["fan"]
    clock.forward(60)
    first = due(store, clock)[0]
    assert (first.message.event, first.attempts) == ("case.opened", 1)
    store.outbox.mark_delivered(first)
    assert due(store, clock)[1].message.event == "case.acknowledged"


def test_a_transaction_that_is_repeated_after_its_commit_queues_its_message_once(
    store: Store, clock: Clock, make_case: MakeCase
) -> None:
    """As after damage: the case is as before the transaction, and its message is there, with another time."""
    store.outbox.subscribe(["a"])
    case = make_case()
    store.cases.open(case)
    (opening,) = due(store, clock)
    store.outbox.mark_delivered(opening)
    message = AlertMessage("case.closed", "pump", case.opened_at)
    store.cases.close(case.id, message)
    with store.database.transaction() as connection:
        case_table.save(connection, case)
    clock.forward(5)
    again = store.cases.close(case.id, message)
    (closing,) = due(store, clock)
    assert (closing.message.id, closing.message.case) == (message.id, again)


def test_an_alert_whose_row_is_lost_while_the_index_holds_its_key_is_not_lost(
    store: Store, clock: Clock, make_case: MakeCase
) -> None:
    store.outbox.subscribe(["a"])
    case = make_case()
    message = AlertMessage("case.opened", "pump", case.opened_at)
    kept = AlertMessage("test", "fan", case.opened_at)
    store.outbox.queue(kept)
    store.outbox.queue(AlertMessage("test", "pump", case.opened_at, id=message.id))
    # The row of another message stands where the index says that this one is.
    with store.database.transaction() as connection:
        connection.execute(
            "UPDATE outbox SET body = (SELECT body FROM outbox WHERE message_id = ?) WHERE message_id = ?",
            (kept.id, message.id),
        )
    with pytest.raises(DatabaseError, match="leads from message") as caught:
        store.cases.open(case, message)
    assert caught.value.is_damage


def test_test_messages_wait_for_no_case(store: Store, clock: Clock) -> None:
    store.outbox.subscribe(["a"])
    for _ in range(3):
        store.outbox.queue(AlertMessage("test", "pump", "2027-01-15T09:00:00.000Z"))
    assert len(due(store, clock, "a")) == 3
    assert due(store, clock, "b") == []


def test_a_new_sink_gets_the_messages_of_open_cases(store: Store, clock: Clock, make_case: MakeCase) -> None:
    old, standing = make_case("pump"), make_case("fan")
    store.cases.open(old)
    store.cases.close(old.id)
    store.cases.open(standing)
    store.outbox.subscribe(["late"])
    assert [m.message.case and m.message.case.id for m in due(store, clock, "late")] == [standing.id]


def test_a_clock_that_is_set_back_delays_nothing(store: Store, clock: Clock, make_case: MakeCase) -> None:
    store.outbox.subscribe(["a"])
    store.cases.open(make_case())
    store.outbox.mark_failed(due(store, clock)[0], "no", clock() + 10)
    assert due(store, clock) == []
    clock.forward(-2 * LONGEST_WAIT_S)
    assert len(due(store, clock)) == 1


def test_given_up(store: Store, clock: Clock, make_case: MakeCase) -> None:
    store.outbox.subscribe(["a"])
    case = make_case()
    store.cases.open(case)
    store.outbox.mark_abandoned(due(store, clock)[0], "gone for a week")
    assert due(store, clock) == []
    event = store.history.events(case_id=case.id)[-1]
    assert event.event == "message.abandoned"
    assert event.detail["sink"] == "a"
    assert event.detail["error"] == "gone for a week"


def test_dead_letter(store: Store, clock: Clock, make_case: MakeCase) -> None:
    store.outbox.subscribe(["a", "b"])
    case = make_case()
    store.cases.open(case)
    clock.forward(5)
    (first, *_) = [message for message in due(store, clock) if message.sink == "a"]
    store.outbox.mark_dead(first, "answered 403")
    assert [message.sink for message in due(store, clock)] == ["b"]
    (letter,) = StoreReader(store.path).dead_letters().rows
    assert (letter.sink, letter.status, letter.error, letter.finished_s) == (
        "a",
        "dead",
        "answered 403",
        clock(),
    )
    assert letter.message == first.message
    event = store.history.events(case_id=case.id)[-1]
    assert event.event == "message.dead-lettered"
    assert event.detail == {"sink": "a", "message": first.message.id, "error": "answered 403"}


def test_dead_letters_are_carried_over_from_a_damaged_database(
    store: Store, clock: Clock, make_case: MakeCase
) -> None:
    store.outbox.subscribe(["a"])
    store.cases.open(make_case())
    store.outbox.mark_dead(due(store, clock)[0], "answered 403")
    store.database.suspect = True
    store.database.is_sound = lambda: False  # type: ignore[method-assign]
    assert store.check() is not None
    assert [letter.error for letter in StoreReader(store.path).dead_letters().rows] == ["answered 403"]


def test_an_index_leads_to_what_waits_for_a_sink(store: Store, clock: Clock) -> None:
    traced: list[str] = []
    with store.database.reading() as connection:
        connection.set_trace_callback(traced.append)
    store.outbox.due(clock(), "a")
    with store.database.reading() as connection:
        connection.set_trace_callback(None)
        plan = [row["detail"] for row in connection.execute(f"EXPLAIN QUERY PLAN {traced[-1]}")]
    assert any("deliveries_waiting (sink=?)" in step for step in plan)
    assert not [step for step in plan if "SCAN" in step or "TEMP B-TREE" in step]
