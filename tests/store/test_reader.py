"""Read-only pages of the store: filters, order, cursors, and no change to the files."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from anomaly.alerts import AlertMessage, Case, ScoreRow, Store, iso_utc
from anomaly.errors import AnomalyError, ConfigError, UsageError
from anomaly.store import reader as module
from anomaly.store.database.database_file import connect
from anomaly.store.database.migration import migrate
from anomaly.store.database.rows import ClipRow
from anomaly.store.database.schema import MIGRATIONS, Migration
from anomaly.store.page import MAX_PAGE_ROWS, iterate
from anomaly.store.reader import PageRequest, StoreReader

START_S = 1_800_000_000.0
MakeCase = Callable[..., Case]


@pytest.fixture
def reader(store: Store) -> StoreReader:
    return StoreReader(store.path)


def score(second: int, machine: str = "pump") -> ScoreRow:
    return ScoreRow(machine, START_S + second, second, float(second), 0.5, "OK")


def clip(number: int, case_id: str = "a", machine: str = "pump") -> ClipRow:
    return ClipRow(f"{number:012x}", case_id, machine, START_S + number, 10.0, "full", f"{number}", 100)


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if not path.name.endswith("-shm")}


@pytest.mark.parametrize("newest_first", [False, True])
@pytest.mark.parametrize("limit", [1, 3, 7, 100])
def test_pages_of_scores_are_complete_and_in_order(
    store: Store, reader: StoreReader, newest_first: bool, limit: int
) -> None:
    store.history.add_scores([row for s in range(7) for row in (score(s), score(s, "fan"))])
    store.history.add_scores([score(3)])  # two rows with one time
    found = list(
        iterate(
            lambda cursor: reader.scores(
                "pump", PageRequest(newest_first=newest_first, limit=limit, cursor=cursor)
            )
        )
    )
    assert [row.second for row in found] == sorted([0, 1, 2, 3, 3, 4, 5, 6], reverse=newest_first)
    assert {row.machine for row in found} == {"pump"}


def test_a_page_is_not_longer_than_its_limit(store: Store, reader: StoreReader) -> None:
    store.history.add_scores([score(s) for s in range(4)])
    page = reader.scores("pump", PageRequest(limit=4))
    assert (len(page.rows), page.cursor) == (4, None)
    page = reader.scores("pump", PageRequest(limit=3))
    assert len(page.rows) == 3
    assert page.cursor is not None


@pytest.mark.parametrize("limit", [0, -1, MAX_PAGE_ROWS + 1])
def test_page_limit_is_bounded(limit: int) -> None:
    with pytest.raises(UsageError, match="a page has 1 to"):
        PageRequest(limit=limit)


def test_rows_added_between_pages_repeat_and_hide_nothing(store: Store, reader: StoreReader) -> None:
    store.history.add_scores([score(s) for s in range(4)])
    first = reader.scores("pump", PageRequest(newest_first=True, limit=2))
    store.history.add_scores([score(9)])
    second = reader.scores("pump", PageRequest(newest_first=True, limit=2, cursor=first.cursor))
    assert [row.second for row in (*first.rows, *second.rows)] == [3, 2, 1, 0]


def test_time_span_is_half_open(store: Store, reader: StoreReader) -> None:
    store.history.add_scores([score(s) for s in range(5)])
    span = PageRequest(since_s=START_S + 1, until_s=START_S + 3)
    assert [row.second for row in reader.scores("pump", span).rows] == [1, 2]
    for second in range(5):
        store.history.add_event(f"e.{second}", machine="pump", time_s=START_S + second)
    assert [event.event for event in reader.events(span).rows] == ["e.1", "e.2"]


def test_last_score(store: Store, reader: StoreReader) -> None:
    assert reader.last_score("pump") is None
    store.history.add_scores([score(1), score(2), score(3, "fan")])
    assert reader.last_score("pump") == score(2)


def test_minutes(store: Store, reader: StoreReader) -> None:
    store.history.add_scores([score(s) for s in range(0, 300, 30)])
    store.time_series.sum_up()
    assert list(reader.minutes("pump").rows) == store.time_series.minutes("pump")
    newest = reader.minutes("pump", PageRequest(newest_first=True, limit=1))
    assert newest.rows[0].minute_s == START_S + 240


def test_events_by_machine_name_and_case(store: Store, reader: StoreReader) -> None:
    store.history.add_event("drift", machine="pump", case_id="a", detail={"shift": 1.0})
    store.history.add_event("drift", machine="fan")
    store.history.add_event("drift.over", machine="pump")
    of_pump = PageRequest(machine="pump")
    assert [event.event for event in reader.events(of_pump).rows] == ["drift", "drift.over"]
    assert [event.machine for event in reader.events(name="drift").rows] == ["pump", "fan"]
    (found,) = reader.events(of_pump, name="drift", case_id="a").rows
    assert found.detail == {"shift": 1.0}


def test_cases(store: Store, reader: StoreReader, make_case: MakeCase, clock: Any) -> None:
    pump = make_case(evidence={"groups": [1.0]})
    store.cases.open(pump)
    clock.forward(10)
    store.cases.open(make_case("fan", kind="sensor"))
    store.cases.close(pump.id)
    newest = reader.cases(PageRequest(newest_first=True)).rows
    assert [(case.machine, case.is_open) for case in newest] == [("fan", True), ("pump", False)]
    assert [case.machine for case in reader.cases(open_only=True).rows] == ["fan"]
    assert [case.machine for case in reader.cases(kind="machine").rows] == ["pump"]
    assert reader.cases(PageRequest(machine="pump")).rows == (store.cases.find(pump.id),)
    assert reader.case(pump.id[:10]) == store.cases.find(pump.id)
    with pytest.raises(UsageError, match="there is no case"):
        reader.case("0" * 32)


def test_clips_and_their_access_log(store: Store, reader: StoreReader) -> None:
    for row in (clip(1), clip(2, "b"), clip(3, machine="fan")):
        store.clips.add(row)
    store.clips.remove(clip(1).id)
    store.clips.log_access(clip(2, "b"), "ann", "play")
    store.clips.log_access(clip(3), "bob", "export", "for the workshop")
    assert [row.id for row in reader.clips().rows] == [clip(2).id, clip(3).id]
    assert len(reader.clips(removed=True).rows) == 3
    assert reader.clips(case_id="b").rows == (clip(2, "b"),)
    assert list(reader.clip_accesses().rows) == store.clips.accesses()
    assert [row.who for row in reader.clip_accesses(PageRequest(machine="fan")).rows] == ["bob"]
    assert [row.who for row in reader.clip_accesses(case_id="b").rows] == ["ann"]


def test_deliveries(store: Store, reader: StoreReader, make_message: Callable[..., AlertMessage]) -> None:
    store.outbox.subscribe(["hook", "mqtt"])
    sent = make_message()
    store.outbox.queue(sent)
    store.outbox.queue(AlertMessage("test", "fan", iso_utc(START_S)))
    (first, *_) = store.outbox.due(START_S, "hook")
    store.outbox.mark_failed(first, "no answer", START_S + 60)
    store.outbox.mark_delivered(store.outbox.due(START_S, "mqtt")[0])
    (waiting,) = reader.deliveries(PageRequest(machine="pump"), sink="hook").rows
    assert (waiting.status, waiting.attempts, waiting.error) == ("pending", 1, "no answer")
    assert (waiting.message, waiting.next_try_s) == (sent, START_S + 60)
    (done,) = reader.deliveries(status="delivered").rows
    assert (done.sink, done.finished_s) == ("mqtt", START_S)
    counts = {(row.sink, row.status): (row.count, row.oldest_s) for row in reader.delivery_counts()}
    assert counts == {
        ("hook", "pending"): (2, START_S),
        ("mqtt", "delivered"): (1, START_S),
        ("mqtt", "pending"): (1, START_S),
    }


def test_cursor_of_another_table_is_refused(store: Store, reader: StoreReader) -> None:
    store.history.add_scores([score(1), score(2)])
    cursor = reader.scores("pump", PageRequest(limit=1)).cursor
    with pytest.raises(UsageError, match="does not belong to events"):
        reader.events(PageRequest(cursor=cursor))


def read_all(reader: StoreReader) -> list[object]:
    return [
        reader.schema_version,
        reader.scores("pump"),
        reader.minutes("pump"),
        reader.events(),
        reader.cases(),
        reader.clips(),
        reader.clip_accesses(),
        reader.deliveries(),
        reader.dead_letters(),
        reader.delivery_counts(),
    ]


def test_nothing_is_written_after_a_clean_stop(path: Path) -> None:
    with Store.open(path) as store:
        store.history.add_scores([score(1)])
    before = files(path.parent)
    read_all(StoreReader(path))
    assert files(path.parent) == before


def test_nothing_is_written_beside_a_running_monitor(store: Store, reader: StoreReader) -> None:
    store.history.add_scores([score(1)])
    before = files(store.path.parent)
    read_all(reader)
    assert files(store.path.parent) == before


def test_scores_are_read_while_a_monitor_writes_them(store: Store, reader: StoreReader) -> None:
    stopped = threading.Event()

    def write() -> None:
        second = 0
        while not stopped.is_set():
            store.history.add_scores([score(second)])
            second += 1

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for _ in range(50):
            found = [row.second for row in reader.scores("pump", PageRequest(limit=1000)).rows]
            assert found == list(range(len(found)))
    finally:
        stopped.set()
        writer.join()


def test_a_reader_does_not_hold_up_a_writer(store: Store, reader: StoreReader) -> None:
    with store.database.transaction() as connection:
        connection.execute("INSERT INTO progress VALUES ('x', 1)")
        assert reader.events().rows == ()


def test_a_file_that_was_set_aside_is_followed(store: Store, reader: StoreReader) -> None:
    store.history.add_event("before")
    assert [event.event for event in reader.events().rows] == ["before"]
    store.database.begin_anew()
    store.history.add_event("after")
    assert [event.event for event in reader.events().rows] == ["after"]


def test_a_writer_that_starts_during_a_query_is_noticed(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Store.open(path).close()
    reader = StoreReader(path)
    opened: list[Store] = []

    def start_writer(connection: sqlite3.Connection, file: Path) -> int:
        if not opened:
            opened.append(Store.open(path))
            opened[0].history.add_event("written meanwhile")
        return MIGRATIONS[-1].version

    monkeypatch.setattr(module, "version_of", start_writer)
    try:
        assert [event.event for event in reader.events().rows] == ["written meanwhile"]
    finally:
        opened[0].close()


@pytest.mark.parametrize("version", range(1, len(MIGRATIONS) + 1))
def test_a_database_of_an_older_version_is_read_as_it_is(path: Path, version: int) -> None:
    path.parent.mkdir()
    with closing(connect(path)) as connection:
        migrate(connection, path, MIGRATIONS[:version])
        connection.execute("INSERT INTO scores VALUES ('pump', 1.0, 1, 0.5, 0.5, 'OK')")
    reader = StoreReader(path)
    assert reader.schema_version == version
    assert len(reader.scores("pump").rows) == 1
    assert read_all(reader)
    assert reader.schema_version == version


def test_an_empty_file_has_no_rows(path: Path) -> None:
    path.parent.mkdir()
    path.touch()
    reader = StoreReader(path)
    assert reader.events().rows == ()
    assert reader.delivery_counts() == []
    with pytest.raises(ConfigError, match="no database here"):
        reader.case("a")


def test_a_newer_database_is_refused(path: Path) -> None:
    path.parent.mkdir()
    newer = Migration(MIGRATIONS[-1].version + 1, "a test", ())
    with closing(connect(path)) as connection:
        migrate(connection, path, (*MIGRATIONS, newer))
    with pytest.raises(ConfigError, match="has schema version"):
        StoreReader(path).events()


def test_no_database(path: Path) -> None:
    with pytest.raises(ConfigError, match="no database here"):
        StoreReader(path)
    path.parent.mkdir()
    path.write_bytes(b"x" * 4096)
    reader = StoreReader(path)
    with pytest.raises(ConfigError, match="database: file is not a database"):
        reader.events()
    os.remove(path)
    with pytest.raises(AnomalyError, match="no database here"):
        reader.events()
