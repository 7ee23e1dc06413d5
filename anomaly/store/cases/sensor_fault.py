"""Fault of a machine's microphone, as its open sensor case holds it."""

from __future__ import annotations

from collections.abc import Iterable

from anomaly.store.cases.case import Case


def sensor_case(open_cases: Iterable[Case]) -> Case | None:
    """Return the sensor case among the open cases of a machine; there is at most one."""
    return next((case for case in open_cases if case.kind == "sensor"), None)


def sensor_fault(open_cases: Iterable[Case]) -> str | None:
    """Return the status that the open sensor case of a machine names, or None without such a case."""
    case = sensor_case(open_cases)
    return None if case is None else str(case.evidence.get("status", "fault"))
