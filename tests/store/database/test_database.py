"""The database file: created, shared between threads, set aside when damaged, untouched if another program's."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from anomaly.alerts import Case, ScoreRow, Store
from anomaly.errors import ConfigError
from anomaly.store.database.database_file import connect
from anomaly.store.database.opening import open_database


def test_the_folder_is_made(path: Path) -> None:
    database, aside = open_database(path)
    database.close()
    assert path.is_file()
    assert aside is None


def test_modes(path: Path) -> None:
    database, _ = open_database(path)
    with database.transaction() as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
        assert connection.execute("PRAGMA synchronous").fetchone()[0] == 2
        assert connection.execute("PRAGMA busy_timeout").fetchone()[0] >= 1000
    with database.transaction(durable=False) as connection:
        assert connection.execute("PRAGMA synchronous").fetchone()[0] == 1
    database.close()


def test_a_transaction_is_all_or_nothing(store: Store) -> None:
    def half() -> None:
        with store.database.transaction() as connection:
            connection.execute("INSERT INTO sinks VALUES ('a', 0)")
            raise RuntimeError("in the middle")

    with pytest.raises(RuntimeError, match="in the middle"):
        half()
    with store.database.reading() as connection:
        assert connection.execute("SELECT count(*) FROM sinks").fetchone()[0] == 0


def test_threads_have_connections_of_their_own(store: Store) -> None:
    def write(worker: int) -> None:
        for second in range(20):
            store.history.add_scores([ScoreRow(f"m{worker}", float(second), second, 0.1, 0.5, "OK")])
            store.history.add_event("tick", machine=f"m{worker}")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(4)))
    assert all(len(store.history.scores(f"m{worker}")) == 20 for worker in range(4))
    assert len(store.history.events()) == 80


def test_connections_of_ended_threads_are_closed(store: Store) -> None:
    for _ in range(5):
        thread = threading.Thread(target=store.history.events)
        thread.start()
        thread.join()
    assert len(store.database._connections) <= 2


@pytest.mark.parametrize(
    "content", [b"this is no database, but a text that is long enough" * 100, b"\0" * 5000]
)
def test_a_file_that_is_no_database_is_set_aside(
    path: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    path.parent.mkdir()
    path.write_bytes(content)
    with Store.open(path) as store:
        assert store.set_aside is not None
        assert store.set_aside.read_bytes() == content
        assert ".damaged-" in store.set_aside.name
        assert [event.event for event in store.history.events()] == ["store.damaged"]
        assert store.history.events()[0].detail == {
            "set_aside": str(store.set_aside),
            "carried_over": {"cases": 0, "closed_cases": 0, "events": 0, "messages": 0},
        }
    assert "the database is damaged" in caplog.text


def test_an_empty_file_is_a_new_database(path: Path) -> None:
    path.parent.mkdir()
    path.touch()
    with Store.open(path) as store:
        assert store.set_aside is None


def broken_page(path: Path) -> None:
    """Write nonsense over the middle of a database, as a dying disk does."""
    with Store.open(path) as store:
        store.history.add_scores(ScoreRow("pump", float(i), i, 0.1, 0.5, "OK") for i in range(2000))
    with path.open("r+b") as file:
        # The last quarter holds scores and their index, and none of the tables' descriptions.
        file.seek(path.stat().st_size * 3 // 4 // 4096 * 4096)
        file.write(b"\x5a" * 8192)


def test_damaged_pages_are_found_after_an_unclean_stop_once_the_work_has_begun(path: Path) -> None:
    broken_page(path)
    Path(f"{path}-wal").write_bytes(b"left over")
    with Store.open(path) as store:
        assert store.set_aside is None  # opening reads no more than it must
        assert store.database.suspect
        aside = store.check()
        assert aside is not None
        assert aside.is_file()
        assert store.set_aside == aside
        assert store.history.scores("pump") == []
        assert [event.event for event in store.history.events()] == ["store.damaged"]
        assert store.check() is None


def test_after_a_clean_stop_nothing_is_checked(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Store.open(path).close()
    with Store.open(path) as store:
        monkeypatch.setattr(store.database, "is_sound", lambda: pytest.fail("pages were read"))
        assert store.check() is None


def test_a_sound_database_stays_after_an_unclean_stop(path: Path) -> None:
    code = (
        "import os, pathlib, sys\nfrom anomaly.alerts import Store\n"
        "store = Store.open(pathlib.Path(sys.argv[1]))\nstore.history.add_event('x')\nos._exit(9)"
    )
    subprocess.run([sys.executable, "-c", code, str(path)], check=False)
    with Store.open(path) as store:
        assert store.database.suspect
        assert store.check() is None
        assert not store.database.suspect
        assert [event.event for event in store.history.events()] == ["x"]


def test_damage_met_in_use_is_repaired_at_the_next_check(path: Path, make_case: Callable[..., Case]) -> None:
    with Store.open(path) as store:
        store.outbox.subscribe(["plant"])
        store.cases.open(make_case())
    broken_page(path)
    with Store.open(path) as store:
        with pytest.raises(ConfigError):
            store.history.scores("pump")
        assert store.check() is not None
        # The open case and its pending message were carried over.
        assert [case.machine for case in store.cases.select(open_only=True)] == ["pump"]
        assert store.outbox.pending_count(["plant"]) == 1
        carried = {"cases": 1, "closed_cases": 0, "events": 1, "messages": 1}
        assert store.history.events()[-1].detail["carried_over"] == carried


def test_others_keep_writing_while_a_new_database_begins(path: Path) -> None:
    broken_page(path)
    Path(f"{path}-wal").write_bytes(b"left over")
    with Store.open(path) as store, ThreadPoolExecutor(3) as pool:
        ended = threading.Event()

        def write(worker: int) -> int:
            count = 0
            while not ended.is_set() or count < 5:
                store.history.add_event("tick", machine=f"m{worker}")
                count += 1
            return count

        writers = [pool.submit(write, worker) for worker in range(3)]
        assert store.check() is not None
        ended.set()
        assert all(writer.result() >= 5 for writer in writers)
        assert {event.event for event in store.history.events()} == {"store.damaged", "tick"}


def test_a_file_that_another_process_has_replaced_is_noticed(path: Path) -> None:
    with Store.open(path) as one, Store.open(path) as other:
        one.history.add_event("before")
        other.database.begin_anew()
        one.history.add_event("after")
        assert [event.event for event in other.history.events()] == ["after"]


def test_a_case_lost_with_the_database_is_stored_again(path: Path, make_case: Callable[..., Case]) -> None:
    with Store.open(path) as store:
        case = store.cases.open(make_case(peak_score=3.0))
        assert case is not None
        store.database.begin_anew()
        assert store.cases.select() == []
        store.cases.update(replace(case, peak_score=9.0))
        assert [(c.id, c.peak_score) for c in store.cases.select(open_only=True)] == [(case.id, 9.0)]


def test_damage_met_later_is_a_clear_error(path: Path) -> None:
    broken_page(path)
    with Store.open(path) as store, pytest.raises(ConfigError, match=r"malformed|database") as caught:
        store.history.scores("pump")
    assert caught.value.hint is not None
    assert "sets a damaged file aside" in caught.value.hint


def test_without_create_nothing_is_made_or_moved(path: Path) -> None:
    with pytest.raises(ConfigError, match="no database here"):
        Store.open(path, create=False)
    assert not path.parent.exists()
    path.parent.mkdir()
    path.write_bytes(b"no database" * 1000)
    with pytest.raises(ConfigError, match="not a database"):
        Store.open(path, create=False)
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_a_database_of_another_program_is_left_alone(path: Path) -> None:
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE notes (text)")
    before = path.read_bytes()
    with pytest.raises(ConfigError, match="is a database of another program"):
        Store.open(path)
    assert path.read_bytes()[100:] == before[100:]


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="cannot be made"):
        Store.open(tmp_path / "file" / "state" / "x.sqlite")


def test_a_read_only_folder() -> None:
    code = (
        "import os, pathlib, sys\nfrom anomaly.alerts import Store\nfrom anomaly.errors import ConfigError\n"
        "if os.geteuid() == 0: os.setuid(65534)\n"  # for root no folder is read-only
        "try: Store.open(pathlib.Path(sys.argv[1]))\nexcept ConfigError as error: print(error)"
    )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "state"
        open_database(folder / "old.sqlite")[0].close()
        Path(name).chmod(0o755)
        folder.chmod(0o555)
        for file in ("new.sqlite", "old.sqlite"):
            done = subprocess.run(
                [sys.executable, "-c", code, str(folder / file)], capture_output=True, text=True, check=False
            )
            assert done.stdout in {
                f"{folder}: cannot be written: Permission denied\n",
                f"{folder / file}.lock: cannot be written: Permission denied\n",
            }, done.stderr
        folder.chmod(0o755)


def test_a_full_disk_is_a_clear_error_and_passes(store: Store) -> None:
    rows = [ScoreRow("pump", float(i), i, 0.1, 0.5, "OK") for i in range(5000)]
    with store.database.reading() as connection:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages + 2}")
    with pytest.raises(ConfigError, match="full") as caught:
        store.history.add_scores(rows)
    assert caught.value.hint is not None
    assert "make room" in caught.value.hint
    assert store.history.scores("pump") == []
    with store.database.reading() as connection:
        connection.execute("PRAGMA max_page_count = 1000000")
    store.history.add_scores(rows)
    assert len(store.history.scores("pump")) == 5000


def test_a_writer_waits_for_another(store: Store, path: Path) -> None:
    with closing(connect(path)) as other:
        other.execute("BEGIN IMMEDIATE")
        release = threading.Timer(0.2, other.execute, ["COMMIT"])
        release.start()
        store.history.add_event("waited")
        release.join()
    assert [event.event for event in store.history.events()] == ["waited"]
