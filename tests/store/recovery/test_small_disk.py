"""Store on a real disk that is full or read-only: memory stands in, the cause is named, and the disk gets all."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from anomaly.alerts import AlertMessage, Case, ScoreRow, Store
from anomaly.store.current import current_database
from anomaly.store.database import memory_database
from anomaly.store.reader import StoreReader
from support.small_disk import SmallDisk, small_disk

__all__ = ["small_disk"]

MakeCase = Callable[..., Case]
ROWS = [ScoreRow("pump", float(i), i, 0.1, 0.5, "OK") for i in range(500)]
DISK_KIB = 900


@pytest.fixture(autouse=True)
def memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "memory").mkdir()
    monkeypatch.setattr(memory_database, "_SHARED_MEMORY", tmp_path / "memory")
    return tmp_path / "memory"


@pytest.fixture
def disk(small_disk: Callable[[int], SmallDisk]) -> SmallDisk:
    return small_disk(DISK_KIB)


@pytest.fixture
def path(disk: SmallDisk) -> Path:
    return disk.path / "state" / "anomaly.sqlite"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    with Store.open_resilient(path) as opened:
        opened.outbox.subscribe(["plant"])
        yield opened


def opened(store: Store, case: Case) -> Case | None:
    return store.cases.open(case, AlertMessage("case.opened", case.machine, case.opened_at))


def due(store: Store) -> list[str]:
    return sorted(one.message.machine for one in store.outbox.due(2e9, "plant"))


def test_a_full_disk_is_named_and_gets_all_once_there_is_room(
    store: Store, disk: SmallDisk, path: Path, memory: Path, make_case: MakeCase
) -> None:
    fan = make_case("fan")
    opened(store, fan)
    disk.fill()
    for _ in range(4):
        store.history.add_scores(ROWS)
    pump = make_case("pump")
    assert opened(store, pump) == pump
    assert f"the disk of {path.parent} is full" in store.fault
    assert "make room" in store.fault
    assert due(store) == ["fan", "pump"]
    store.cases.acknowledge(fan.id, "ann")
    store.maintenance.begin("mill", 3600.0, "ann")
    store.check()
    assert store.fault  # still full
    (event,) = current_database(path).reader.events(name="store.failed").rows
    assert event.detail["cause"] == "full"
    disk.free()
    store.check()
    assert store.fault == ""
    assert not list(memory.iterdir())
    on_disk = StoreReader(path)
    assert {case.machine: case.acknowledged_by for case in on_disk.cases(open_only=True).rows} == {
        "fan": "ann",
        "pump": None,
    }
    assert [row.machine for row in store.maintenance.select()] == ["mill"]
    events = [event.event for event in store.history.events(case_id=fan.id)]
    assert events == ["case.opened", "case.acknowledged"]
    assert len(store.history.events(name="store.failed")) == 1


def test_a_disk_that_is_full_at_the_start(disk: SmallDisk, path: Path, make_case: MakeCase) -> None:
    path.parent.mkdir()
    disk.fill()
    with Store.open_resilient(path) as store:
        store.outbox.subscribe(["plant"])
        assert "is full" in store.fault
        opened(store, make_case("pump"))
        assert due(store) == ["pump"]
        disk.free()
    with Store.open_resilient(path) as store:
        assert store.fault == ""
        assert due(store) == ["pump"]


def test_a_read_only_file_system_is_named(
    store: Store, disk: SmallDisk, path: Path, make_case: MakeCase
) -> None:
    store.database.close()  # a file system with files that are open for writing cannot be made read-only
    disk.remount("ro")
    pump = make_case("pump")
    assert opened(store, pump) == pump
    assert f"the file system of {path.parent} is read-only" in store.fault
    assert "remount,rw" in store.fault
    disk.remount("rw")
    store.check()
    assert store.fault == ""
    assert [case.machine for case in StoreReader(path).cases(open_only=True).rows] == ["pump"]


@pytest.mark.parametrize("room", [False, True], ids=["still full", "with room again"])
def test_what_a_killed_process_kept_in_memory_is_taken_over(
    disk: SmallDisk, path: Path, memory: Path, make_case: MakeCase, room: bool
) -> None:
    killed = Store.open_resilient(path)
    killed.outbox.subscribe(["plant"])
    disk.fill()
    for _ in range(4):
        killed.history.add_scores(ROWS)
    case = make_case("pump")
    opened(killed, case)
    assert killed.fault
    assert killed._repair is not None
    assert killed._repair._memory is not None
    killed._repair._memory.owner.release()  # as the kernel does it
    killed.database.close()
    if room:
        disk.free()
    with Store.open_resilient(path) as store:
        assert bool(store.fault) != room
        assert store.cases.select(open_only=True) == [case]
        assert due(store) == ["pump"]
        assert len(store.history.scores("pump")) == 4 * len(ROWS)
        disk.free()
    assert not list(memory.iterdir())
    with closing(Store.open(path)) as store:
        assert store.cases.select(open_only=True) == [case]


def test_a_command_changes_the_database_that_the_monitor_uses(
    store: Store, disk: SmallDisk, path: Path, make_case: MakeCase
) -> None:
    case = make_case("pump")
    opened(store, case)
    disk.fill()
    for _ in range(4):
        store.history.add_scores(ROWS)
    disk.free()
    with Store.open(path, create=False) as command:
        store.check()
        assert store.fault  # it stays in memory as long as the command runs
        command.cases.acknowledge(case.id, "ann")
    store.check()
    assert store.fault == ""
    (found,) = store.cases.select(open_only=True)
    assert found.acknowledged_by == "ann"


def test_two_monitors_of_one_folder_give_back_only_what_they_changed(
    store: Store, disk: SmallDisk, path: Path, make_case: MakeCase
) -> None:
    pump, fan = make_case("pump"), make_case("fan")
    opened(store, pump)
    opened(store, fan)
    with Store.open_resilient(path) as other:
        disk.fill()
        for _ in range(4):
            store.history.add_scores(ROWS)
            other.history.add_scores(ROWS)
        assert store.fault
        assert other.fault
        other.cases.close(fan.id, by="ann")
        disk.free()
        other.check()
        store.check()
        assert (store.fault, other.fault) == ("", "")
        assert [case.machine for case in store.cases.select(open_only=True)] == ["pump"]
        assert len(store.history.events(case_id=fan.id)) == 2
