"""Fault of a machine's microphone, as its open sensor case holds it."""

from __future__ import annotations

from anomaly.store.cases.case import Case
from anomaly.store.cases.sensor_fault import sensor_case, sensor_fault

AT = "2026-11-30T08:00:00.000Z"
MACHINE = Case("pump", "machine", AT, "tone")


def test_the_fault_is_that_of_the_sensor_case() -> None:
    sensor = Case("pump", "sensor", AT, "gone", evidence={"status": "lost"})
    assert sensor_case([MACHINE, sensor]) is sensor
    assert sensor_fault([MACHINE, sensor]) == "lost"


def test_without_a_sensor_case_there_is_none() -> None:
    assert sensor_fault([MACHINE]) is None


def test_a_case_that_names_no_status_is_a_fault_all_the_same() -> None:
    assert sensor_fault([Case("pump", "sensor", AT, "gone")]) == "fault"
