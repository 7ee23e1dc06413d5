"""Operations: state of the system, and the inputs of this computer."""

from __future__ import annotations

import json
import platform
import shutil
import sqlite3
import time

from anomaly import __version__
from anomaly.config import Site
from anomaly.disk_space import disk_fault
from anomaly.monitor.doctor.examination import examine
from anomaly.monitor.events import WARNINGS
from anomaly.monitor.status.sink_status import sink_statuses
from anomaly.store.cases.case import iso_utc
from anomaly.store.current import stale_fault
from anomaly.store.reader import PageRequest, StoreReader
from anomaly.store.store import DATABASE_NAME
from anomaly.web.api.operation import Call, Operation
from anomaly.web.api.schemas.system import (
    CheckEntry,
    DeviceList,
    DiskFacts,
    ErrorFacts,
    LiveFacts,
    SinkFacts,
    SystemFacts,
)
from anomaly.web.inputs import Remembered
from anomaly.web.security.identity import Right
from anomaly.web.services import Services

_ERRORS, _DOCTOR_EVERY_S = 50, 60.0
_STATUS = {"ok": "ok", "warn": "warning", "fail": "failed"}


_CHECKS = Remembered()


def system(call: Call) -> SystemFacts:
    """Return the state of the system."""
    services = call.services
    site, reader = services.access.site, services.access.reader_or_none()
    settings = services.settings
    key = (settings.config, settings.models, settings.state)
    database = site.state_dir / DATABASE_NAME
    return SystemFacts(
        versions={
            "anomaly": __version__,
            "python": platform.python_version(),
            "sqlite": sqlite3.sqlite_version,
        },
        uptime_s=round(time.time() - services.begun_s, 1),
        database_path=str(database),
        database_fault=stale_fault(database) or None if database.exists() else None,
        disk=_disk(site, reader),
        sinks=_sinks(site, reader),
        devices=services.inputs(),
        doctor=_CHECKS.get(key, _DOCTOR_EVERY_S, lambda: _doctor(services)),
        errors=[] if reader is None else _errors(reader),
        live=LiveFacts(viewers=services.live.viewers, lost_frames=services.live.lost_frames),
    )


def devices(call: Call) -> DeviceList:
    """Return the inputs of this computer."""
    return DeviceList(call.services.inputs())


def _doctor(services: Services) -> list[CheckEntry]:
    settings = services.settings
    results = examine(services.access.file, models=settings.models, state=settings.state)
    return [
        CheckEntry(
            name=one.check,
            status=_STATUS[one.level],  # type: ignore[arg-type]
            message=one.message,
            hint=one.remedy or None,
        )
        for one in results
    ]


def _disk(site: Site, reader: StoreReader | None) -> DiskFacts:
    there = site.state_dir.absolute()
    while not there.exists():
        there = there.parent
    usage, fault = shutil.disk_usage(there), disk_fault(site.state_dir)
    database = site.state_dir / DATABASE_NAME
    parts = [database, database.with_name(f"{database.name}-wal")]
    size = sum(part.stat().st_size for part in parts if part.exists()) if database.exists() else None
    return DiskFacts(
        free=usage.free,
        total=usage.total,
        database=size,
        clips=0 if reader is None else reader.read(_clips_bytes),
        low=usage.free < site.clips.free_mib * 2**20,
        fault=None if fault is None else str(fault),
    )


def _clips_bytes(connection: sqlite3.Connection, version: int) -> int:
    if version < 2:
        return 0
    sql = "SELECT coalesce(sum(bytes), 0) FROM clips WHERE removed_s IS NULL"
    return int(connection.execute(sql).fetchone()[0])


def _sinks(site: Site, reader: StoreReader | None) -> list[SinkFacts]:
    found = sink_statuses(site, [] if reader is None else reader.delivery_counts())
    return [
        SinkFacts(
            name=one.sink,
            kind=one.kind,
            pending=one.pending,
            dead=one.dead,
            abandoned=one.abandoned,
            oldest_pending=None if one.oldest_pending_s is None else iso_utc(one.oldest_pending_s),
            last_error=None
            if reader is None or not (one.dead or one.pending)
            else _last_error(reader, one.sink),
        )
        for one in found
    ]


def _last_error(reader: StoreReader, sink: str) -> str | None:
    newest = PageRequest(newest_first=True, limit=20)
    for status in ("pending", "dead"):
        rows = reader.deliveries(newest, sink=sink, status=status).rows
        if error := next((row.error for row in rows if row.error), None):
            return error
    return None


def _errors(reader: StoreReader) -> list[ErrorFacts]:
    names = sorted(WARNINGS)
    sql = (
        f"SELECT time, event, machine, detail FROM events WHERE event IN ({', '.join('?' * len(names))})"
        " ORDER BY id DESC LIMIT ?"
    )

    def query(connection: sqlite3.Connection, version: int) -> list[ErrorFacts]:
        rows = connection.execute(sql, (*names, _ERRORS)).fetchall() if version else []
        return [
            ErrorFacts(
                time=row["time"], event=row["event"], machine=row["machine"], message=_words(row["detail"])
            )
            for row in rows
        ]

    return reader.read(query)


def _words(detail: str) -> str:
    facts = json.loads(detail)
    said = [str(facts[key]) for key in ("reason", "error", "message", "note") if facts.get(key)]
    return "; ".join(said) or ", ".join(f"{key}: {value}" for key, value in list(facts.items())[:4])


SYSTEM_OPERATIONS = (
    Operation("GET", "/system", "system", "State of the system", Right.VIEW, system, SystemFacts),
    Operation("GET", "/devices", "devices", "Inputs of this computer", Right.VIEW, devices, DeviceList),
)
