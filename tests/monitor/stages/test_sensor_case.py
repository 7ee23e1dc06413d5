"""Sensor case: opened after three bad seconds, named after the lasting fault, closed after three good ones."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from anomaly.audio.sensor.faults import SENSOR_FAULTS
from anomaly.audio.sensor.health import Health, Status
from anomaly.errors import ConfigError
from anomaly.monitor.journal import Journal
from anomaly.monitor.records import EventRecord, Record
from anomaly.monitor.stages.sensor_case import SensorCase
from anomaly.store.store import Store


class _Case:
    """A case whose seconds are given by their status."""

    def __init__(self, store: Store) -> None:
        self.published: list[Record] = []
        self.journal = Journal("pump", store, self.published.append)
        self.sensor = SensorCase(store, self.journal)

    def seconds(self, *statuses: Status) -> list[str]:
        """Pass seconds; return the events with their fault."""
        self.published.clear()
        for status in statuses:
            self.journal.advance(self.journal.time_s + 1.0)
            self.sensor.second(Health(status, -40.0, -20.0, 0.0, 0.0))
        events = [record for record in self.published if isinstance(record, EventRecord)]
        return [f"{event.event} {event.detail.get('fault', '')}".strip() for event in events]


@pytest.fixture
def case(tmp_path: Path) -> Iterator[_Case]:
    with Store.open(tmp_path / "anomaly.sqlite") as store:
        yield _Case(store)


def test_three_bad_seconds_open_it_and_three_good_ones_close_it(case: _Case) -> None:
    assert case.seconds("hum", "hum") == []
    assert case.seconds("hum") == ["case.opened hum"]
    assert case.seconds("ok", "ok", "hum", "ok", "ok") == []
    assert case.seconds("ok") == ["sensor.recovered"]
    assert case.sensor.fault is None


def test_the_fault_of_the_third_second_names_it(case: _Case) -> None:
    assert case.seconds("low-level", "silent", "silent") == ["case.opened silent"]


def test_a_fault_that_flickers_does_not_rename_it(case: _Case) -> None:
    case.seconds("gain", "gain", "gain")
    case.seconds("processed", "gain", "processed", "processed", "gain")
    assert case.sensor.fault == "gain"
    case.seconds("processed", "processed", "processed")
    assert case.sensor.fault == "processed"


@pytest.mark.parametrize("status", [status for status in SENSOR_FAULTS if status not in ("lost", "gaps")])
def test_every_fault_has_a_description(case: _Case, status: Status) -> None:
    assert case.seconds(status, status, status) == [f"case.opened {status}"]


def test_a_case_that_cannot_be_closed_is_closed_later(case: _Case, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise ConfigError("database or disk is full")

    case.seconds("silent", "silent", "silent")
    with monkeypatch.context() as patch:
        patch.setattr(case.sensor._store.cases, "close", full)
        assert case.seconds("ok", "ok", "ok") == ["store.failed"]
    # Heard again at once; the case follows as soon as it can be written.
    assert case.sensor.fault is None
    assert case.seconds(*["ok"] * 12) == ["sensor.recovered", "store.recovered"]
    assert case.sensor._store.cases.select(open_only=True) == []


def test_a_case_that_somebody_closed_is_opened_again_at_once(case: _Case) -> None:
    case.seconds("silent", "silent", "silent")
    (opened,) = case.sensor._store.cases.select(open_only=True)
    case.sensor._store.cases.close(opened.id, by="ann")
    assert case.seconds("silent") == ["case.opened silent"]


def test_a_stop_that_was_confirmed_opens_no_new_case_until_the_model_knows_it(case: _Case) -> None:
    store = case.sensor._store
    case.journal.advance(time.time())
    case.seconds("unlearned-stop", "unlearned-stop", "unlearned-stop")
    (opened,) = store.cases.select(open_only=True)
    store.history.add_event("case.feedback", machine="pump", case_id=opened.id, detail={"verdict": "normal"})
    store.cases.close(opened.id, by="ann")
    assert case.seconds(*["unlearned-stop"] * 20) == []
    assert case.seconds("silent", "silent", "silent") == ["case.opened silent"]


def test_a_confirmed_stop_that_no_model_takes_up_is_reported_again(case: _Case) -> None:
    store = case.sensor._store
    case.journal.advance(time.time())
    case.seconds("unlearned-stop", "unlearned-stop", "unlearned-stop")
    (opened,) = store.cases.select(open_only=True)
    store.history.add_event("case.feedback", machine="pump", case_id=opened.id, detail={"verdict": "normal"})
    store.cases.close(opened.id, by="ann")
    assert case.seconds(*["unlearned-stop"] * 130) == ["case.opened unlearned-stop"]
