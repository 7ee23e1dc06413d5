"""Store of a running monitor: damage is replaced when it is met, and memory stands in for a disk that takes nothing."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from anomaly.alerts import AlertMessage, Case, ScoreRow, Store
from anomaly.errors import ConfigError
from anomaly.store import store as store_module
from anomaly.store.database import database as database_module
from anomaly.store.database import memory_database
from anomaly.store.database.database_error import DatabaseError

MakeCase = Callable[..., Case]
ROWS = [ScoreRow("pump", float(i), i, 0.1, 0.5, "OK") for i in range(3000)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "anomaly.sqlite"


@pytest.fixture(autouse=True)
def _memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "memory").mkdir()
    monkeypatch.setattr(memory_database, "_SHARED_MEMORY", tmp_path / "memory")


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    with Store.open_resilient(path) as opened:
        opened.outbox.subscribe(["plant"])
        yield opened


def break_table(path: Path, table: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (root,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (table,)).fetchone()
        (size,) = connection.execute("PRAGMA page_size").fetchone()
    with path.open("r+b") as file:
        file.seek((root - 1) * size)
        file.write(b"\x5a" * size)


def fill_disk(store: Store) -> None:
    with store.database.reading() as connection:
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count = {pages}")


def opened(store: Store, case: Case) -> Case | None:
    return store.cases.open(case, AlertMessage("case.opened", case.machine, case.opened_at))


@pytest.mark.parametrize(
    "table", ["cases", "scores", "events", "outbox", "deliveries", "sinks", "deliveries_pending"]
)
def test_damage_met_at_any_statement_is_replaced(
    store: Store, path: Path, make_case: MakeCase, table: str
) -> None:
    before = make_case("fan")
    opened(store, before)
    break_table(path, table)
    case = make_case("pump")
    assert opened(store, case) == case
    store.history.add_scores(ROWS)
    assert len(store.history.scores("pump")) == 3000
    store.check()
    due = [one.message for one in store.outbox.due(2e9, "plant")]
    assert {message.machine for message in due} == {"fan", "pump"}
    assert len({message.id for message in due}) == len(due) == 2
    assert store.set_aside is not None
    assert store.history.events(name="store.damaged")[-1].detail["set_aside"] == str(store.set_aside)


def test_damage_after_a_clean_stop_is_found(path: Path, make_case: MakeCase) -> None:
    with Store.open(path) as before:
        before.outbox.subscribe(["plant"])
        opened(before, make_case("fan"))
    break_table(path, "scores")
    with Store.open_resilient(path) as store:
        assert store.check() is not None
        assert [case.machine for case in store.cases.select(open_only=True)] == ["fan"]
        assert [one.message.machine for one in store.outbox.due(2e9, "plant")] == ["fan"]


def test_a_settled_delivery_is_not_repeated_after_damage(
    store: Store, path: Path, make_case: MakeCase
) -> None:
    opened(store, make_case("fan"))
    (due,) = store.outbox.due(2e9, "plant")
    store.outbox.mark_delivered(due)
    break_table(path, "cases")
    opened(store, make_case("pump"))
    assert [one.message.machine for one in store.outbox.due(2e9, "plant")] == ["pump"]
    assert store.outbox.unconfirmed_count(["plant"]) == 1


def test_a_delivery_of_the_lost_file_marks_no_other(store: Store, path: Path, make_case: MakeCase) -> None:
    opened(store, make_case("fan"))
    (due,) = store.outbox.due(2e9, "plant")
    store.database.begin_anew()
    store.outbox.subscribe(["plant"])
    opened(store, make_case("pump"))
    store.outbox.mark_delivered(due)
    assert [one.message.machine for one in store.outbox.due(2e9, "plant")] == ["pump"]


def test_a_full_disk_is_stood_in_for_by_memory_until_it_has_room(
    store: Store, path: Path, make_case: MakeCase
) -> None:
    fan = make_case("fan")
    opened(store, fan)
    fill_disk(store)
    store.history.add_scores(ROWS)
    assert "full" in store.fault
    case = make_case("pump")
    assert opened(store, case) == case
    due = store.outbox.due(2e9, "plant")
    assert {one.message.machine for one in due} == {"fan", "pump"}
    store.outbox.mark_delivered(due[0])
    store.cases.acknowledge(fan.id, "ann")
    store.check()
    assert store.fault == ""
    assert store.database.path == path
    assert not list(memory_database._SHARED_MEMORY.iterdir())
    assert len(store.history.scores("pump")) == 3000
    assert {c.machine: c.acknowledged_by for c in store.cases.select(open_only=True)} == {
        "fan": "ann",
        "pump": None,
    }
    left = {one.message.id for one in store.outbox.due(2e9, "plant")}
    assert due[0].message.id not in left
    assert due[1].message.id in left


def test_a_disk_that_still_takes_nothing_leaves_it_in_memory(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill_disk(store)
    store.history.add_scores(ROWS)

    def full(*_: object, **__: object) -> None:
        raise ConfigError("database or disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(memory_database, "merge", full)
        store.check()
        assert store.fault
        assert len(store.history.scores("pump")) == 3000
    store.close()
    assert store.fault == ""


def test_a_folder_that_takes_nothing_at_the_start(
    path: Path, make_case: MakeCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    path.parent.mkdir()
    original = store_module.open_database

    def read_only(file: Path, **options: bool) -> object:
        if file == path:
            error = DatabaseError("attempt to write a readonly database", where=file)
            error.code = sqlite3.SQLITE_READONLY
            raise error
        return original(file, **options)

    with monkeypatch.context() as patch:
        patch.setattr(store_module, "open_database", read_only)
        store = Store.open_resilient(path)
    store.outbox.subscribe(["plant"])
    assert "readonly" in store.fault
    opened(store, make_case("pump"))
    assert len(store.outbox.due(2e9, "plant")) == 1
    store.close()
    with Store.open(path) as after:
        assert [case.machine for case in after.cases.select(open_only=True)] == ["pump"]
        assert len(after.outbox.due(2e9, "plant")) == 1


def test_a_disk_that_is_damaged_when_it_takes_files_again_gets_a_new_one(
    store: Store, path: Path, make_case: MakeCase
) -> None:
    fill_disk(store)
    store.history.add_scores(ROWS)
    opened(store, make_case("pump"))
    break_table(path, "cases")
    store.check()
    assert store.fault == ""
    assert store.set_aside is not None
    assert [case.machine for case in store.cases.select(open_only=True)] == ["pump"]


def test_a_wrong_folder_is_an_error_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="cannot be made"):
        Store.open_resilient(tmp_path / "file" / "state" / "x.sqlite")


def rewrite(path: Path, *statements: str) -> None:
    """Change what is stored as damage does it that SQLite does not see."""
    with closing(sqlite3.connect(path)) as connection, connection:
        for statement in statements:
            connection.execute(statement)


def swap_indexes(path: Path, one: str, other: str) -> None:
    """Let the pages of two indexes change places, as a write to the wrong place does it."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        roots = [
            connection.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (name,)).fetchone()[0]
            for name in (one, other)
        ]
        (size,) = connection.execute("PRAGMA page_size").fetchone()
    with path.open("r+b") as file:
        pages = []
        for root in roots:
            file.seek((root - 1) * size)
            pages.append(file.read(size))
        for root, page in zip(roots, reversed(pages), strict=True):
            file.seek((root - 1) * size)
            file.write(page)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE cases SET state = 'actjve-unacknowledged'",
        "UPDATE cases SET kind = 'machinf'",
        "UPDATE cases SET evidence = '{'",
        "UPDATE cases SET evidence = 'null'",
        "UPDATE cases SET summary = CAST(x'fffefd' AS TEXT)",
        "UPDATE cases SET id = NULL",
    ],
)
def test_a_row_that_cannot_be_read_is_damage(
    store: Store, path: Path, make_case: MakeCase, change: str
) -> None:
    opened(store, make_case("fan"))
    (before,) = store.outbox.due(2e9, "plant")
    rewrite(path, change)
    assert opened(store, make_case("fan")) is not None
    assert [c.machine for c in store.cases.select(open_only=True)] == ["fan"]
    assert before.message in [due.message for due in store.outbox.due(2e9, "plant")]
    assert store.check() is None
    assert store.set_aside is not None


