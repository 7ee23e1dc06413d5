"""`anomaly cases` and `anomaly alerts`: list, acknowledge, assign, shelve, close, test of a sink."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from anomaly.alerts import DATABASE_NAME, Case, Store, iso_utc
from anomaly.alerts.webhook_receiver import Reply, WebhookReceiver
from anomaly.cli import run
from anomaly.store.cases.answer_receipt import AnswerOrigin

Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def folder(own_folder: Path) -> Path:
    return own_folder


@pytest.fixture
def store(folder: Path) -> Iterator[Store]:
    with Store.open(folder / "state" / DATABASE_NAME) as opened:
        yield opened


@pytest.fixture
def case(store: Store) -> Case:
    opened = Case(
        "pump",
        "machine",
        "2027-01-15T08:00:00.000Z",
        "A tone at 3.2 kHz",
        peak_score=4.5,
        evidence={"groups": [1.0]},
    )
    assert store.cases.open(opened) is not None
    return opened


def test_list(case: Case, store: Store, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    store.cases.open(Case("fan", "sensor", "2027-01-15T09:00:00.000Z", "The microphone is silent"))
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    assert run(["cases", "list"]) == 0
    said = capsys.readouterr()
    fan, pump = said.out.splitlines()
    assert "fan" in fan
    assert pump.split() == [
        *(
            case.id[:8],
            "2027-01-15",
            "08:00:00",
            "UTC",
            "pump",
            "machine",
            "active-unacknowledged",
            "minor",
            "2",
            "4.5",
        ),
        *["A", "tone", "at", "3.2", "kHz"],
    ]
    assert said.err == "2 open cases\n"


def test_list_as_json(case: Case, store: Store, capsys: Capture) -> None:
    store.cases.close(case.id)
    assert run(["cases", "list", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == []
    assert run(["cases", "list", "--all", "--machine", "pump", "--json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)
    assert (found["id"], found["state"]) == (case.id, "closed")


def test_the_most_urgent_case_comes_first(case: Case, store: Store, capsys: Capture) -> None:
    store.cases.asset = lambda machine: {"criticality": "critical" if machine == "press" else "low"}
    store.cases.open(Case("press", "machine", "2027-01-15T07:00:00.000Z", "A tone"))
    store.cases.open(Case("fan", "machine", "2027-01-15T09:00:00.000Z", "A tone"))
    closed = store.cases.open(Case("saw", "machine", "2027-01-15T06:00:00.000Z", "A tone", severity=3))
    assert closed is not None
    store.cases.close(closed.id)
    assert run(["cases", "list", "--all", "--json"]) == 0
    found = [(row["machine"], row["urgency"]) for row in json.loads(capsys.readouterr().out)]
    assert found == [("press", 4), ("pump", 2), ("fan", 1), ("saw", 3)]


def test_export(case: Case, store: Store, folder: Path, capsys: Capture) -> None:
    store.cases.open(Case("fan", "sensor", "2027-01-15T09:00:00.000Z", "The microphone is silent"))
    store.cases.close(case.id)
    assert run(["cases", "export", "open.csv"]) == 0
    assert capsys.readouterr().err == "open.csv: 1 cases\n"
    assert run(["cases", "export", "all.csv", "--all", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"file": "all.csv", "cases": 2}
    lines = (folder / "all.csv").read_text(encoding="utf-8-sig").splitlines()
    assert [line.split(",")[1] for line in lines] == ["machine", "fan", "pump"]
    assert run(["cases", "export", "all.xlsx", "--machine", "fan"]) == 0
    assert (folder / "all.xlsx").read_bytes().startswith(b"PK")
    assert run(["cases", "export", "all.pdf"]) == 2
    assert "name a file that ends in .csv or .xlsx" in capsys.readouterr().err


def test_show(case: Case, capsys: Capture) -> None:
    assert run(["cases", "ack", case.id[:6], "--by", "ann", "--note", "going there"]) == 0
    assert run(["cases", "show", case.id[:6]]) == 0
    shown = capsys.readouterr().out
    assert shown.split("\n", 1)[1].startswith(f"Case {case.id[:8]}: pump, open, acknowledged\n")
    assert f"what     {case.summary}" in shown
    assert "acknowledged by ann: going there" in shown
    assert f"anomaly cases clip {case.id[:8]} --play" in shown
    assert run(["cases", "show", case.id[:6], "--state", "state"]) == 0
    assert f"anomaly cases clip {case.id[:8]} --play --state state\n" in capsys.readouterr().out
    assert run(["cases", "show", case.id, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["acknowledged_by"] == "ann"
    assert [event["event"] for event in found["events"]] == ["case.opened", "case.acknowledged"]


def test_acknowledge_shelve_close(case: Case, store: Store, capsys: Capture) -> None:
    assert run(["cases", "ack", case.id, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["state"] == "active-acknowledged"
    assert run(["cases", "silence", case.id, "--for", "8h"]) == 0
    assert "shelved until" in capsys.readouterr().out
    assert run(["cases", "unshelve", case.id]) == 0
    assert "shelved" not in capsys.readouterr().out
    assert run(["cases", "shelve", case.id, "--for", "8h"]) == 0
    assert run(["cases", "close", case.id, "--by", "ann"]) == 0
    assert "closed" in capsys.readouterr().out
    assert store.cases.find(case.id).acknowledged_by
    assert [e.event for e in store.history.events(case_id=case.id)] == [
        *("case.opened", "case.acknowledged", "case.shelved", "case.unshelved", "case.shelved", "case.closed")
    ]
    for command in (["ack", case.id], ["close", case.id], ["shelve", case.id, "--for", "8h"]):
        assert run(["cases", *command]) == 4
        assert "the case is closed since" in capsys.readouterr().err


def test_work_is_reported_on_a_case_that_is_open_or_closed(case: Case, capsys: Capture) -> None:
    report = ["cases", "work", case.id, "--action", "belt replaced", "--order", "4711", "--by", "ann"]
    assert run([*report, "--finding", "looseness", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["state"], found["action"], found["finding"]) == (
        *("active-unacknowledged", "belt replaced", "looseness"),
    )
    assert run(["cases", "close", case.id]) == 0
    assert run(["cases", "work", case.id, "--action", "belt tightened", "--note", "late"]) == 0
    capsys.readouterr()
    assert run(["cases", "show", case.id]) == 0
    shown = capsys.readouterr().out
    assert "work done (looseness, belt replaced, 4711) by ann\n" in shown
    assert "work done (belt tightened) by" in shown
    assert "finding  looseness (a loose part or foundation), belt tightened\n" in shown
    assert run(["cases", "work", case.id, "--action", " "]) == 2
    assert "the action is empty" in capsys.readouterr().err


def test_the_history_shows_the_system_that_answered(case: Case, store: Store, capsys: Capture) -> None:
    origin = AnswerOrigin("key", "digest", "maximo", "http", iso_utc(0.0))
    store.cases.answering(origin).acknowledge(case.id, "J. Doe", "seen")
    assert run(["cases", "show", case.id]) == 0
    shown = capsys.readouterr().out
    assert "acknowledged by J. Doe (maximo, http): seen\n" in shown
    assert "answer.accepted" not in shown


def test_assign_comment_and_close_with_a_finding(case: Case, capsys: Capture) -> None:
    assert run(["cases", "assign", case.id, "--to", "bob", "--by", "ann"]) == 0
    assert "(assigned to bob)" in capsys.readouterr().out
    assert run(["cases", "comment", case.id, "the outer ring is pitted", "--by", "bob", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["assigned_to"] == "bob"
    words = ["close", case.id, "--finding", "outer-race", "--action", "replaced", "--rebaseline"]
    assert run(["cases", *words, "--by", "bob"]) == 0
    assert "anomaly calibrate --machine pump --since 1d --replace" in capsys.readouterr().err
    assert run(["cases", "show", case.id]) == 0
    shown = capsys.readouterr().out
    assert "who      assigned to bob\n" in shown
    assert "finding  outer-race (damage of a bearing's outer ring), replaced\n" in shown
    history = [line[9:].partition("  ")[2] for line in shown[shown.index("history") :].splitlines()]
    assert history == [
        "opened",
        "assigned to bob by ann",
        "comment by bob: the outer ring is pitted",
        "closed (outer-race, replaced) by bob",
        "the machine sounds different from now on by bob",
    ]


def test_an_unknown_machine(case: Case, capsys: Capture) -> None:
    assert run(["cases", "list", "--machine", "pmup"]) == 3
    refused = capsys.readouterr()
    assert refused.out == ""
    assert "there is no machine 'pmup'" in refused.err
    assert "machines here: pump" in refused.err


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["show", "0000"], 2, "there is no case '0000'"),
        (["ack", "x y"], 2, "is no case identifier"),
        (["silence", "{id}", "--for", "long"], 2, "is no span of time"),
        (["silence", "{id}", "--for", "31d"], 2, "cannot be shelved for 31 days"),
        (["shelve", "{id}"], 2, "--for"),
        (["close", "{id}", "--finding", "rust"], 2, "'rust' is no finding"),
        (["comment", "{id}", " "], 2, "the comment is empty"),
        (["list", "--state", "elsewhere"], 3, "elsewhere/anomaly.sqlite: no database here"),
        (["list", "--config", "none.yaml"], 3, "none.yaml: cannot be read"),
    ],
)
def test_mistakes(words: list[str], code: int, said: str, case: Case, capsys: Capture) -> None:
    assert run(["cases", *(word.format(id=case.id) for word in words)]) == code
    printed = capsys.readouterr()
    assert said in printed.err
    assert printed.out == ""


def test_where_the_database_is(
    case: Case, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    (folder / "state").rename(folder / "memory")
    assert run(["cases", "list"]) == 3
    assert run(["cases", "list", "--state", "memory"]) == 0
    (folder / "site.yaml").write_text("state_dir: memory\n")
    assert run(["cases", "list"]) == 0
    monkeypatch.setenv("ANOMALY_STATE", str(folder / "none"))
    assert run(["cases", "list"]) == 3
    assert run(["cases", "list", "--state", "memory"]) == 0
    assert capsys.readouterr().out.count("3.2 kHz") == 3


@pytest.fixture
def receiver(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[WebhookReceiver]:
    monkeypatch.setenv("HOOK_SECRET", "s3cret")
    with WebhookReceiver(secret=b"s3cret") as opened:
        (folder / "site.yaml").write_text(
            f"sinks:\n  webhook:\n    - {{name: plant, url: '{opened.url}', allow_private: true,"
            " secret_env: HOOK_SECRET}\n"
        )
        yield opened


def test_a_test_alert_arrives(receiver: WebhookReceiver, capsys: Capture) -> None:
    assert run(["alerts", "test", "plant", "--machine", "pump", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    (message,) = receiver.messages
    assert (found["sink"], found["delivered"], found["message"]) == ("plant", True, message)
    assert (message["event"], message["machine"], message["case"]) == ("test", "pump", None)
    assert run(["alerts", "test", "plant"]) == 0
    assert capsys.readouterr().err.startswith("plant: confirmed message ")
    assert found["answer"] == "204 No Content"


def test_a_test_alert_that_does_not_arrive(receiver: WebhookReceiver, capsys: Capture) -> None:
    receiver.plan(Reply(500))
    assert run(["alerts", "test", "plant"]) == 7
    assert capsys.readouterr().err == (
        "error: webhook plant at 127.0.0.1: answered 500 Internal Server Error\n"
        "  check the sink's section of the site file, and the other side\n"
    )


def test_a_sink_that_does_not_answer(folder: Path, capsys: Capture) -> None:
    (folder / "site.yaml").write_text(
        "sinks: {webhook: [{name: plant, url: 'http://127.0.0.1:1/', allow_private: true}]}\n"
    )
    assert run(["alerts", "test", "plant"]) == 7
    assert "plant at 127.0.0.1: cannot be reached: Connection refused\n" in capsys.readouterr().err


def test_a_sink_that_is_not_there(receiver: WebhookReceiver, capsys: Capture) -> None:
    assert run(["alerts", "test", "plan"]) == 3
    assert "sinks of this site: plant" in capsys.readouterr().err


def test_kinds_of_sinks(capsys: Capture) -> None:
    assert run(["alerts", "kinds"]) == 0
    assert [line.split()[:2] for line in capsys.readouterr().out.splitlines()] == [
        ["webhook", "anomaly"],
        ["mqtt", "anomaly"],
        ["alertmanager", "anomaly"],
        ["cmms", "anomaly"],
        ["syslog", "anomaly"],
        ["email", "anomaly"],
        ["apprise", "anomaly"],
        ["opcua", "anomaly"],
        ["sparkplug", "anomaly"],
    ]
    assert run(["alerts", "kinds", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[1] == {
        **{"name": "mqtt", "description": "MQTT brokers", "package": "anomaly"}
    }
