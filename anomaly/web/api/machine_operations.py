"""Operations: machines, and their scores over time."""

from __future__ import annotations

import sqlite3
import time
from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime

from anomaly.bundle.versions import version_of
from anomaly.config import Machine
from anomaly.errors import AnomalyError
from anomaly.store.cases.case import Case, unix_s
from anomaly.store.cases.maintenance import MaintenanceRow, in_force
from anomaly.store.curve import Curve, CurveResolution, Span, curve, finest
from anomaly.store.overview import overview, unknown_machine
from anomaly.store.page import Page, iterate
from anomaly.store.reader import PageRequest, StoreReader
from anomaly.web.api.operation import Call, Operation
from anomaly.web.api.schemas.machine import (
    CurveColumns,
    CurveQuery,
    Interval,
    MachineDetail,
    MachineEntry,
    MachineList,
    TrendColumns,
)
from anomaly.web.errors import ApiError
from anomaly.web.machine_view import machine_facts, rank
from anomaly.web.security.identity import Right
from anomaly.web.services import Services

_HOUR_S, _DAY_S, _YEAR_DAYS = 3_600.0, 86_400, 366
_MAINTENANCE_SINCE = 5
_EMPTY = Curve((), (), (), (), (), (), (), (), ())


def machines(call: Call) -> MachineList:
    """Return all machines, the worst first."""
    found = facts_of(call.services, call.services.access.machines())
    return MachineList(sorted(found, key=rank))


def machine(call: Call) -> MachineDetail:
    """Return one machine."""
    name = known_machine(call)
    site = call.services.access.site
    settings = site.machines.get(name)
    (facts,) = facts_of(call.services, [name])
    try:
        model: str | None = version_of(site.models_dir / site.bundle_of(name))
    except AnomalyError:
        model = None
    return MachineDetail(
        **facts.model_dump(),
        device=None if settings is None else settings.device,
        source=_shown_source(settings),
        channel="mean" if settings is None else str(settings.channel),
        detector="student" if settings is None else settings.detector,
        bundle=site.bundle_of(name),
        model=model,
        cmms_number=None if settings is None else settings.cmms_number,
    )


def scores(call: Call) -> CurveColumns:
    """Return the score of a machine over time."""
    name, query = known_machine(call), call.query
    until_s = time.time() if query.to_s is None else query.to_s
    since_s = until_s - _HOUR_S if query.from_s is None else query.from_s
    if since_s >= until_s:
        raise ApiError(422, "`from` is not before `to`")
    resolution = query.resolution or finest(since_s, until_s)
    reader = call.services.access.reader_or_none()
    found = _EMPTY
    if reader is not None:
        found = curve(reader, name, resolution, since_s, until_s, day_offset_s=query.day_offset_s)
    return CurveColumns(
        machine=name,
        resolution=resolution,
        from_=since_s,
        to=until_s,
        time=list(found.time_s),
        score_mean=list(found.score_mean),
        score_max=list(found.score_max),
        p_value=list(found.p_value),
        alarm_share=list(found.alarm_share),
        scored_s=list(found.scored_s),
        operating_state=_states_at(found, resolution),
        gaps=_intervals(found.gaps),
        maintenance=_intervals(found.maintenance),
    )


