"""Deliveries: at least once, in order, repeated, through failures of sink, disk and process."""

from __future__ import annotations

import random
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from anomaly.alerts import AlertMessage, Case, Dispatcher, RetryPolicy, ScoreRow, Store
from anomaly.alerts.sink_worker import SinkWorker
from anomaly.alerts.sinks import SinkError
from anomaly.errors import ConfigError, RemoteError
from anomaly.store.database.rows import LiveScore
from anomaly.store.reader import StoreReader
from support.alert_store import Clock

MakeCase = Callable[..., Case]
QUICK = RetryPolicy(first_s=0.01, longest_s=0.05)


class Recorder:
    """Sink that records messages, and raises the planned failures first."""

    def __init__(self, name: str = "recorder") -> None:
        self.name = name
        self.got: list[AlertMessage] = []
        self.failures: list[Exception] = []
        self.closed = 0
        self.before: Callable[[], object] = lambda: None

    def deliver(self, message: AlertMessage) -> None:
        self.before()
        if self.failures:
            raise self.failures.pop(0)
        self.got.append(message)

    def close(self) -> None:
        self.closed += 1

    @property
    def events(self) -> list[str]:
        return [message.event for message in self.got]


@pytest.fixture
def sink() -> Recorder:
    return Recorder()


@pytest.fixture
def worker(store: Store, sink: Recorder, clock: Clock) -> SinkWorker:
    store.outbox.subscribe([sink.name])
    return SinkWorker(store, sink, clock=clock, seed=1, retry=RetryPolicy(), poll_s=0.01)


def test_delivers_what_is_queued(store: Store, sink: Recorder, make_case: MakeCase) -> None:
    with Dispatcher(store, [sink], poll_s=60) as dispatcher:
        case = make_case()
        store.cases.open(case)
        store.cases.acknowledge(case.id, "ann")
        store.cases.close(case.id)
        assert dispatcher.drain(5)
    assert sink.events == ["case.opened", "case.acknowledged", "case.closed"]
    assert sink.closed == 1


def test_messages_of_another_process_are_found(
    store: Store, path: Path, sink: Recorder, make_case: MakeCase, clock: Clock
) -> None:
    with Dispatcher(store, [sink], poll_s=0.01) as dispatcher, Store.open(path, clock=clock) as other:
        other.cases.open(make_case())
        assert dispatcher.drain(5)
    assert sink.events == ["case.opened"]


def test_a_failure_is_tried_again_later(
    store: Store, sink: Recorder, worker: SinkWorker, clock: Clock, make_case: MakeCase
) -> None:
    store.cases.open(make_case())
    sink.failures = [RemoteError("down")] * 3
    waits = []
    for _ in range(3):
        assert worker.step() == 0
        started = clock()
        while not store.outbox.due(clock(), sink.name):
            clock.forward(0.1)
        waits.append(clock() - started)
    assert worker.step() == 1
    assert sink.events == ["case.opened"]
    assert all(0.5 * 2**i <= wait <= 2**i + 0.11 for i, wait in enumerate(waits))


def test_the_other_side_may_request_a_longer_wait(
    store: Store, sink: Recorder, worker: SinkWorker, clock: Clock, make_case: MakeCase
) -> None:
    store.cases.open(make_case())
    sink.failures = [SinkError("busy", retry_after_s=120.0)]
    worker.step()
    clock.forward(119)
    assert store.outbox.due(clock()) == []
    clock.forward(1)
    assert worker.step() == 1


def test_order_within_a_case_and_not_between(
    store: Store, sink: Recorder, worker: SinkWorker, clock: Clock, make_case: MakeCase
) -> None:
    one = make_case("pump")
    store.cases.open(one)
    store.cases.open(make_case("fan"))
    store.cases.acknowledge(one.id, "ann")
    sink.failures = [RemoteError("down")]
    worker.step()
    worker.step()
    assert [(m.machine, m.event) for m in sink.got] == [("fan", "case.opened")]
    clock.forward(2)
    worker.step()
    worker.step()
    assert [(m.machine, m.event) for m in sink.got[1:]] == [
        ("pump", "case.opened"),
        ("pump", "case.acknowledged"),
    ]


