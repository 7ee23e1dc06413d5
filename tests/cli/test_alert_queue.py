"""`anomaly alerts queue`, `resend` and `drop`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from anomaly.alerts import DATABASE_NAME, Case, Store
from anomaly.cli import run

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def store(own_folder: Path) -> Iterator[Store]:
    """Two messages for two sinks; the first of each case is refused by one of them."""
    with Store.open(own_folder / "state" / DATABASE_NAME) as opened:
        opened.outbox.subscribe(["plant", "house"])
        for machine in ("pump", "fan"):
            opened.cases.open(Case(machine, "machine", "2027-01-15T08:00:00.000Z", "A tone"))
        for due in opened.outbox.due(2e9, "plant"):
            opened.outbox.mark_dead(due, "answered 401 Unauthorized")
        yield opened


def listed(capsys: Capture, *words: str) -> list[dict[str, object]]:
    assert run(["alerts", "queue", *words, "--json"]) == 0
    found: list[dict[str, object]] = json.loads(capsys.readouterr().out)
    return found


def test_queue(store: Store, capsys: Capture) -> None:
    assert run(["alerts", "queue"]) == 0
    said = capsys.readouterr()
    assert [line.split()[1:3] for line in said.out.splitlines()] == [["house", "pending"]] * 2
    assert said.err == "2 waiting\n2 failed for good: anomaly alerts queue --dead\n"
    assert run(["alerts", "queue", "plant", "--dead"]) == 0
    said = capsys.readouterr()
    assert all(line.endswith("answered 401 Unauthorized") for line in said.out.splitlines())
    assert said.err == "2 failed\n"
    (first, _) = listed(capsys, "--dead")
    assert set(first) == {
        *("id", "sink", "status", "queued_s", "attempts", "next_try_s", "finished_s", "error", "message")
    }
    assert (first["sink"], first["status"]) == ("plant", "dead")


def test_resend_and_drop(store: Store, capsys: Capture) -> None:
    one, two = (str(row["id"]) for row in listed(capsys, "--dead"))
    assert run(["alerts", "resend", one, "--by", "ann"]) == 0
    assert capsys.readouterr().err == "1 queued again; the monitor delivers it\n"
    assert [row["id"] for row in listed(capsys, "plant")] == [int(one)]
    assert run(["alerts", "drop", two, "--by", "ann", "--note", "known"]) == 0
    assert [row["error"] for row in listed(capsys, "--dead")] == ["dropped by ann: known"]
    assert run(["alerts", "resend", "--all", "--sink", "plant", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"queued": 1}
    assert listed(capsys, "--dead") == []


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["queue", "plan"], 3, "sinks here: house, plant"),
        (["resend"], 2, "give the number of one message, or --all"),
        (["resend", "1", "--all"], 2, "give the number of one message, or --all"),
        (["resend", "1", "--sink", "plant"], 2, "--sink goes with --all"),
        (["resend", "--all", "--sink", "plan"], 3, "sinks here: house, plant"),
        (["resend", "99"], 2, "there is no delivery 99"),
        (["drop", "99"], 2, "there is no delivery 99"),
    ],
)
def test_mistakes(words: list[str], code: int, said: str, store: Store, capsys: Capture) -> None:
    assert run(["alerts", *words]) == code
    refused = capsys.readouterr()
    assert said in refused.err
    assert refused.out == ""


def test_a_sink_is_known_to_the_site_file_or_to_the_database(
    store: Store, own_folder: Path, capsys: Capture
) -> None:
    (own_folder / "site.yaml").write_text("sinks: {webhook: [{name: new, url: 'http://a.example/'}]}\n")
    assert run(["alerts", "queue", "new"]) == 0
    assert capsys.readouterr().err == "0 waiting\n"
    assert run(["alerts", "queue", "newer"]) == 3
    assert "there is no sink 'newer'\n  sinks here: house, new, plant\n" in capsys.readouterr().err
