"""Hours of an earlier run that the drift monitor takes from the store."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from anomaly.detect.calibration.calibration import Calibration
from anomaly.detect.scoring import SecondScore
from anomaly.monitor.journal import Journal
from anomaly.monitor.records import EventRecord, Record
from anomaly.monitor.stages.drift import DriftMonitor
from anomaly.store.database.rows import EventRow
from anomaly.store.store import DATABASE_NAME, Store

NOW_S = 1_800_000_000.0
HOUR_S = 3600.0


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / DATABASE_NAME, clock=lambda: NOW_S) as opened:
        yield opened


def test_only_recent_hours_of_the_machine_are_read(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    for hour in range(200):
        detail = {"median": float(hour)}
        store.history.add_event("score.hour", machine="pump", detail=detail, time_s=NOW_S - hour * HOUR_S)
        store.history.add_event("score.hour", machine="fan", detail=detail, time_s=NOW_S - hour * HOUR_S)
        store.history.add_event("case.opened", machine="pump", time_s=NOW_S - hour * HOUR_S)
    read: list[EventRow] = []
    events = store.history.events

    def spy(**filters: Any) -> list[EventRow]:
        found = events(**filters)
        read.extend(found)
        return found

    monkeypatch.setattr(store.history, "events", spy)
    journal = Journal("pump", store, lambda _: None)
    journal.advance(NOW_S)
    scores = np.linspace(0.0, 1.0, 600).astype(np.float32)
    monitor = DriftMonitor(store, journal, cast(Calibration, SimpleNamespace(scores=scores)))
    second = SecondScore(0, 0.5, 0.5, np.full(16, 0.1))
    monitor.second(second)
    monitor.second(second)
    assert [event.detail["median"] for event in read] == [float(hour) for hour in range(73)]
    assert {(event.machine, event.event) for event in read} == {("pump", "score.hour")}


@pytest.mark.parametrize("rebaselined", [False, True])
def test_an_hour_from_before_a_machine_was_rebaselined_is_no_drift(rebaselined: bool, store: Store) -> None:
    scores = np.linspace(0.0, 1.0, 600).astype(np.float32)
    published: list[Record] = []
    journal = Journal("pump", store, published.append)
    journal.advance(NOW_S)
    monitor = DriftMonitor(store, journal, cast(Calibration, SimpleNamespace(scores=scores)))
    loud = SecondScore(0, 9.0, 0.5, np.full(16, 0.1))
    monitor.second(loud)
    if rebaselined:
        store.history.add_event("machine.rebaselined", machine="pump", time_s=NOW_S + 1.0)
    for _ in range(3600):
        monitor.second(loud)
    names = [record.event for record in published if isinstance(record, EventRecord)]
    assert names == ([] if rebaselined else ["drift"])
    for _ in range(3600):
        monitor.second(loud)
    assert [record.event for record in published if isinstance(record, EventRecord)] == ["drift"]


def test_hours_before_a_rebaseline_are_not_restored(store: Store) -> None:
    for hour, event in ((-9, "score.hour"), (-5, "machine.rebaselined"), (-2, "score.hour")):
        detail = {"median": float(hour)}
        store.history.add_event(event, machine="pump", detail=detail, time_s=NOW_S + hour * HOUR_S)
    journal = Journal("pump", store, lambda _: None)
    journal.advance(NOW_S)
    scores = np.linspace(0.0, 1.0, 600).astype(np.float32)
    monitor = DriftMonitor(store, journal, cast(Calibration, SimpleNamespace(scores=scores)))
    taken: list[float] = []
    assert monitor._drift is not None
    monitor._drift.hour = taken.append  # type: ignore[assignment, method-assign]
    monitor.second(SecondScore(0, 0.5, 0.5, np.full(16, 0.1)))
    assert taken == [-2.0]


def test_an_index_leads_to_the_events_of_a_name(store: Store) -> None:
    traced: list[str] = []
    with store.database.reading() as connection:
        connection.set_trace_callback(traced.append)
    store.history.events(machine="pump", name="score.hour", since="2027-01-01T00:00:00.000Z")
    with store.database.reading() as connection:
        connection.set_trace_callback(None)
        plan = connection.execute(f"EXPLAIN QUERY PLAN {traced[-1]}").fetchall()
    assert "events_by_name (machine=? AND event=? AND time>?)" in plan[0]["detail"]