def trend(call: Call) -> TrendColumns:
    """Return the scores of a machine by the day, over a year."""
    name = known_machine(call)
    until_s = (int(time.time()) // _DAY_S + 1) * _DAY_S
    since_s = until_s - _YEAR_DAYS * _DAY_S
    reader = call.services.access.reader_or_none()
    found, cases = _EMPTY, Counter[int]()
    if reader is not None:
        found = curve(reader, name, CurveResolution.DAY, since_s, until_s)
        cases = _cases_by_day(reader, name, since_s)
    report = {} if reader is None else call.services.trends.of(reader, name)
    interval = report.get("time_to_alarm")
    return TrendColumns(
        machine=name,
        time=list(found.time_s),
        day=[datetime.fromtimestamp(day_s, UTC).date().isoformat() for day_s in found.time_s],
        score_mean=list(found.score_mean),
        score_max=list(found.score_max),
        alarm_share=list(found.alarm_share),
        scored_s=list(found.scored_s),
        cases=[cases[int(day_s) // _DAY_S] for day_s in found.time_s],
        state=report.get("state"),
        summary=report.get("sentence"),
        changes=[dict(change) for change in report.get("change_points", ())],
        health_index=report.get("level"),
        alarm_level=report.get("alarm_level"),
        time_to_limit=None
        if interval is None
        else {"low_s": interval["lower_s"], "high_s": interval["upper_s"]},
    )


def facts_of(services: Services, names: Sequence[str]) -> list[MachineEntry]:
    """Return the facts of machines, in the order of their names."""
    access, now_s = services.access, time.time()
    reader, site = access.reader_or_none(), access.site
    stored = [unknown_machine(name) for name in names] if reader is None else overview(reader, names, now_s)
    maintained = {} if reader is None else _maintenance(reader, now_s)
    return [
        machine_facts(
            site,
            one,
            services.live.latest(one.machine),
            maintained.get(one.machine),
            monitored=access.is_monitored(one.machine),
            now_s=now_s,
        )
        for one in stored
    ]


def known_machine(call: Call) -> str:
    """Return the machine of the path.

    Raises:
        ApiError: nobody knows it.
    """
    name = call.path["machine"]
    access = call.services.access
    if name in access.site.machines or name in access.machines() or _is_stored(access.reader_or_none(), name):
        return name
    raise ApiError(404, f"there is no machine {name!r}")


def _is_stored(reader: StoreReader | None, name: str) -> bool:
    if reader is None:
        return False
    return reader.last_score(name) is not None or bool(reader.cases(PageRequest(name, limit=1)).rows)


def _shown_source(settings: Machine | None) -> str | None:
    """Return the source of a machine without a password that its address may hold."""
    if settings is None:
        return None
    if settings.source_env is not None:
        return f"${settings.source_env}"
    head, at, tail = (settings.source or "").rpartition("@")
    if at and "://" in head:
        return f"{head.partition('://')[0]}://{tail}"
    return settings.source


def _maintenance(reader: StoreReader, now_s: float) -> dict[str, MaintenanceRow]:
    def query(connection: sqlite3.Connection, version: int) -> list[MaintenanceRow]:
        return in_force(connection, now_s) if version >= _MAINTENANCE_SINCE else []

    return {row.machine: row for row in reader.read(query)}


def _cases_by_day(reader: StoreReader, name: str, since_s: float) -> Counter[int]:
    def page(cursor: str | None) -> Page[Case]:
        return reader.cases(PageRequest(name, since_s=since_s, cursor=cursor), kind="machine")

    return Counter(int(unix_s(case.opened_at)) // _DAY_S for case in iterate(page))


def _states_at(found: Curve, resolution: CurveResolution) -> list[str | None]:
    """Return the operating state in the middle of each point."""
    begins = [span.begin_s for span in found.operating]
    middle_s = 0.0 if resolution is CurveResolution.SECOND else resolution.seconds / 2
    places = (bisect_right(begins, time_s + middle_s) for time_s in found.time_s)
    return [found.operating[place - 1].name if place else None for place in places]


def _intervals(spans: Sequence[Span]) -> list[Interval]:
    return [Interval(begin=span.begin_s, end=span.end_s, reason=span.name) for span in spans]


MACHINE_OPERATIONS = (
    Operation(
        "GET", "/machines", "machines", "All machines, the worst first", Right.VIEW, machines, MachineList
    ),
    Operation("GET", "/machines/{machine}", "machine", "One machine", Right.VIEW, machine, MachineDetail),
    Operation(
        "GET",
        "/machines/{machine}/scores",
        "scores",
        "The score of a machine over time",
        Right.VIEW,
        scores,
        CurveColumns,
        query=CurveQuery,
    ),
    Operation(
        "GET",
        "/machines/{machine}/trend",
        "trend",
        "Scores by the day, over a year",
        Right.VIEW,
        trend,
        TrendColumns,
    ),
)
