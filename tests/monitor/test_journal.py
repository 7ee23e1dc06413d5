"""The journal: order, batches, and a store that fails for a while."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from anomaly.errors import ConfigError
from anomaly.monitor.events import EventName
from anomaly.monitor.journal import Journal
from anomaly.monitor.process.background import BackgroundWorker
from anomaly.monitor.records import EventRecord, Record, SecondRecord
from anomaly.store.store import Store


@pytest.fixture
def published() -> list[Record]:
    return []


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "anomaly.sqlite") as opened:
        yield opened


@pytest.fixture
def journal(store: Store, published: list[Record]) -> Journal:
    return Journal("pump", store, published.append)


def second(number: int) -> SecondRecord:
    return SecondRecord("pump", float(number), number, 1.0, 0.5, "OK", "ok", -30.0)


def stored(journal: Journal) -> list[int]:
    return [row.second for row in journal._store.history.scores("pump")]


def event_names(records: list[Record]) -> list[str]:
    return [record.event for record in records if isinstance(record, EventRecord)]


def fail(*_: object, **__: object) -> Any:
    raise ConfigError("the disk is full")


def test_records_are_published_at_once_and_in_order(journal: Journal, published: list[Record]) -> None:
    journal.advance(5.0)
    journal.emit(EventName.DRIFT, "text", number=1)
    journal.second(second(0))
    journal.emit(EventName.DRIFT, "earlier", time_s=3.0)
    assert published == [
        EventRecord(EventName.DRIFT, "pump", 5.0, "text", {"number": 1}),
        second(0),
        EventRecord(EventName.DRIFT, "pump", 3.0, "earlier", {}),
    ]
    assert journal._store.history.events() == []


def test_stored_events_have_the_time_of_the_journal(journal: Journal) -> None:
    journal.advance(5.0)
    journal.store(EventName.AUDIO_GAP, "text", gaps=2)
    (event,) = journal._store.history.events()
    assert (event.time, event.event, event.machine) == ("1970-01-01T00:00:05.000Z", "audio.gap", "pump")
    assert event.detail == {"gaps": 2}


def test_the_first_second_is_stored_at_once_and_the_others_by_tens(journal: Journal) -> None:
    journal.second(second(0))
    assert stored(journal) == [0]
    for number in range(1, 20):
        journal.second(second(number))
    assert stored(journal) == list(range(11))
    journal.flush()
    assert stored(journal) == list(range(20))


def test_an_hour_of_scores_is_kept_while_the_disk_is_full(
    journal: Journal, published: list[Record], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(journal._store.history, "add_scores", fail)
        for number in range(4_000):
            journal.second(second(number))
    journal.flush()
    assert stored(journal) == list(range(400, 4_000))
    assert event_names(published) == ["store.failed", "store.recovered"]


def test_an_interruption_keeps_the_scores_for_the_last_flush(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(journal._store.history, "add_scores", interrupt)
        with pytest.raises(KeyboardInterrupt):
            journal.second(second(0))
    journal.flush()
    assert stored(journal) == [0]


def test_a_programming_error_is_raised(journal: Journal) -> None:
    with pytest.raises(ZeroDivisionError), journal.tolerate_store_errors():
        raise ZeroDivisionError


def test_a_slow_disk_does_not_hold_up_the_sound(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    go, real = threading.Event(), store.history.add_scores

    def slow(*given: Any) -> None:
        assert go.wait(120)
        real(*given)

    monkeypatch.setattr(store.history, "add_scores", slow)
    with BackgroundWorker() as background:
        journal = Journal("pump", store, lambda _: None, submit=background.submit)
        for number in range(35):
            journal.second(second(number))
        assert stored(journal) == []
        go.set()
        journal.finish()
    assert stored(journal) == list(range(35))


def test_a_disk_that_fills_up_in_the_background_loses_no_row_and_stores_none_twice(
    store: Store, published: list[Record], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise ConfigError("database or disk is full")

    with BackgroundWorker() as background:
        journal = Journal("pump", store, published.append, submit=background.submit)
        with monkeypatch.context() as patch:
            patch.setattr(journal._store.history, "add_scores", full)
            for number in range(25):
                journal.second(second(number))
                assert background.wait_idle(120)
        for number in range(25, 45):
            journal.second(second(number))
            assert background.wait_idle(120)
        journal.finish()
    assert stored(journal) == list(range(45))
    assert event_names(published) == ["store.failed", "store.recovered"]


def test_a_batch_that_the_worker_refuses_is_submitted_again(store: Store) -> None:
    asked: list[object] = []

    def submit(job: Callable[[], None]) -> bool:
        asked.append(job)
        if len(asked) > 2:
            job()
        return len(asked) > 2

    journal = Journal("pump", store, lambda _: None, submit=submit)
    for number in range(12):
        journal.second(second(number))
    assert len(asked) >= 2
    journal.finish()
    assert stored(journal) == list(range(12))


def test_the_model_is_stored_with_its_first_second(journal: Journal) -> None:
    for number, model in enumerate(["", "student a", "student a", "teacher a"]):
        journal.set_model(model)
        journal.second(second(number))
    journal.flush()
    found = journal._store.time_series.states("pump", "model")
    assert [(row.time_s, row.state) for row in found] == [(1.0, "student a"), (3.0, "teacher a")]


def test_held_seconds_that_count_are_stored_though_no_second_follows(journal: Journal) -> None:
    journal.second(second(0))
    journal.ramp_counted(1.0, 4.0)
    journal.finish()
    found = journal._store.time_series.states("pump", "ramp")
    assert [(row.time_s, row.state) for row in found] == [(1.0, "counted"), (4.5, "over")]
