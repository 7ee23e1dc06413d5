"""Database that is current: in memory while the disk of a running monitor takes nothing, else on the disk."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from anomaly.alerts import Case, ScoreRow, Store
from anomaly.errors import ConfigError
from anomaly.store.current import current_database, memory_databases
from anomaly.store.database import memory_database
from anomaly.store.database.file_lock import FileLock
from support.small_disk import SmallDisk, small_disk
from support.unprivileged import unprivileged

__all__ = ["small_disk", "unprivileged"]

MakeCase = Callable[..., Case]


@pytest.fixture(autouse=True)
def memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "memory").mkdir()
    (tmp_path / "memory").chmod(0o777)
    monkeypatch.setattr(memory_database, "_SHARED_MEMORY", tmp_path / "memory")
    return tmp_path / "memory"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "anomaly.sqlite"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    with Store.open_resilient(path) as opened:
        yield opened


def fill_disk(store: Store) -> None:
    with store.database.reading() as connection:
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count = {pages}")
    store.history.add_scores([ScoreRow("pump", float(i), i, 0.1, 0.5, "OK") for i in range(3000)])
    assert store.fault


def test_without_any_database(path: Path) -> None:
    with pytest.raises(ConfigError, match="no database here"):
        current_database(path)


def test_on_the_disk(store: Store, path: Path) -> None:
    found = current_database(path)
    assert (found.reader.path, found.in_memory, found.is_stale, found.note()) == (path, False, False, "")


def test_in_memory(store: Store, path: Path, make_case: MakeCase) -> None:
    fill_disk(store)
    case = make_case("pump")
    store.cases.open(case)
    found = current_database(path)
    assert found.in_memory
    assert not found.is_stale
    assert found.fault == store.fault
    assert "is full" in found.note()
    assert found.reader.cases(open_only=True).rows == (case,)


def test_what_a_process_left_that_has_ended_is_not_current(store: Store, path: Path) -> None:
    fill_disk(store)
    assert store._repair is not None
    assert store._repair._memory is not None
    store._repair._memory.owner.release()
    assert memory_databases(path) == []
    assert memory_database.abandoned(path) != []


def test_memory_of_another_user_is_said_to_be_unseen(
    store: Store, path: Path, unprivileged: Callable[[], AbstractContextManager[None]]
) -> None:
    fill_disk(store)
    if os.geteuid() != 0:
        pytest.skip("the folder of another user is made by root only")
    with unprivileged():
        found = current_database(path)
    assert found.is_stale
    assert "another user keeps its database in memory" in found.note()


def test_a_full_disk_makes_what_a_monitor_stored_there_doubtful(
    small_disk: Callable[[int], SmallDisk], path: Path
) -> None:
    """As where the monitor runs in a container, whose memory is not seen from here."""
    disk = small_disk(1024)
    home = disk.path / path.name
    Store.open(home).close()
    with FileLock(home.with_name("monitor-pump.lock")):
        assert current_database(home).fault == ""
        disk.fill()
        assert "may be out of date" in current_database(home).note()
        assert current_database(home).is_stale
    assert current_database(home).note() == ""