def test_a_message_under_another_key_is_not_delivered(store: Store, path: Path, make_case: MakeCase) -> None:
    opened(store, make_case("fan"))
    (before,) = store.outbox.due(2e9, "plant")
    rewrite(path, 'UPDATE outbox SET body = replace(body, \'"id":"\', \'"id":"f\')')
    assert [due.message for due in store.outbox.due(2e9, "plant")] == [before.message]
    assert store.set_aside is not None


def test_an_index_that_leads_to_another_case_is_damage(store: Store, path: Path, make_case: MakeCase) -> None:
    cases = [make_case(machine) for machine in ("fan", "pump", "gearbox")]
    for case in cases:
        opened(store, case)
    swap_indexes(path, "sqlite_autoindex_cases_1", "sqlite_autoindex_clips_1")
    store.database.close()
    # An index of nothing in the place of that of the cases: a case is not found, or it is another one.
    for case in cases:
        assert store.cases.update(case).machine == case.machine
    assert store.set_aside is not None
    assert {c.id for c in store.cases.select(open_only=True)} == {case.id for case in cases}


def test_a_delivery_that_its_index_does_not_lead_to_is_made(
    store: Store, path: Path, make_case: MakeCase
) -> None:
    opened(store, make_case("fan"))
    swap_indexes(path, "deliveries_waiting", "deliveries_dead")
    store.database.close()
    assert store.outbox.due(2e9, "plant") == []
    assert store.check() is not None
    assert [due.message.machine for due in store.outbox.due(2e9, "plant")] == ["fan"]


