"""Second copies of messages: what the database loses is queued again with the same key, and nothing else."""

from __future__ import annotations

import errno
import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from anomaly.alerts import AlertMessage, Case, Store
from anomaly.errors import ConfigError
from anomaly.store.recovery import unconfirmed
from anomaly.store.recovery.unconfirmed import MAX_KEPT, UnconfirmedMessages
from anomaly.store.store import UNDELIVERED

MakeMessage = Callable[..., AlertMessage]


def copies(path: Path) -> list[str]:
    return sorted(file.stem for file in (path.parent / UNDELIVERED).glob("*"))


def opened(path: Path, case: Case, *sinks: str) -> AlertMessage:
    """Open a case in a process that ends before a sink has the message."""
    message = AlertMessage("case.opened", case.machine, case.opened_at)
    with Store.open(path) as store:
        store.outbox.subscribe(sinks or ["plant"])
        store.cases.open(case, message)
    return message


def statement(path: Path, sql: str) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(sql)


def test_a_message_has_a_copy_until_all_sinks_have_settled_it(
    path: Path, make_case: Callable[..., Case]
) -> None:
    with Store.open(path) as store:
        store.outbox.subscribe(["plant", "office"])
        store.cases.open(make_case())
        first, second = store.outbox.due(2e9)
        assert copies(path) == [first.message.id]
        store.outbox.mark_delivered(first)
        assert copies(path) == [first.message.id]
        store.outbox.mark_dead(second, "HTTP 400")
        assert copies(path) == []


@pytest.mark.parametrize(
    "loss", ["DELETE FROM deliveries", "DELETE FROM outbox", "DROP TABLE deliveries", "DELETE FROM sinks"]
)
def test_what_the_database_has_lost_is_queued_again_with_its_key(
    path: Path, make_case: Callable[..., Case], loss: str
) -> None:
    message = opened(path, make_case())
    statement(path, loss)
    with Store.open_resilient(path) as store:
        store.outbox.subscribe(["plant"])
        store.check()
        assert [due.message.id for due in store.outbox.due(2e9, "plant")] == [message.id]


def test_a_database_that_is_gone(path: Path, make_case: Callable[..., Case]) -> None:
    message = opened(path, make_case())
    path.write_bytes(b"")
    with Store.open_resilient(path) as store:
        (due,) = store.outbox.due(2e9, "plant")
        assert due.message.id == message.id
        assert due.message.case is not None
        store.outbox.mark_delivered(due)
        assert copies(path) == []


@pytest.mark.parametrize("status", ["delivered", "dead", "abandoned"])
def test_what_another_process_has_settled_is_not_queued_again(
    path: Path, make_case: Callable[..., Case], status: str
) -> None:
    opened(path, make_case())
    statement(path, f"UPDATE deliveries SET status = '{status}'")
    with Store.open_resilient(path) as store:
        assert store.outbox.due(2e9, "plant") == []
        assert copies(path) == []
        assert store.outbox.unconfirmed_count(["plant"]) == 0


def test_only_the_sinks_that_still_wait_get_it(path: Path, make_case: Callable[..., Case]) -> None:
    message = opened(path, make_case(), "plant", "office")
    statement(path, "UPDATE deliveries SET status = 'delivered' WHERE sink = 'plant'")
    with Store.open_resilient(path) as store:
        assert [(due.sink, due.message.id) for due in store.outbox.due(2e9)] == [("office", message.id)]


def test_a_status_that_cannot_be_is_pending(path: Path, make_case: Callable[..., Case]) -> None:
    message = opened(path, make_case())
    statement(path, "UPDATE deliveries SET status = 'pendhng'")
    with Store.open_resilient(path) as store:
        assert [due.message.id for due in store.outbox.due(2e9, "plant")] == [message.id]


def test_the_age_of_a_message_is_kept(path: Path, make_case: Callable[..., Case]) -> None:
    opened(path, make_case())
    with closing(sqlite3.connect(path)) as connection:
        (queued_s,) = connection.execute("SELECT queued_s FROM outbox").fetchone()
    path.write_bytes(b"")
    with Store.open_resilient(path) as store:
        assert store.outbox.due(2e9, "plant")[0].queued_s == queued_s


@pytest.mark.parametrize("content", [b"", b"\0" * 100, b"[]", b'{"queued_s": 0, "sinks": [], "message": {}}'])
def test_a_copy_that_cannot_be_read_is_passed_over(path: Path, content: bytes) -> None:
    (path.parent / UNDELIVERED).mkdir(parents=True)
    (path.parent / UNDELIVERED / "0123.json").write_bytes(content)
    with Store.open_resilient(path) as store:
        assert store.outbox.due(2e9) == []


def test_a_message_that_was_not_stored_has_no_copy(path: Path, make_case: Callable[..., Case]) -> None:
    with Store.open(path) as store:
        store.outbox.subscribe(["plant"])
        statement(path, "CREATE TRIGGER no BEFORE INSERT ON deliveries BEGIN SELECT RAISE(ABORT, 'no'); END")
        with pytest.raises(ConfigError, match="no"):
            store.cases.open(make_case())
        assert store.outbox.unconfirmed_count(["plant"]) == 0
        assert copies(path) == []


def test_a_folder_that_takes_no_file_stops_nothing(
    path: Path, make_case: Callable[..., Case], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(unconfirmed.os, "write", full)
    opened(path, make_case())
    with Store.open_resilient(path) as store:
        assert len(store.outbox.due(2e9, "plant")) == 1


def test_names_of_files_stay_in_the_folder(tmp_path: Path, make_message: MakeMessage) -> None:
    kept = UnconfirmedMessages(tmp_path / "copies")
    message = make_message(id="../../escaped")
    kept.note(message, 1.0, ["plant"])
    kept.write(message.id)
    (file,) = (tmp_path / "copies").iterdir()
    assert json.loads(file.read_bytes())["message"]["id"] == message.id
    assert [one.message.id for one in UnconfirmedMessages(tmp_path / "copies").left_by_others()] == [
        message.id
    ]
    kept.settle(message.id, "plant")
    assert not list((tmp_path / "copies").iterdir())


def test_memory_is_limited(make_message: MakeMessage) -> None:
    kept = UnconfirmedMessages()
    for _ in range(MAX_KEPT + 5):
        kept.note(make_message(), 1.0, ["plant"])
    assert len(kept.all()) == MAX_KEPT
