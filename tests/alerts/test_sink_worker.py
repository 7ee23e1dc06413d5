"""Marks of deliveries: at once where a repetition would be a second message, together where its key tells."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from anomaly.alerts import AlertMessage, Case, RetryPolicy, Store
from anomaly.alerts.sink_worker import SinkWorker
from anomaly.alerts.sinks import SinkError
from support.alert_store import Clock


class CountingSink:
    """Sink that counts, at each delivery, the deliveries that the store still has to make."""

    name = "plant"

    def __init__(self, store: Store, *, keyed: bool) -> None:
        self.keyed = keyed
        self.pending: list[int] = []
        self.fails_at = 99
        self._store = store

    def deliver(self, message: AlertMessage) -> None:
        if len(self.pending) == self.fails_at:
            raise SinkError("refused")
        self.pending.append(self._store.outbox.pending_count([self.name]))

    def close(self) -> None: ...


def worker_of(store: Store, sink: CountingSink, clock: Clock, make_case: Callable[..., Case]) -> SinkWorker:
    store.outbox.subscribe([sink.name])
    for number in range(3):
        store.cases.open(make_case(machine=f"m{number}"))
    return SinkWorker(store, sink, clock=clock, seed=1, retry=RetryPolicy(), poll_s=0.01)


@pytest.mark.parametrize(("keyed", "pending"), [(False, [3, 2, 1]), (True, [3, 3, 3])])
def test_deliveries_are_marked_together_only_where_the_receiver_knows_their_keys(
    store: Store,
    clock: Clock,
    make_case: Callable[..., Case],
    monkeypatch: pytest.MonkeyPatch,
    keyed: bool,
    pending: list[int],
) -> None:
    monkeypatch.setattr("anomaly.alerts.sink_worker._GATHER_S", 60.0)
    sink = CountingSink(store, keyed=keyed)
    assert worker_of(store, sink, clock, make_case).step() == 3
    assert sink.pending == pending
    assert store.outbox.pending_count([sink.name]) == 0


def test_what_was_delivered_before_a_failure_is_marked(
    store: Store, clock: Clock, make_case: Callable[..., Case], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("anomaly.alerts.sink_worker._GATHER_S", 60.0)
    sink = CountingSink(store, keyed=True)
    sink.fails_at = 2
    assert worker_of(store, sink, clock, make_case).step() == 2
    assert store.outbox.pending_count([sink.name]) == 1