def index_page(path: Path, name: str, content: bytes | None = None) -> bytes:
    """Return the first page of an index as it is on the disk, and overwrite it."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (root,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (name,)).fetchone()
        (size,) = connection.execute("PRAGMA page_size").fetchone()
    with path.open("r+b") as file:
        file.seek((root - 1) * size)
        found = file.read(size)
        if content is not None:
            file.seek((root - 1) * size)
            file.write(content)
    return found


@pytest.mark.parametrize("index", ["deliveries_pending", "deliveries_waiting"])
def test_an_index_that_still_holds_what_is_done_holds_up_nothing(
    store: Store, path: Path, make_case: MakeCase, index: str
) -> None:
    case = make_case("fan")
    opened(store, case)
    earlier = index_page(path, index)
    store.outbox.mark_delivered(*store.outbox.due(2e9, "plant"))
    index_page(path, index, earlier)
    store.database.close()
    store.cases.acknowledge(case.id, "ann")
    assert [one.message.event for one in store.outbox.due(2e9, "plant")] == ["case.acknowledged"]


def test_a_mark_that_its_index_does_not_lead_to_is_made(
    store: Store, path: Path, make_case: MakeCase
) -> None:
    opened(store, make_case("fan"))
    (due,) = store.outbox.due(2e9, "plant")
    swap_indexes(path, "sqlite_autoindex_outbox_1", "sqlite_autoindex_sinks_1")
    store.database.close()
    store.outbox.mark_delivered(due)
    assert store.outbox.due(2e9, "plant") == []
    assert store.outbox.pending_count(["plant"]) == 0
    assert store.set_aside is not None


def test_a_lane_is_not_held_up_by_a_delivery_without_a_message(
    store: Store, path: Path, make_case: MakeCase
) -> None:
    case = make_case("fan")
    opened(store, case)
    rewrite(
        path,
        "INSERT INTO deliveries (outbox_id, sink, lane) VALUES (-7, 'plant', (SELECT lane FROM deliveries))",
    )
    assert len(store.outbox.due(2e9, "plant")) == 1
    assert store.outbox.pending_count(["plant"]) == 1


def test_a_case_whose_predecessor_is_open_again_after_damage(
    store: Store, path: Path, make_case: MakeCase
) -> None:
    older, case = make_case("fan"), make_case("fan", severity=2)
    opened(store, older)
    # The log with the end of the older case and the beginning of this one is lost.
    assert store.cases.update(case, AlertMessage("case.escalated", "fan", case.opened_at)) == case
    assert [c.id for c in store.cases.select(open_only=True)] == [case.id]
    assert [e.event for e in store.history.events(case_id=older.id)] == ["case.opened", "case.closed"]
    events = []
    while due := store.outbox.due(2e9, "plant"):
        events += [one.message.event for one in due]
        for one in due:
            store.outbox.mark_delivered(one)
    assert sorted(events) == ["case.closed", "case.escalated", "case.opened"]


@pytest.mark.parametrize("cut", [False, True])
def test_a_new_file_that_is_damaged_at_once_makes_way_too(
    store: Store, path: Path, make_case: MakeCase, monkeypatch: pytest.MonkeyPatch, cut: bool
) -> None:
    opened(store, make_case("fan"))
    real, calls = database_module.prepare, []

    def prepare(file: Path) -> None:
        real(file)
        calls.append(file)
        if len(calls) == 1:
            file.write_bytes(b"") if cut else break_table(file, "cases")

    monkeypatch.setattr(database_module, "prepare", prepare)
    break_table(path, "events")
    opened(store, make_case("pump"))
    assert {c.machine for c in store.cases.select(open_only=True)} == {"fan", "pump"}
    assert len(calls) == 2


def test_damage_that_comes_back_ends_in_an_error(
    store: Store, path: Path, make_case: MakeCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store.database, "repair", lambda _: True)
    break_table(path, "cases")
    with pytest.raises(ConfigError, match="malformed"):
        opened(store, make_case("pump"))
    assert store.outbox.unconfirmed_count(["plant"]) == 0


def test_a_commit_of_which_nobody_knows_is_repeated_and_stored_once(
    store: Store, make_case: MakeCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The commit succeeds, and its result is an error: the repetition finds what it would store."""
    real, failed = store.database._connection, []

    class Doubtful:
        def __init__(self, connection: sqlite3.Connection) -> None:
            self._connection = connection

        def __getattr__(self, name: str) -> object:
            return getattr(self._connection, name)

        def execute(self, sql: str, *values: object) -> sqlite3.Cursor:
            done = self._connection.execute(sql, *values)  # type: ignore[arg-type]
            if sql == "COMMIT" and not failed:
                failed.append(sql)
                raise sqlite3.DatabaseError("malformed, says the commit")
            return done

    monkeypatch.setattr(store.database, "_connection", lambda: Doubtful(real()))
    monkeypatch.setattr(store.database, "repair", lambda _: True)
    case = make_case("pump")
    assert opened(store, case) == case
    assert failed
    assert [due.message.machine for due in store.outbox.due(2e9, "plant")] == ["pump"]


