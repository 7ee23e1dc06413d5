"""Version of the schema: a newer database is left alone, a damaged record is told from it and recovered from."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from anomaly.alerts import AlertMessage, Case, Store
from anomaly.errors import ConfigError
from anomaly.store.database.database_error import DatabaseError
from anomaly.store.database.database_file import connect
from anomaly.store.database.migration import migrate
from anomaly.store.database.schema import MIGRATIONS, Migration
from anomaly.store.database.version_record import APPLICATION_ID, version_of
from anomaly.store.reader import StoreReader

NEWEST = MIGRATIONS[-1].version
NEXT = Migration(NEWEST + 1, "a later step", ("CREATE TABLE later (x)",))

DAMAGES = {
    "noise as a number": f"UPDATE migrations SET version = 3736033132131 WHERE version = {NEWEST}",
    "a flipped bit of a number": "UPDATE migrations SET version = 3 + 64 WHERE version = 3",
    "a number that cannot be": "UPDATE migrations SET version = -5 WHERE version = 2",
    "noise as a name": "UPDATE migrations SET name = char(1, 5, 9) WHERE version = 3",
    "another name": "UPDATE migrations SET name = 'minutes, statez, gaps, clips' WHERE version = 2",
    "no time": "UPDATE migrations SET applied_s = 'x' WHERE version = 1",
    "one step is missing": "DELETE FROM migrations WHERE version = 1",
    "the last step is missing": f"DELETE FROM migrations WHERE version = {NEWEST}",
    "no steps": "DELETE FROM migrations",
    "a row of another table": "INSERT INTO migrations VALUES (200, 'pump', 'decision')",
    "no table": "DROP TABLE migrations",
    "a table of another name": "ALTER TABLE migrations RENAME TO migratiens",
}


def change(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        for statement in statements:
            connection.execute(statement)


def stored(path: Path, make_case: Callable[..., Case]) -> Case:
    """Make a database with an open case whose message waits."""
    with Store.open(path) as store:
        store.outbox.subscribe(["plant"])
        case = make_case("fan")
        assert store.cases.open(case, AlertMessage("case.opened", "fan", case.opened_at)) == case
    return case


@pytest.mark.parametrize("statement", DAMAGES.values(), ids=list(DAMAGES))
def test_a_damaged_record_is_set_aside_and_recovered_from(
    path: Path, make_case: Callable[..., Case], statement: str
) -> None:
    case = stored(path, make_case)
    change(path, statement)
    with pytest.raises(ConfigError, match="version") as caught:
        Store.open(path, create=False)
    assert "sets a damaged file aside" in str(caught.value.hint)
    with Store.open_resilient(path) as store:
        assert store.set_aside is not None
        assert store.cases.select(open_only=True) == [case]
        assert [due.message.machine for due in store.outbox.due(2e9, "plant")] == ["fan"]
        assert store.check() is None


def test_damage_of_the_record_is_met_while_it_is_used(path: Path, make_case: Callable[..., Case]) -> None:
    case = stored(path, make_case)
    with Store.open_resilient(path) as store:
        change(path, "UPDATE migrations SET version = 3736033132131 WHERE version = 3")
        assert store.check() is not None
        assert store.cases.select(open_only=True) == [case]


def test_a_reader_names_the_damage(path: Path, make_case: Callable[..., Case]) -> None:
    stored(path, make_case)
    change(path, "DELETE FROM migrations WHERE version = 1")
    with pytest.raises(DatabaseError, match="the record of its schema's version is damaged"):
        StoreReader(path).events()


NEWER = {
    "migrated by a newer program": (),
    "its header is damaged": ("PRAGMA user_version = 3", "PRAGMA application_id = 7"),
    "its record is damaged": ("UPDATE migrations SET name = char(1, 5, 9) WHERE version = 2",),
    "several steps ahead": (f"INSERT INTO migrations VALUES ({NEWEST + 6}, 'much later', {time.time()})",),
}


@pytest.mark.parametrize("statements", NEWER.values(), ids=list(NEWER))
@pytest.mark.parametrize("open_store", [Store.open, Store.open_resilient])
def test_a_newer_database_is_refused_and_never_touched(
    path: Path, statements: tuple[str, ...], open_store: Callable[[Path], Store]
) -> None:
    Store.open(path).close()
    with closing(connect(path)) as connection:
        migrate(connection, path, (*MIGRATIONS, NEXT))
    change(path, *statements)
    # A newer monitor that was killed has left a log.
    with closing(sqlite3.connect(path)) as monitor:
        monitor.execute("PRAGMA wal_autocheckpoint = 0")
        monitor.execute("CREATE TABLE written_last (x)")
        before = {file.name: file.read_bytes() for file in path.parent.iterdir()}
        with pytest.raises(ConfigError, match=r"has schema version \d+, this anomaly knows") as caught:
            open_store(path)
        assert caught.value.exit_code == 3
        assert "update anomaly" in str(caught.value.hint)
        after = {file.name: file.read_bytes() for file in path.parent.iterdir()}
    # The index of the log is shared memory; readers mark in it what they read.
    assert {n: b for n, b in after.items() if "-shm" not in n} == {
        n: b for n, b in before.items() if "-shm" not in n
    }


def test_a_newer_program_that_migrates_beside_a_monitor_damages_nothing(path: Path) -> None:
    with Store.open_resilient(path) as store:
        with closing(connect(path)) as connection:
            migrate(connection, path, (*MIGRATIONS, NEXT))
        assert store.check() is None
        assert store.set_aside is None


def test_the_header_repeats_the_version(path: Path) -> None:
    Store.open(path).close()
    change(path, "PRAGMA user_version = 67", "PRAGMA application_id = 7")
    for _ in range(2):
        with closing(connect(path)) as connection:
            assert version_of(connection, path) == NEWEST
            migrate(connection, path)
            assert connection.execute("PRAGMA user_version").fetchone()[0] == NEWEST
            assert connection.execute("PRAGMA application_id").fetchone()[0] == APPLICATION_ID


@pytest.mark.parametrize("version", range(1, NEWEST))
def test_an_older_database_whose_tables_are_lost_in_part_is_not_another_program_s(
    path: Path, version: int
) -> None:
    path.parent.mkdir()
    with closing(connect(path)) as connection:
        migrate(connection, path, MIGRATIONS[:version])
    change(path, "DROP TABLE migrations", "DROP TABLE scores", "PRAGMA application_id = 0")
    with closing(connect(path)) as connection, pytest.raises(DatabaseError, match="is gone"):
        version_of(connection, path, MIGRATIONS[:version])


def test_a_busy_database_is_not_damaged(path: Path) -> None:
    Store.open(path).close()
    change(path, "PRAGMA journal_mode = DELETE")
    with closing(sqlite3.connect(path)) as holder, closing(sqlite3.connect(path, timeout=0.0)) as reader:
        holder.execute("BEGIN EXCLUSIVE")
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            version_of(reader, path)
