"""Facts of machines for the pages: what is stored, what a live monitor says, and what the site file says."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from anomaly.config import Machine, Site
from anomaly.monitor.status.machine_status import MachineStatus, machine_status
from anomaly.store.cases.case import Case, iso_utc
from anomaly.store.cases.maintenance import MaintenanceRow
from anomaly.store.overview import MachineOverview
from anomaly.store.state_kinds import JUDGED_STATES, STALE_S
from anomaly.web.api.schemas.machine import MachineEntry, MaintenanceFacts, OpenCase

_RANKS = {"ALARM": 0, "DEAF": 1, "UNKNOWN": 2, "WATCH": 3, "OK": 4}
_PLACE_END = re.compile(r"\s*[,/>|]")


def machine_facts(
    site: Site,
    stored: MachineOverview,
    live: dict[str, Any] | None,
    maintenance: MaintenanceRow | None,
    *,
    monitored: bool,
    now_s: float,
) -> MachineEntry:
    """Combine what is known of a machine.

    Args:
        site: the site file.
        stored: from the database.
        live: newest second of a live monitor, None without one.
        maintenance: that a person has switched on.
        monitored: a monitor holds its lock.
        now_s: UNIX seconds.
    """
    settings = site.machines.get(stored.machine) or Machine(device="none")
    status = machine_status(
        stored.machine,
        stored.summary,
        stored.open_cases,
        monitored=monitored,
        model=None,
        budget=None,
        now_s=now_s,
    )
    if live is not None and not (monitored and now_s - live["time_s"] <= STALE_S):
        live = None
    health, reason = status.state, status.reason or None
    if live is not None and live["state"] in JUDGED_STATES:
        health, reason = live["state"], None
    sensor = _sensor(status, live)
    last = stored.summary.last
    newest_s = live["time_s"] if live is not None else None if last is None else last.time_s
    known = live is not None or (status.state is not None and last is not None)
    return MachineEntry(
        machine=stored.machine,
        display_name=settings.display_name,
        location=settings.location,
        group=_group(settings.location),
        criticality=settings.criticality,
        state=_state(health, sensor),
        health_state=health,  # type: ignore[arg-type]
        sensor_state=sensor,
        reason=reason,
        since=None if status.since_s is None else iso_utc(status.since_s),
        operating_state=status.operating_state if live is None else live["operating_state"],
        score=live["score"] if live is not None else last.score if known and last is not None else None,
        p_value=live["p_value"] if live is not None else last.p_value if known and last is not None else None,
        budget=settings.false_alarms_per_day,
        cusum=None if live is None else live["cusum"],
        limit=None if live is None else live["limit"],
        open_case=_open_case(stored.open_cases),
        open_cases=len(stored.open_cases),
        maintenance=_maintenance(site, stored.machine, maintenance, now_s),
        monitored=monitored,
        updated=None if newest_s is None else iso_utc(newest_s),
        last_hour=list(stored.last_hour),
    )


def rank(machine: MachineEntry) -> tuple[int, int, str]:
    """Return the place in a list with the worst machine first."""
    urgent = 0 if machine.open_case is None else -machine.open_case.severity
    return (_RANKS[machine.state], urgent, machine.machine)


def _state(health: str | None, sensor: str | None) -> Any:
    """Return one state for both: an alarm before a faulty microphone, and neither of them is OK."""
    if health in ("ALARM", "WATCH"):
        return health
    if sensor not in (None, "ok"):
        return "DEAF"
    return health or "UNKNOWN"


def _sensor(status: MachineStatus, live: dict[str, Any] | None) -> str | None:
    """Return the status of the microphone: the fault in force, not the one of a single second."""
    if status.sensor not in (None, "ok") and status.open_cases:
        return status.sensor
    if live is None:
        return status.sensor
    fault = live["not_judged"]
    return str(fault) if fault not in (None, "undecided") else "ok"


def _group(location: str | None) -> str | None:
    """Return the part of a place before its first separator: `Hall 2` of `Hall 2, line 4`."""
    return None if location is None else _PLACE_END.split(location, maxsplit=1)[0].strip() or None


def _open_case(cases: Sequence[Case]) -> OpenCase | None:
    if not cases:
        return None
    case = max(cases, key=lambda one: (one.kind == "machine", one.urgency, one.opened_at))
    return OpenCase(
        id=case.id,
        kind=case.kind,
        state=case.state.value,
        summary=case.summary,
        severity=case.severity,
        opened_at=case.opened_at,
    )


def _maintenance(
    site: Site, machine: str, row: MaintenanceRow | None, now_s: float
) -> MaintenanceFacts | None:
    if row is not None:
        return MaintenanceFacts(planned=False, until=iso_utc(row.end_s), by=row.who, note=row.note or None)
    if site.is_in_planned_maintenance(machine, now_s):
        return MaintenanceFacts(planned=True, until=None, by=None, note=None)
    return None
