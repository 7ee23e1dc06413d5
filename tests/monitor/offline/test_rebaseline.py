"""Re-baselining: a day after the request the sound since becomes the calibration, once, and without cases."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from anomaly.alerts import DATABASE_NAME, AlertMessage, Case, ScoreRow, Store, iso_utc
from anomaly.bundle.versions import version_of
from anomaly.config import Site
from anomaly.detect.calibration.versions import CalibrationVersions
from anomaly.monitor.events import EventName
from anomaly.monitor.offline.rebaseline import LEAST_S, WAIT_S, Rebaseline
from anomaly.monitor.plan import MonitorPlan
from anomaly.store.cases.case import FEEDBACK
from anomaly.store.database.rows import StateRow
from anomaly.store.state_kinds import StateKind, model_label
from support.alert_store import Clock

PLAN = MonitorPlan("pump", "none", None, "mean", "student", 1.0)
REQUESTED_S = 1_800_000_000.0


@pytest.fixture
def clock() -> Clock:
    return Clock(REQUESTED_S)


@pytest.fixture
def site(pump_bundle: Path, tmp_path: Path) -> Site:
    return Site(models_dir=pump_bundle.parent, state_dir=tmp_path / "state")


@pytest.fixture
def store(site: Site, clock: Clock) -> Iterator[Store]:
    with Store.open(site.state_dir / DATABASE_NAME, clock=clock) as opened:
        yield opened


@pytest.fixture
def rebaseline(site: Site, store: Store, clock: Clock) -> Rebaseline:
    def emit(event: EventName, message: str, detail: Mapping[str, Any] | None) -> None:
        store.history.add_event(event, machine="pump", detail={**(detail or {}), "words": message})

    return Rebaseline(site, PLAN, store, emit, clock)


@pytest.fixture
def run_on(site: Site, store: Store, clock: Clock) -> Callable[..., None]:
    """Store seconds of running that end now."""
    label = model_label("student", version_of(site.models_dir / "pump"))
    scores = np.abs(np.random.default_rng(5).normal(0.7, 0.2, LEAST_S + 100))

    def store_seconds(count: int = LEAST_S + 100) -> None:
        begin_s = clock() - count
        rows = [
            ScoreRow("pump", begin_s + k, k, float(score), 0.5, "OK")
            for k, score in enumerate(scores[:count])
        ]
        states = [
            StateRow("pump", StateKind.MODEL, begin_s, label),
            StateRow("pump", StateKind.OPERATING, begin_s, "running"),
            StateRow("pump", StateKind.SENSOR, begin_s, "ok"),
        ]
        store.history.add_scores(rows, states)

    return store_seconds


def request(store: Store) -> Case:
    """Close a case after a repair, as a person does."""
    case = Case("pump", "machine", iso_utc(REQUESTED_S), "It rattles")
    store.cases.open(case, AlertMessage("case.opened", "pump", case.opened_at))
    return store.cases.close(case.id, by="ann", action="replaced", rebaseline=True)


def events(store: Store) -> list[str]:
    names = (EventName.MACHINE_RECALIBRATED, EventName.REBASELINE_WAITS)
    return [row.event for row in store.history.events(machine="pump") if row.event in names]


def versions(site: Site) -> list[Any]:
    return list(CalibrationVersions(site.state_dir, "pump", "student").all())


def test_the_sound_since_the_repair_becomes_the_calibration_once(
    rebaseline: Rebaseline, site: Site, store: Store, clock: Clock, run_on: Callable[..., None]
) -> None:
    case = request(store)
    clock.forward(WAIT_S / 2)
    run_on()
    rebaseline.attempt()
    assert versions(site) == []
    clock.forward(WAIT_S / 2)
    rebaseline.attempt()
    (version,) = versions(site)
    assert (version.by, version.alone) == ("ann", True)
    assert case.id[:8] in version.reason
    assert sum(source.seconds for source in version.sources) >= LEAST_S
    assert events(store) == ["machine.recalibrated"]
    clock.forward(3_600)
    rebaseline.attempt()
    assert len(versions(site)) == 1


def test_without_a_request_or_enough_sound_nothing_changes(
    rebaseline: Rebaseline, site: Site, store: Store, clock: Clock, run_on: Callable[..., None]
) -> None:
    clock.forward(WAIT_S)
    run_on()
    rebaseline.attempt()
    request(store)
    clock.forward(WAIT_S)
    run_on(LEAST_S - 1)
    rebaseline.attempt()
    assert versions(site) == []
    assert events(store) == []


def test_a_case_since_is_waited_for(
    rebaseline: Rebaseline, site: Site, store: Store, clock: Clock, run_on: Callable[..., None]
) -> None:
    request(store)
    clock.forward(WAIT_S - LEAST_S - 200)
    alarm = Case("pump", "machine", iso_utc(clock()), "It rattles again")
    store.cases.open(alarm)
    clock.forward(10)
    store.cases.close(alarm.id)
    clock.forward(LEAST_S + 190)
    run_on()
    for _ in range(3):
        rebaseline.attempt()
    assert events(store) == ["rebaseline.waits"]
    store.history.add_event(FEEDBACK, machine="pump", case_id=alarm.id, detail={"normal": True})
    rebaseline.attempt()
    assert events(store) == ["rebaseline.waits", "machine.recalibrated"]
    assert len(versions(site)) == 1


def test_a_request_that_is_a_month_old_is_forgotten(
    rebaseline: Rebaseline, site: Site, store: Store, clock: Clock, run_on: Callable[..., None]
) -> None:
    request(store)
    clock.forward(31 * 86_400)
    run_on()
    rebaseline.attempt()
    assert versions(site) == []
