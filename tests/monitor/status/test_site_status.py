"""Status of a site from its database and locks: states, why there is none, the worst first."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from anomaly.config import Machine, Site
from anomaly.errors import ConfigError
from anomaly.monitor.run import exclusive
from anomaly.monitor.status import stored_facts
from anomaly.monitor.status.machine_status import MachineStatus
from anomaly.monitor.status.site_status import SiteStatus, site_status
from anomaly.monitor.status.status_text import status_text
from anomaly.store.cases.case import Case, iso_utc
from anomaly.store.database import memory_database
from anomaly.store.database.rows import ScoreRow, StateRow
from anomaly.store.state_kinds import StateKind
from anomaly.store.store import DATABASE_NAME, Store

NOW_S = 1_800_000_000.0


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(
        machines={"pump": Machine(device="hw:0"), "fan": Machine(device="hw:1")},
        state_dir=tmp_path / "state",
        models_dir=tmp_path / "models",
    )


@pytest.fixture
def store(site: Site) -> Iterator[Store]:
    with Store.open(site.state_dir / DATABASE_NAME, clock=lambda: NOW_S) as opened:
        yield opened


def add(
    store: Store, machine: str = "pump", state: str = "OK", *, age_s: float = 5.0, sensor: str = "ok"
) -> None:
    """Store one second of a machine."""
    time_s = NOW_S - age_s
    kinds = {
        StateKind.DECISION: state,
        StateKind.SENSOR: sensor,
        StateKind.OPERATING: "running",
        StateKind.MODEL: "student 0123456789ab",
    }
    changes = [StateRow(machine, kind, time_s, text) for kind, text in kinds.items()]
    store.history.add_scores([ScoreRow(machine, time_s, 7, 0.5, 0.5, state)], changes)


def read(site: Site) -> SiteStatus:
    return site_status(site, lambda: NOW_S)


def pump(site: Site) -> MachineStatus:
    return next(machine for machine in read(site).machines if machine.machine == "pump")


def test_a_machine_that_is_judged(site: Site, store: Store) -> None:
    add(store, age_s=400)
    add(store, age_s=5)
    with exclusive(site.state_dir, "pump"):
        found = pump(site).to_dict()
    budget = found.pop("budget")
    assert found == {
        "machine": "pump",
        "state": "OK",
        "reason": None,
        "since": iso_utc(NOW_S - 400),
        "last_sound": iso_utc(NOW_S - 5),
        "sensor": "ok",
        "operating_state": "running",
        "open_cases": 0,
        "cases": [],
        "model": "student 0123456789ab",
        "maintenance": None,
    }
    assert (budget["false_alarms_per_day"], budget["alarms"], budget["kept"]) == (1.0, 0, True)


def test_without_a_monitor_nothing_is_known(site: Site, store: Store) -> None:
    add(store)
    found = pump(site)
    assert (found.state, found.sensor, found.operating_state) == (None, None, None)
    assert "no monitor watches it" in found.reason
    assert found.since_s == NOW_S - 5


def test_maintenance_is_shown(site: Site, store: Store) -> None:
    """By hand with its end, and by a window of the site file."""
    add(store)
    store.maintenance.begin("pump", 3600, "ann", "new belt")
    window = Machine.model_validate({"device": "hw:1", "maintenance": ["2027-01-01 to 2027-12-31"]})
    site = site.model_copy(update={"machines": {**site.machines, "fan": window}})
    shown = {machine.machine: machine for machine in read(site).machines}
    assert shown["pump"].to_dict()["maintenance"] == {
        "planned": False,
        "until": iso_utc(NOW_S + 3600),
        "by": "ann",
        "note": "new belt",
    }
    assert "; in maintenance until " in shown["pump"].text(NOW_S)
    assert " by ann (new belt): alarms open no cases; " in shown["pump"].text(NOW_S)
    assert shown["fan"].to_dict()["maintenance"]["planned"] is True
    assert "in maintenance by a window of the site file" in shown["fan"].text(NOW_S)
    store.maintenance.end("pump", "ann")
    assert pump(site).maintenance is None


def test_old_sound_is_unknown(site: Site, store: Store) -> None:
    add(store, age_s=31)
    with exclusive(site.state_dir, "pump"):
        found = pump(site)
    assert (found.state, found.sensor) == (None, None)
    assert found.reason == "the monitor runs, but no sound arrives"


def test_a_sensor_fault_is_unknown(site: Site, store: Store) -> None:
    add(store, sensor="silent")
    opened = iso_utc(NOW_S - 3)
    case = Case("pump", "sensor", opened, "pump: the microphone is silent", evidence={"status": "silent"})
    store.cases.open(case)
    with exclusive(site.state_dir, "pump"):
        found = pump(site).to_dict()
    assert (found["state"], found["sensor"], found["since"]) == (None, "silent", opened)
    assert found["operating_state"] is None
    assert (found["open_cases"], found["cases"]) == (1, [case.id])
    assert found["reason"] == "pump: the microphone is silent"


def test_a_second_that_was_not_judged_is_unknown(site: Site, store: Store) -> None:
    add(store, state="UNKNOWN")
    with exclusive(site.state_dir, "pump"):
        assert pump(site).state is None


def test_the_worst_machine_stands_first(site: Site, store: Store) -> None:
    for name, state in (("a", "OK"), ("b", "WATCH"), ("d", "ALARM")):
        add(store, name, state)
    site = site.model_copy(update={"machines": {name: Machine(device=name) for name in "abcd"}})
    with exclusive(site.state_dir, "a"), exclusive(site.state_dir, "b"), exclusive(site.state_dir, "d"):
        found = read(site)
    assert [(one.machine, one.state) for one in found.machines] == [
        ("d", "ALARM"),
        ("c", None),
        ("b", "WATCH"),
        ("a", "OK"),
    ]
    lines = status_text(found)
    assert [line.split()[:2] for line in lines[:4]] == [
        ["ALARM", "d"],
        ["UNKNOWN", "c"],
        ["WATCH", "b"],
        ["OK", "a"],
    ]
    assert "no sound yet" in lines[1]


def test_false_alarms_are_compared_with_the_budget(site: Site, store: Store) -> None:
    add(store)
    for number in range(2):
        case = Case("pump", "machine", iso_utc(NOW_S - 100 + number), "tone")
        store.cases.open(case)
        store.history.add_event(
            "case.feedback", machine="pump", case_id=case.id, detail={"verdict": "normal"}
        )
        store.cases.close(case.id)
    budget = pump(site).budget
    assert budget is not None
    assert (budget.alarms, budget.false_alarms, budget.kept) == (2, 2, False)


def test_without_machines_in_the_file_the_stored_ones_are_shown(site: Site, store: Store) -> None:
    add(store, "old")
    assert [one.machine for one in read(site.model_copy(update={"machines": {}})).machines] == ["old"]
    assert {one.machine for one in read(site).machines} == {"pump", "fan"}


def test_a_monitor_of_a_machine_that_the_file_does_not_name_is_shown(site: Site, store: Store) -> None:
    with exclusive(site.state_dir, "lathe"):
        assert "lathe" in {one.machine for one in read(site).machines}


def test_without_a_state_folder(site: Site) -> None:
    assert {one.state for one in read(site).machines} == {None}
    assert not site.state_dir.exists()
    with pytest.raises(ConfigError, match="no such state folder") as raised:
        read(site.model_copy(update={"machines": {}}))
    assert "anomaly monitor" in str(raised.value.hint)


def test_without_a_machine(site: Site, store: Store) -> None:
    with pytest.raises(ConfigError, match="no machine was monitored here yet"):
        read(site.model_copy(update={"machines": {}}))


def test_a_database_that_cannot_be_read_is_reported(site: Site) -> None:
    site.state_dir.mkdir()
    (site.state_dir / DATABASE_NAME).write_bytes(b"no database" * 1000)
    found = read(site)
    assert found.database.error is not None
    assert {one.state for one in found.machines} == {None}
    assert any("cannot be read" in line for line in status_text(found))


def test_nothing_is_written(site: Site, store: Store) -> None:
    add(store)
    store.close()
    with exclusive(site.state_dir, "pump"):
        before = sorted(os.listdir(site.state_dir))
        read(site)
        assert sorted(os.listdir(site.state_dir)) == before


def test_disk_and_database(site: Site, store: Store) -> None:
    found = read(site).to_dict()
    assert found["disk"]["free_bytes"] > 0
    assert (found["database"]["ok"], found["database"]["bytes"] > 0) == (True, True)
    low = site.model_copy(update={"clips": site.clips.model_copy(update={"free_mib": 1e12})})
    assert read(low).disk.low


def test_an_alarm_that_a_monitor_keeps_in_memory_is_shown(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "memory").mkdir()
    monkeypatch.setattr(memory_database, "_SHARED_MEMORY", tmp_path / "memory")
    path = site.state_dir / DATABASE_NAME
    with Store.open_resilient(path, clock=lambda: NOW_S) as store, exclusive(site.state_dir, "pump"):
        add(store, age_s=25)
        with store.database.reading() as connection:
            (pages,) = connection.execute("PRAGMA page_count").fetchone()
            connection.execute(f"PRAGMA max_page_count = {pages}")
        store.history.add_scores([ScoreRow("fan", float(i), i, 0.1, 0.5, "OK") for i in range(3000)])
        add(store, state="ALARM")
        case = Case("pump", "machine", iso_utc(NOW_S - 5), "It knocks")
        store.cases.open(case)
        found = read(site)
        assert (found.machines[0].machine, found.machines[0].state) == ("pump", "ALARM")
        assert [one.id for one in found.machines[0].open_cases] == [case.id]
        assert found.machines[0].budget is not None
        assert found.machines[0].budget.days * 86_400 == pytest.approx(2)
        database = found.to_dict()["database"]
        assert database["in_memory"] == str(store.database.path)
        assert not database["ok"]
        assert "is full" in database["fault"]
        assert "database in memory" in status_text(found)[-1]


def test_what_a_full_disk_holds_is_not_ok_once_it_is_older_than_the_monitor_stores(
    site: Site, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stored_facts, "stale_fault", lambda _: "the disk is full; make room")
    add(store, age_s=5)
    with exclusive(site.state_dir, "pump"):
        assert pump(site).state == "OK"
        assert "may be out of date: the disk is full; make room" in status_text(read(site))[-1]
    add(store, age_s=-15)
    with exclusive(site.state_dir, "pump"):
        later = site_status(site, lambda: NOW_S + 30)
    found = next(machine for machine in later.machines if machine.machine == "pump")
    assert found.state is None
    assert found.reason == (
        "the monitor runs, and what it stores cannot be seen: the disk is full; make room"
    )
