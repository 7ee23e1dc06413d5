"""Migrations: an older file is upgraded, a newer one refused."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from anomaly.alerts import Store
from anomaly.errors import ConfigError
from anomaly.store.database.database_file import connect
from anomaly.store.database.migration import migrate
from anomaly.store.database.schema import MIGRATIONS, Migration
from anomaly.store.database.version_record import version_of
from anomaly.store.reader import StoreReader

NEXT = Migration(
    MIGRATIONS[-1].version + 1, "a test", ("CREATE TABLE extra (x)", "INSERT INTO extra VALUES (1)")
)


def test_versions_count_up() -> None:
    assert [step.version for step in MIGRATIONS] == list(range(1, len(MIGRATIONS) + 1))


def test_from_nothing_and_again(tmp_path: Path) -> None:
    path = tmp_path / "x.sqlite"
    with closing(connect(path)) as connection:
        assert migrate(connection, path) == (0, MIGRATIONS[-1].version)
        assert migrate(connection, path) == (MIGRATIONS[-1].version, MIGRATIONS[-1].version)
        assert version_of(connection, path) == MIGRATIONS[-1].version
        names = connection.execute("SELECT version, name FROM migrations").fetchall()
    assert [tuple(row) for row in names] == [(step.version, step.name) for step in MIGRATIONS]


@pytest.mark.parametrize("version", range(1, len(MIGRATIONS) + 1))
def test_from_each_released_version(version: int, tmp_path: Path) -> None:
    path = tmp_path / "x.sqlite"
    with closing(connect(path)) as connection:
        migrate(connection, path, MIGRATIONS[:version])
        connection.execute("INSERT INTO scores VALUES ('pump', 1.0, 1, 0.5, 0.5, 'OK')")
        migrate(connection, path, (*MIGRATIONS, NEXT))
        assert connection.execute("SELECT x FROM extra").fetchone()[0] == 1
        assert connection.execute("SELECT count(*) FROM scores").fetchone()[0] == 1


def test_a_step_that_fails_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "x.sqlite"
    bad = Migration(NEXT.version, "bad", ("CREATE TABLE extra (x)", "INSERT INTO none VALUES (1)"))
    with closing(connect(path)) as connection:
        migrate(connection, path)
        with pytest.raises(sqlite3.OperationalError):
            migrate(connection, path, (*MIGRATIONS, bad))
        assert version_of(connection, path) == MIGRATIONS[-1].version
        assert migrate(connection, path, (*MIGRATIONS, NEXT))[1] == NEXT.version


def test_a_newer_schema_is_refused_and_left_alone(path: Path) -> None:
    Store.open(path).close()
    with closing(connect(path)) as connection:
        migrate(connection, path, (*MIGRATIONS, NEXT))
    with pytest.raises(ConfigError, match=f"has schema version {NEXT.version}, this anomaly knows") as caught:
        Store.open(path)
    assert caught.value.exit_code == 3
    assert "update anomaly" in str(caught.value.hint)
    with closing(connect(path)) as connection:
        assert version_of(connection, path) == NEXT.version


def test_the_database_itself_allows_one_open_case_of_a_kind(store: Store) -> None:
    insert = (
        "INSERT INTO cases (id, machine, kind, state, opened_at, summary, evidence)"
        " VALUES (?, 'pump', 'machine', ?, '', '', '{}')"
    )
    with store.database.transaction() as connection:
        connection.execute(insert, ("a", "closed"))
        connection.execute(insert, ("b", "closed"))
        connection.execute(insert, ("c", "active-unacknowledged"))
        with pytest.raises(sqlite3.IntegrityError):
            connection.execute(insert, ("d", "returned-unacknowledged"))


RELEASED = sorted(Path(__file__).with_name("schemas").glob("version-*.sql"))


def test_each_released_version_has_its_dump() -> None:
    numbers = [int(file.stem.removeprefix("version-")) for file in RELEASED]
    assert numbers == list(range(1, len(numbers) + 1))
    assert len(numbers) >= len(MIGRATIONS) - 1, "the version before the newest has no dump"


@pytest.mark.parametrize("dump", RELEASED, ids=lambda dump: str(dump.stem))
def test_a_database_of_each_released_version_keeps_its_content(dump: Path, path: Path) -> None:
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(dump.read_text(encoding="utf-8"))
    with Store.open(path) as store:
        assert [row.second for row in store.history.scores("pump")] == list(range(10))
        assert store.history.scores("pump")[3].score is None
        assert [case.machine for case in store.cases.select(open_only=True)] == ["pump"]
        assert store.cases.find("0123").evidence == {"levels": [1.0, 2.0]}
        assert [event.event for event in store.history.events(machine="fan")] == [
            "case.opened",
            "case.closed",
        ]
        assert store.outbox.pending_count(["plant"]) == 3
        assert [due.message.machine for due in store.outbox.due(2e9)] == ["pump", "fan"]
        store.time_series.sum_up()
        assert sum(row.seconds for row in store.time_series.minutes("pump")) == 10
    with closing(connect(path)) as connection, closing(connect(path.with_name("new.sqlite"))) as fresh:
        assert version_of(connection, path) == MIGRATIONS[-1].version
        migrate(fresh, path)
        assert layout(connection) == layout(fresh)


def layout(connection: sqlite3.Connection) -> set[tuple[str, str]]:
    """Names and statements of all tables and indexes."""
    rows = connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL")
    return {(row[0], " ".join(row[1].split())) for row in rows}


def test_clips_gaps_and_minutes_of_version_2_are_kept(path: Path) -> None:
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(
            (Path(__file__).parent / "schemas/version-2.sql").read_text(encoding="utf-8")
        )
    with Store.open(path) as store:
        assert [clip.folder for clip in store.clips.select(machine="pump")] == ["pump/00000000000a"]
        assert [access.who for access in store.clips.accesses()] == ["anna"]
        assert [gap.reason for gap in store.time_series.gaps("pump")] == ["lost"]
        assert [minute.alarm_s for minute in store.time_series.minutes("pump")] == [2]
        assert [state.state for state in store.time_series.states("pump", "decision")] == ["ALARM"]


def test_the_cases_of_an_older_version_are_read_without_an_upgrade(path: Path) -> None:
    path.parent.mkdir()
    for dump in RELEASED:
        path.unlink(missing_ok=True)
        with closing(sqlite3.connect(path)) as connection:
            connection.executescript(dump.read_text(encoding="utf-8"))
        cases = StoreReader(path).cases(open_only=True).rows
        assert [(case.machine, case.asset) for case in cases] == [("pump", {})]
        assert StoreReader(path).schema_version < MIGRATIONS[-1].version
