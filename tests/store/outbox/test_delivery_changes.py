"""Deliveries that people send again or drop."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from anomaly.alerts import Case, Store
from anomaly.errors import UsageError
from anomaly.store.database.rows import DeliveryRow
from anomaly.store.reader import StoreReader
from support.alert_store import Clock

MakeCase = Callable[..., Case]


def deliveries(store: Store) -> list[DeliveryRow]:
    return list(StoreReader(store.path).deliveries().rows)


@pytest.fixture
def queued(store: Store, make_case: MakeCase) -> Store:
    """A store with a message that waits, one that was refused, and one that was delivered."""
    store.outbox.subscribe(["hook"])
    for machine in ("pump", "fan", "saw"):
        store.cases.open(make_case(machine))
    _, refused, made = store.outbox.due(2e9)
    store.outbox.mark_dead(refused, "answered 403")
    store.outbox.mark_delivered(made)
    return store


def test_only_what_failed_is_sent_again(queued: Store, clock: Clock) -> None:
    waiting, refused, made = deliveries(queued)
    for one in (waiting, made):
        with pytest.raises(UsageError, match=f"delivery {one.id} to hook is {one.status}"):
            queued.deliveries.resend([refused.id, one.id], "ann")
    assert [row.status for row in deliveries(queued)] == ["pending", "dead", "delivered"]
    notified: list[None] = []
    queued.outbox.listeners.append(lambda: notified.append(None))
    assert queued.deliveries.resend([refused.id], "ann") == 1
    assert len(notified) == 1
    assert [due.id for due in queued.outbox.due(clock())] == [waiting.id, refused.id]
    assert deliveries(queued)[1].finished_s is None


def test_a_number_of_no_delivery(queued: Store) -> None:
    for change in (lambda: queued.deliveries.resend([99], "ann"), lambda: queued.deliveries.drop(99, "ann")):
        with pytest.raises(UsageError, match="there is no delivery 99"):
            change()


def test_a_dropped_message_is_tried_no_more(queued: Store, clock: Clock) -> None:
    waiting, refused, made = deliveries(queued)
    assert queued.deliveries.drop(waiting.id, "ann", "of a test") == "hook"
    queued.deliveries.drop(refused.id, "ann")
    with pytest.raises(UsageError, match="is made"):
        queued.deliveries.drop(made.id, "ann")
    assert queued.outbox.due(clock()) == []
    first, second, _ = deliveries(queued)
    assert (first.status, first.error) == ("abandoned", "dropped by ann: of a test")
    assert (second.status, second.error) == ("abandoned", "dropped by ann")
    event = queued.history.events(name="message.dropped")[0]
    assert (event.case_id, event.detail["note"]) == (
        waiting.message.case.id if waiting.message.case else None,
        "of a test",
    )


def test_a_message_that_another_process_drops_is_no_damage(
    store: Store, path: Path, make_case: MakeCase, clock: Clock
) -> None:
    store.outbox.subscribe(["hook"])
    store.cases.open(make_case())
    assert not store.outbox.misses_deliveries()
    with Store.open(path, create=False, clock=clock) as other:
        (waiting,) = deliveries(other)
        other.deliveries.drop(waiting.id, "ann")
    assert store.check() is None
    assert not store.outbox.misses_deliveries()
    assert store.outbox.unconfirmed_count(["hook"]) == 0