def test_repetitions_carry_the_same_key(
    store: Store, sink: Recorder, worker: SinkWorker, make_case: MakeCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.cases.open(make_case())
    monkeypatch.setattr(store.outbox, "mark_delivered", _full_disk)
    with pytest.raises(ConfigError):
        worker.step()
    monkeypatch.undo()
    restarted = SinkWorker(store, sink, clock=time.time, seed=1, retry=RetryPolicy(), poll_s=0.01)
    assert restarted.step() == 1
    assert len(sink.got) == 2
    assert len({message.id for message in sink.got}) == 1


def _full_disk(*_: Any) -> None:
    raise ConfigError("database or disk is full")


def test_a_full_disk_repeats_the_mark_not_the_message(
    store: Store,
    sink: Recorder,
    make_case: MakeCase,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with Dispatcher(store, [sink], poll_s=0.01) as dispatcher:
        monkeypatch.setattr(store.outbox, "mark_delivered", _full_disk)
        store.cases.open(make_case())
        assert not dispatcher.drain(0.3)
        monkeypatch.undo()
        assert dispatcher.drain(5)
    assert len(sink.got) == 1
    assert caplog.text.count("database or disk is full") == 1


def test_given_up_after_a_week(
    store: Store, sink: Recorder, worker: SinkWorker, clock: Clock, make_case: MakeCase
) -> None:
    case = make_case()
    store.cases.open(case)
    clock.forward(7 * 86_400)
    sink.failures = [RemoteError("down")]
    worker.step()
    assert store.outbox.pending_count([sink.name]) == 0
    assert store.history.events(case_id=case.id)[-1].event == "message.abandoned"


def test_a_refused_message_is_a_dead_letter_at_once(
    store: Store, sink: Recorder, worker: SinkWorker, make_case: MakeCase, caplog: pytest.LogCaptureFixture
) -> None:
    case = make_case()
    store.cases.open(case)
    store.cases.acknowledge(case.id, "ann")
    sink.failures = [SinkError("answered 400", permanent=True)]
    assert worker.step() == 1
    assert worker.step() == 1
    # The refused message does not hold up the next one of its case.
    assert sink.events == ["case.acknowledged"]
    (letter,) = StoreReader(store.path).dead_letters().rows
    assert (letter.sink, letter.error, letter.message.event) == (sink.name, "answered 400", "case.opened")
    assert store.history.events(name="message.dead-lettered")[0].case_id == case.id
    assert store.history.events(name="message.abandoned") == []
    warnings = [record for record in caplog.records if record.levelname == "WARNING"]
    assert [record.getMessage() for record in warnings] == [
        f"sink recorder: message {letter.message.id} is refused and kept as a dead letter: answered 400"
    ]


def test_a_dead_letter_does_not_end_the_round(
    store: Store, sink: Recorder, worker: SinkWorker, make_case: MakeCase
) -> None:
    for machine in ("pump", "fan", "saw"):
        store.cases.open(make_case(machine))
    sink.failures = [SinkError("answered 400", permanent=True)] * 2
    assert worker.step() == 3
    assert [message.machine for message in sink.got] == ["saw"]


def test_a_message_that_failed_before_can_still_be_refused(
    store: Store, sink: Recorder, worker: SinkWorker, clock: Clock, make_case: MakeCase
) -> None:
    store.cases.open(make_case())
    sink.failures = [SinkError("answered 503"), SinkError("answered 410", permanent=True)]
    assert worker.step() == 0
    clock.forward(2)
    assert worker.step() == 1
    (letter,) = StoreReader(store.path).dead_letters(sink=sink.name).rows
    assert (letter.attempts, letter.error, letter.finished_s) == (1, "answered 410", clock())
    assert store.outbox.pending_count([sink.name]) == 0


def test_a_sink_that_is_away_is_asked_with_one_message_at_intervals(
    store: Store, sink: Recorder, worker: SinkWorker, clock: Clock, make_case: MakeCase
) -> None:
    for number in range(20):
        store.cases.open(make_case(f"m{number}"))
    tries: list[float] = []
    sink.before = lambda: tries.append(clock())
    sink.failures = [RemoteError("down")] * 10_000
    for _ in range(3_000):
        worker.step()
        clock.forward(0.1)
    # Without the breaker each of the twenty messages would have been tried eight times or more.
    assert 5 <= len(tries) <= 20
    assert [event.event for event in store.history.events()][-1] == "sink.away"
    sink.failures = []
    clock.forward(60.0)
    assert worker.step() == 20
    assert store.outbox.pending_count([sink.name]) == 0
    assert [event.detail["sink"] for event in store.history.events(name="sink.back")] == ["recorder"]


def test_a_message_that_fails_for_ever_holds_up_no_other(
    store: Store, sink: Recorder, worker: SinkWorker, clock: Clock, make_case: MakeCase
) -> None:
    store.cases.open(make_case("poison"))
    deliver = sink.deliver

    def picky(message: AlertMessage) -> None:
        if message.machine == "poison":
            raise SinkError("answered 500")
        deliver(message)

    sink.deliver = picky  # type: ignore[method-assign]
    for _ in range(300):
        worker.step()
        clock.forward(1.0)
    assert store.history.events(name="sink.away") != []
    for number in range(3):
        store.cases.open(make_case(f"m{number}"))
    for _ in range(61):
        worker.step()
        clock.forward(1.0)
    assert [message.machine for message in sink.got] == ["m0", "m1", "m2"]


def test_a_refusal_is_an_answer(
    store: Store, sink: Recorder, worker: SinkWorker, clock: Clock, make_case: MakeCase
) -> None:
    for number in range(12):
        store.cases.open(make_case(f"m{number}"))
    sink.failures = [SinkError("answered 400", permanent=True)] * 10
    assert worker.step() == 12
    assert len(sink.got) == 2
    assert store.history.events(name="sink.away") == []


def test_a_letter_is_sent_again_with_the_same_key(
    store: Store, sink: Recorder, worker: SinkWorker, make_case: MakeCase
) -> None:
    store.cases.open(make_case())
    sink.failures = [SinkError("answered 401", permanent=True)]
    worker.step()
    (letter,) = StoreReader(store.path).dead_letters().rows
    assert store.deliveries.resend_all("ann", "another") == 0
    assert store.deliveries.resend_all("ann") == 1
    assert worker.step() == 1
    assert [message.id for message in sink.got] == [letter.message.id]
    assert store.history.events(name="message.resent")[0].detail["by"] == "ann"


def test_a_bug_in_a_sink_stops_nothing(
    store: Store, sink: Recorder, make_case: MakeCase, caplog: pytest.LogCaptureFixture
) -> None:
    sink.failures = [ZeroDivisionError("bug")]
    with Dispatcher(store, [sink], retry=QUICK, poll_s=0.01) as dispatcher:
        store.cases.open(make_case())
        assert dispatcher.drain(5)
    assert sink.events == ["case.opened"]
    assert "unexpected failure" in caplog.text


def test_a_slow_sink_delays_no_other(store: Store, make_case: MakeCase) -> None:
    slow, quick = Recorder("slow"), Recorder("quick")
    release = threading.Event()
    slow.before = lambda: release.wait(5)
    with Dispatcher(store, [slow, quick], poll_s=0.01) as dispatcher:
        store.cases.open(make_case())
        end = time.monotonic() + 5
        while not quick.got and time.monotonic() < end:
            time.sleep(0.01)
        assert quick.events == ["case.opened"]
        assert not dispatcher.drain(0.05)
        release.set()
        assert dispatcher.drain(5)


def test_two_dispatchers_deliver_once(store: Store, path: Path, make_case: MakeCase, clock: Clock) -> None:
    one, two = Recorder("same"), Recorder("same")
    with Store.open(path, clock=clock) as other, Dispatcher(store, [one], poll_s=0.01) as first:
        for i in range(20):
            store.cases.open(make_case(f"m{i}"))
        with Dispatcher(other, [two], poll_s=0.01) as second:
            assert first.drain(10)
            assert second.drain(10)
    assert len(one.got) + len(two.got) == 20


def test_stopping_keeps_what_is_not_delivered(store: Store, sink: Recorder, make_case: MakeCase) -> None:
    sink.failures = [RemoteError("down")] * 1000
    with Dispatcher(store, [sink], poll_s=0.01):
        store.cases.open(make_case())
    assert store.outbox.pending_count([sink.name]) == 1
    assert store.outbox.listeners == []
    again = Recorder()
    with Dispatcher(store, [again], retry=QUICK, poll_s=0.01) as dispatcher:
        assert dispatcher.drain(5)
    assert again.events == ["case.opened"]


def test_two_sinks_of_one_name(store: Store) -> None:
    with pytest.raises(ConfigError, match="two sinks have one name"):
        Dispatcher(store, [Recorder(), Recorder()])


def test_waits_grow_with_jitter_and_repeat_with_the_seed() -> None:
    policy = RetryPolicy(first_s=1, longest_s=100)
    waits = [policy.wait_s(i, random.Random(3)) for i in range(200)]
    assert waits == [policy.wait_s(i, random.Random(3)) for i in range(200)]
    assert all(0.5 * min(100, 2.0**i) <= wait <= min(100, 2.0**i) for i, wait in enumerate(waits))
    assert len({round(policy.wait_s(3, random.Random(seed)), 1) for seed in range(100)}) > 20
    assert policy.wait_s(0, random.Random(0), requested_s=1e9) == 100


@pytest.mark.parametrize("waits", [(0, 1, 2), (2, 1, 3), (1, 3, 2), (1, 1e9, 1e10)])
def test_waits_out_of_order(waits: tuple[float, float, float]) -> None:
    with pytest.raises(ConfigError, match="waits must grow"):
        RetryPolicy(*waits)


def test_a_message_whose_mark_is_lost_is_not_sent_again(
    store: Store, sink: Recorder, make_case: MakeCase, path: Path
) -> None:
    """A damaged page takes the mark along: the message is due again, and only its mark is repeated."""
    with Dispatcher(store, [sink], poll_s=0.01) as dispatcher:
        store.cases.open(make_case())
        assert dispatcher.drain(5)
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute("UPDATE deliveries SET status = 'pending', finished_s = NULL")
        assert dispatcher.drain(5)
        assert store.outbox.pending_count([sink.name]) == 0
    assert len(sink.got) == 1


def test_a_stored_score_that_cannot_be_shown_holds_up_no_alert(
    store: Store, make_case: MakeCase, path: Path, clock: Clock
) -> None:
    class Live(Recorder):
        machines = ("pump",)

        def publish_score(self, row: LiveScore) -> None:
            raise AssertionError(f"{row} has no time")

    live = Live()
    store.history.add_scores([ScoreRow("pump", clock(), 1, 0.5, 0.5, "OK")])
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE scores SET time_s = 'noise'")
    with Dispatcher(store, [live], poll_s=0.01) as dispatcher:
        store.cases.open(make_case())
        assert dispatcher.drain(5)
    assert len(live.got) == 1