def test_a_number_that_a_lost_message_had_does_not_make_another_delivered(
    store: Store, path: Path, make_case: MakeCase
) -> None:
    opened(store, make_case("fan"))
    store.outbox.mark_delivered(store.outbox.due(2e9, "plant")[0])
    # A page of the messages, and that of their newest number, are those of some time before.
    rewrite(path, "DELETE FROM outbox", "DELETE FROM sqlite_sequence")
    opened(store, make_case("pump"))
    assert [due.message.machine for due in store.outbox.due(2e9, "plant")] == ["pump"]


def test_deliveries_without_their_message_are_damage(store: Store, path: Path, make_case: MakeCase) -> None:
    opened(store, make_case("fan"))
    (before,) = store.outbox.due(2e9, "plant")
    rewrite(path, "DELETE FROM outbox")
    store.database.suspect = True
    assert store.check() is not None
    assert [due.message for due in store.outbox.due(2e9, "plant")] == [before.message]


def test_changes_by_people_are_repeated_too(store: Store, path: Path, make_case: MakeCase) -> None:
    case = make_case("fan")
    opened(store, case)
    break_table(path, "events")
    assert store.cases.acknowledge(case.id, "ann").acknowledged_by == "ann"
    assert store.set_aside is not None


def test_maintenance_goes_on_after_damage(store: Store, path: Path, make_case: MakeCase) -> None:
    store.maintenance.begin("fan", 3600.0, "ann")
    store.maintenance.begin("pump", 3600.0, "ann")
    store.maintenance.end("pump", "ann")
    break_table(path, "events")
    store.history.add_event("x")
    assert opened(store, make_case("fan")) is None
    assert store.set_aside is not None
    assert [row.machine for row in store.maintenance.select()] == ["fan"]
