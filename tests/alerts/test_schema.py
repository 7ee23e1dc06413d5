"""The schema grows by migrations; an older file is brought up, a newer one refused."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from anomaly.alerts import Store
from anomaly.alerts.database import connect
from anomaly.alerts.schema import MIGRATIONS, Migration, migrate, version_of
from anomaly.errors import ConfigError

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
    with store._database.transaction() as connection:
        connection.execute(insert, ("a", "closed"))
        connection.execute(insert, ("b", "closed"))
        connection.execute(insert, ("c", "active-unacknowledged"))
        with pytest.raises(sqlite3.IntegrityError):
            connection.execute(insert, ("d", "returned-unacknowledged"))
