"""Rescue from a damaged database: what it holds that this program cannot have stored stays behind."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from anomaly.alerts import AlertMessage, Case, Store
from anomaly.store.recovery.salvage import salvage

MakeCase = Callable[..., Case]


@pytest.fixture
def old(path: Path, make_case: MakeCase) -> Path:
    """A database with two open cases, whose messages wait, and no second copies of them."""
    with Store.open(path) as store:
        store.outbox.subscribe(["plant"])
        for machine in ("pump", "fan"):
            case = make_case(machine)
            store.cases.open(case, AlertMessage("case.opened", machine, case.opened_at))
    for file in (path.parent / "undelivered").iterdir():
        file.unlink()
    return path


@pytest.fixture
def new(tmp_path: Path) -> Path:
    path = tmp_path / "new" / "anomaly.sqlite"
    Store.open(path).close()
    return path


def change(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("PRAGMA ignore_check_constraints = ON")
        connection.execute(statement)


def content(path: Path) -> tuple[list[str], list[str]]:
    """Machines of the open cases, and of the messages that are due."""
    with Store.open(path) as store:
        cases = sorted(case.machine for case in store.cases.select(open_only=True))
        return cases, sorted(due.message.machine for due in store.outbox.due(2e9, "plant"))


def test_all_is_carried_over(old: Path, new: Path) -> None:
    assert salvage(old, new) == {"cases": 2, "closed_cases": 0, "events": 2, "messages": 2}
    assert content(new) == (["fan", "pump"], ["fan", "pump"])


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE cases SET state = 'actjve' WHERE machine = 'fan'",
        "UPDATE cases SET kind = 'machin' WHERE machine = 'fan'",
        "UPDATE cases SET evidence = '[]' WHERE machine = 'fan'",
        "UPDATE cases SET evidence = '{' WHERE machine = 'fan'",
        "UPDATE cases SET machine = '../fan' WHERE machine = 'fan'",
        "UPDATE cases SET peak_score = 'high' WHERE machine = 'fan'",
        "UPDATE cases SET summary = x'00ff' WHERE machine = 'fan'",
        "UPDATE cases SET id = NULL WHERE machine = 'fan'",
    ],
)
def test_a_case_that_cannot_be_one_stays_behind(old: Path, new: Path, damage: str) -> None:
    change(old, damage)
    assert salvage(old, new)["cases"] == 1
    assert content(new) == (["pump"], ["fan", "pump"])


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE outbox SET body = substr(body, 1, 40) WHERE body LIKE '%fan%'",
        "UPDATE outbox SET body = replace(body, '\"id\":\"', '\"id\":\"f') WHERE body LIKE '%fan%'",
        "UPDATE outbox SET message_id = 'another' WHERE body LIKE '%fan%'",
        "UPDATE outbox SET queued_s = 'x' WHERE body LIKE '%fan%'",
    ],
)
def test_a_message_that_would_go_out_under_another_key_stays_behind(
    old: Path, new: Path, damage: str
) -> None:
    change(old, damage)
    assert salvage(old, new)["messages"] == 1
    assert content(new) == (["fan", "pump"], ["pump"])


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE deliveries SET status = 'delivfred'",
        "UPDATE deliveries SET sink = NULL",
        "DROP TABLE deliveries",
    ],
)
def test_messages_of_which_nobody_knows_whether_they_were_delivered_are_repeated(
    old: Path, new: Path, damage: str
) -> None:
    change(old, "PRAGMA writable_schema = ON")
    with closing(sqlite3.connect(old)) as connection, connection:
        # As a damaged page would do it: no constraint is in its way.
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute("UPDATE sqlite_master SET sql = replace(sql, 'sink TEXT NOT NULL', 'sink TEXT')")
    change(old, "UPDATE outbox SET queued_s = " + repr(time.time()))
    change(old, damage)
    assert salvage(old, new)["messages"] == 2
    assert content(new) == (["fan", "pump"], ["fan", "pump"])


def test_a_sink_without_a_name_stays_behind(old: Path, new: Path) -> None:
    change(old, "INSERT INTO sinks VALUES (NULL, 0.0)")
    salvage(old, new)
    with closing(sqlite3.connect(new)) as connection:
        assert connection.execute("SELECT name FROM sinks").fetchall() == [("plant",)]


def test_rows_find_other_numbers_where_theirs_are_taken(old: Path, new: Path, make_case: MakeCase) -> None:
    with Store.open(new) as store:
        store.outbox.subscribe(["plant"])
        for machine in ("gearbox", "mill"):
            store.cases.open(make_case(machine))
    salvage(old, new)
    machines = ["fan", "gearbox", "mill", "pump"]
    assert content(new) == (machines, machines)


def test_a_file_in_which_nothing_can_be_read(new: Path, tmp_path: Path) -> None:
    (tmp_path / "noise").write_bytes(b"\x5a" * 8192)
    assert set(salvage(tmp_path / "noise", new).values()) == {0}


def test_the_history_of_cases_and_the_maintenance_are_carried_over_once(
    old: Path, new: Path, make_case: MakeCase
) -> None:
    with Store.open(old) as store:
        (pump,) = store.cases.select(open_only=True, machine="pump")
        store.cases.acknowledge(pump.id, "ann", "on my way")
        store.cases.close(pump.id, by="ann")
        store.maintenance.begin("mill", 3600.0, "ann", "new belt")
        store.maintenance.begin("press", 3600.0, "ann")
        store.maintenance.end("press", "ann")
        store.history.add_event("state.changed", machine="pump")
        closed, history = store.cases.get(pump.id), store.history.events(case_id=pump.id)
    for _ in range(2):
        carried = salvage(old, new)
    assert carried == {"cases": 1, "closed_cases": 1, "events": 0, "messages": 4}
    with Store.open(new) as store:
        assert store.cases.get(pump.id) == closed
        assert store.history.events(case_id=pump.id) == history
        assert [event.event for event in history] == ["case.opened", "case.acknowledged", "case.closed"]
        assert [row.machine for row in store.maintenance.select()] == ["mill"]
        assert len(store.history.events(name="maintenance.ended")) == 1
        assert store.history.events(name="state.changed") == []
        with store.database.reading() as connection:
            rows = connection.execute("SELECT machine FROM maintenance ORDER BY machine").fetchall()
        assert [row["machine"] for row in rows] == ["mill", "press"]


def test_of_the_closed_cases_the_newest_are_carried_over(old: Path, new: Path, make_case: MakeCase) -> None:
    with Store.open(old) as store:
        for number in range(4):
            case = replace(make_case("press"), opened_at=f"2027-01-1{number}T00:00:00.000Z")
            store.cases.open(case)
            store.cases.close(case.id)
    assert salvage(old, new, closed_cases=2)["closed_cases"] == 2
    with Store.open(new) as store:
        kept = store.cases.select(machine="press")
        assert [case.opened_at[:10] for case in kept] == ["2027-01-13", "2027-01-12"]
        assert {event.case_id for event in store.history.events(machine="press")} == {c.id for c in kept}
