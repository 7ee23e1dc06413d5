"""State folder or database that somebody removes while a monitor uses it: it is made anew with all that it held."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from anomaly.alerts import AlertMessage, Case, ScoreRow, Store
from anomaly.errors import ConfigError
from anomaly.store.database import memory_database
from anomaly.store.reader import StoreReader

MakeCase = Callable[..., Case]
ROWS = [ScoreRow("pump", float(i), i, 0.1, 0.5, "OK") for i in range(100)]


@pytest.fixture(autouse=True)
def memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "memory").mkdir()
    monkeypatch.setattr(memory_database, "_SHARED_MEMORY", tmp_path / "memory")
    return tmp_path / "memory"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "anomaly.sqlite"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    with Store.open_resilient(path) as opened:
        opened.outbox.subscribe(["plant"])
        yield opened


def remove_folder(path: Path) -> None:
    shutil.rmtree(path.parent)


def remove_files(path: Path) -> None:
    for end in ("", "-wal", "-shm"):
        path.with_name(f"{path.name}{end}").unlink(missing_ok=True)


@pytest.mark.parametrize("remove", [remove_folder, remove_files, Path.unlink])
def test_nothing_is_lost(
    store: Store,
    path: Path,
    make_case: MakeCase,
    caplog: pytest.LogCaptureFixture,
    remove: Callable[[Path], None],
) -> None:
    fan, pump = make_case("fan"), make_case("pump")
    store.cases.open(fan, AlertMessage("case.opened", "fan", fan.opened_at))
    store.history.add_scores(ROWS)
    remove(path)
    store.cases.open(pump, AlertMessage("case.opened", "pump", pump.opened_at))
    store.history.add_scores(ROWS)
    assert len(store.history.scores("pump")) == 200
    reader = StoreReader(path)
    assert {case.id for case in reader.cases(open_only=True).rows} == {fan.id, pump.id}
    assert [one.message.machine for one in store.outbox.due(2e9, "plant")] == ["fan", "pump"]
    assert len(list((path.parent / "undelivered").iterdir())) == 2
    (event,) = reader.events(name="store.removed").rows
    assert event.detail == {"path": str(path), "kept": True}
    assert "was removed; it was made anew, with all that it held" in caplog.text
    assert store.check() is None


def test_a_check_notices_it(store: Store, path: Path) -> None:
    remove_folder(path)
    store.database.suspect = True
    with pytest.raises(ConfigError, match="removed"):
        store.database.is_sound()
    store.outbox.pending_count(["plant"])
    assert path.is_file()
    assert store.check() is None


def test_memory_takes_it_where_the_folder_cannot_be_made(
    store: Store, path: Path, make_case: MakeCase
) -> None:
    fan = make_case("fan")
    store.cases.open(fan)
    shutil.rmtree(path.parent)
    path.parent.write_text("a file in its place")
    store.history.add_scores(ROWS)
    assert store.fault
    assert store.cases.select(open_only=True) == [fan]
    path.parent.unlink()
    path.parent.mkdir()
    store.check()
    assert store.fault == ""
    assert [case.id for case in StoreReader(path).cases(open_only=True).rows] == [fan.id]


def test_a_database_in_memory_that_is_removed_is_made_anew(
    store: Store, path: Path, memory: Path, make_case: MakeCase
) -> None:
    fan = make_case("fan")
    with store.database.reading() as connection:
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count = {pages}")
    store.history.add_scores(ROWS * 20)
    assert store.fault
    store.cases.open(fan)
    shutil.rmtree(memory)
    memory.mkdir()
    store.history.add_scores(ROWS)
    assert store.cases.select(open_only=True) == [fan]
    store.check()
    assert store.fault == ""
    assert [case.id for case in StoreReader(path).cases(open_only=True).rows] == [fan.id]
