"""The microphone's case: opened after three bad seconds, named by what lasts, closed after three good ones."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from anomaly.audio.sensor.health import Health, Status
from anomaly.monitor.journal import Journal
from anomaly.monitor.records import EventRecord
from anomaly.monitor.sensor_case import _WORDS, SensorCase
from anomaly.store.store import Store


class _Case:
    """A case whose seconds are told by their names."""

    def __init__(self, store: Store) -> None:
        self.journal = Journal("pump", store)
        self.sensor = SensorCase(store, self.journal)

    def hear(self, *statuses: Status) -> list[str]:
        """Take seconds; return the events and what they say of the fault."""
        for status in statuses:
            self.journal.time_s += 1.0
            self.sensor.second(Health(status, -40.0, -20.0, 0.0, 0.0))
        said = [record for record in self.journal.take() if isinstance(record, EventRecord)]
        return [f"{event.event} {event.detail.get('fault', '')}".strip() for event in said]


@pytest.fixture
def case(tmp_path: Path) -> Iterator[_Case]:
    with Store.open(tmp_path / "anomaly.sqlite") as store:
        yield _Case(store)


def test_three_bad_seconds_open_it_and_three_good_ones_close_it(case: _Case) -> None:
    assert case.hear("hum", "hum") == []
    assert case.hear("hum") == ["case.opened hum"]
    assert case.hear("ok", "ok", "hum", "ok", "ok") == []
    assert case.hear("ok") == ["sensor.recovered"]
    assert case.sensor.fault is None


def test_its_name_is_that_of_the_third_second(case: _Case) -> None:
    assert case.hear("low-level", "silent", "silent") == ["case.opened silent"]


def test_a_name_that_flickers_stays(case: _Case) -> None:
    case.hear("gain", "gain", "gain")
    case.hear("processed", "gain", "processed", "processed", "gain")
    assert case.sensor.fault == "gain"
    case.hear("processed", "processed", "processed")
    assert case.sensor.fault == "processed"


@pytest.mark.parametrize("status", [status for status in _WORDS if status not in ("lost", "gaps")])
def test_every_fault_has_words(case: _Case, status: Status) -> None:
    assert case.hear(status, status, status) == [f"case.opened {status}"]
