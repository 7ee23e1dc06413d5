"""Handler of answers: each change once, by whom and by which way, and every refusal."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from anomaly.alerts import Case, CaseState, Store
from anomaly.alerts.answers.answer_handler import AnswerHandler, AnswerResult, SignedAnswer
from anomaly.alerts.answers.strict_json import LARGEST_BYTES
from anomaly.alerts.payload_schemas import PAYLOAD_SCHEMAS
from anomaly.alerts.signature import signature
from anomaly.store.cases.answer_receipt import ANSWER_ACCEPTED
from support.alert_store import Clock
from support.answers import SECRET, make_answer

OTHER = b"the secret of another system"
WINDOW_S = 300.0
ANSWER = Draft202012Validator(PAYLOAD_SCHEMAS["answer"]())
RESULT = Draft202012Validator(PAYLOAD_SCHEMAS["answer-result"]())


@pytest.fixture
def handler(store: Store, clock: Clock) -> Iterator[AnswerHandler]:
    with AnswerHandler(store, {"maximo": SECRET, "scada": OTHER}, WINDOW_S, clock) as opened:
        yield opened


@pytest.fixture
def case(store: Store, make_case: Callable[..., Case]) -> Case:
    opened = store.cases.open(make_case())
    assert opened is not None
    return opened


def send(handler: AnswerHandler, answer: dict[str, Any] | bytes, secret: bytes = SECRET) -> AnswerResult:
    """Sign an answer, hand it over, and return its result, which follows the schema."""
    body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
    result = handler.submit(SignedAnswer(body, signature(secret, body), "http")).result(10)
    RESULT.validate(dict(result.content))
    assert result.content["status"] == result.status
    return result


def events(store: Store, case: Case) -> list[tuple[str, dict[str, Any]]]:
    rows = store.history.events(case_id=case.id)[1:]
    return [(row.event, dict(row.detail)) for row in rows if row.event != ANSWER_ACCEPTED]


@pytest.mark.parametrize(
    ("answer", "fields", "event", "detail"),
    [
        ("acknowledge", {"note": "seen"}, "case.acknowledged", {"note": "seen"}),
        ("shelve", {"for_s": 3600}, "case.shelved", {"until": "2027-01-15T09:00:00.000Z", "note": ""}),
        ("assign", {"to": "night shift"}, "case.assigned", {"to": "night shift", "note": ""}),
        ("comment", {"note": "the belt is loose"}, "case.commented", {"note": "the belt is loose"}),
        (
            "work-done",
            {"action": "belt replaced", "finding": "looseness", "order": "WO-12"},
            "case.work-reported",
            {"action": "belt replaced", "finding": "looseness", "order": "WO-12", "note": ""},
        ),
        (
            "close",
            {"finding": "outer-race", "action": "replaced"},
            "case.closed",
            {"finding": "outer-race", "action": "replaced", "note": ""},
        ),
    ],
)
def test_each_answer_changes_the_case_and_the_history_shows_by_whom(
    handler: AnswerHandler,
    store: Store,
    case: Case,
    clock: Clock,
    answer: str,
    fields: dict[str, Any],
    event: str,
    detail: dict[str, Any],
) -> None:
    sent = make_answer(case.id[:8], clock(), answer, **fields)
    ANSWER.validate(sent)
    result = send(handler, sent)
    stored = store.cases.get(case.id)
    assert stored is not None
    assert result.content == {
        "version": 1,
        "id": sent["id"],
        "status": 200,
        "case": case.id,
        "machine": "pump",
        "state": stored.state,
        "changed": True,
    }
    origin = {"by": "J. Doe", "system": "maximo", "way": "http"}
    assert events(store, case) == [(event, detail | origin)]


def test_a_case_is_unshelved(handler: AnswerHandler, store: Store, case: Case, clock: Clock) -> None:
    send(handler, make_answer(case.id, clock(), "shelve", for_s=60))
    send(handler, make_answer(case.id, clock(), "unshelve"), OTHER)
    assert [name for name, _ in events(store, case)] == ["case.shelved", "case.unshelved"]
    assert events(store, case)[1][1]["system"] == "scada"


def test_a_work_report_stays_when_the_case_is_closed_without_one(
    handler: AnswerHandler, store: Store, case: Case, clock: Clock
) -> None:
    send(handler, make_answer(case.id, clock(), "work-done", action="greased", finding="cage"))
    closed = store.cases.close(case.id, by="ann")
    assert (closed.state, closed.action, closed.finding) == (CaseState.CLOSED, "greased", "cage")


def test_the_message_names_the_system(handler: AnswerHandler, store: Store, case: Case, clock: Clock) -> None:
    store.outbox.subscribe(["plant"])
    send(handler, make_answer(case.id, clock()))
    (due,) = store.outbox.due(clock(), "plant")
    assert due.message.event == "case.opened"
    store.outbox.mark_delivered(due)
    (due,) = store.outbox.due(clock(), "plant")
    assert (due.message.event, due.message.by, due.message.via) == ("case.acknowledged", "J. Doe", "maximo")


def test_a_repetition_gets_the_first_result_and_changes_nothing(
    handler: AnswerHandler, store: Store, case: Case, clock: Clock
) -> None:
    sent = make_answer(case.id, clock(), "comment", note="once")
    first = send(handler, sent)
    store.cases.close(case.id, by="ann")
    clock.forward(WINDOW_S)
    again = send(handler, sent)
    assert (again.content, again.repeated, first.repeated) == (first.content, True, False)
    assert [name for name, _ in events(store, case)] == ["case.commented", "case.closed"]


def test_a_repetition_is_known_after_a_damaged_database_was_replaced(
    handler: AnswerHandler, store: Store, case: Case, clock: Clock
) -> None:
    sent = make_answer(case.id, clock(), "comment", note="once")
    first = send(handler, sent)
    assert store.replace(store.database.identity()) is not None
    again = send(handler, sent)
    assert (again.content, again.repeated) == (first.content, True)
    assert [name for name, _ in events(store, case)] == ["case.commented"]


def test_a_key_of_another_answer_is_refused(
    handler: AnswerHandler, store: Store, case: Case, clock: Clock
) -> None:
    sent = make_answer(case.id, clock(), "comment", note="one")
    send(handler, sent)
    result = send(handler, {**sent, "note": "two"})
    assert (result.status, result.content["id"]) == (409, sent["id"])
    assert len(events(store, case)) == 1
    # Another system may happen to use the same key.
    assert send(handler, sent, OTHER).status == 200


def test_the_key_is_kept_as_long_as_its_answer_could_be_accepted(
    handler: AnswerHandler, store: Store, case: Case, clock: Clock
) -> None:
    sent = make_answer(case.id, clock() + WINDOW_S, "comment", note="from a clock that is ahead")
    assert send(handler, sent).status == 200
    clock.forward(2 * WINDOW_S)
    assert send(handler, sent).repeated
    clock.forward(1.0)
    assert send(handler, sent).status == 401
    assert len(events(store, case)) == 1


@pytest.mark.parametrize("off_s", [WINDOW_S + 1, -WINDOW_S - 1])
def test_an_answer_of_another_time_is_refused(
    handler: AnswerHandler, case: Case, clock: Clock, off_s: float
) -> None:
    result = send(handler, make_answer(case.id, clock() + off_s))
    assert result.status == 401
    assert "5 min" in result.content["error"]


def test_signatures_that_are_forged_or_missing(
    handler: AnswerHandler, store: Store, case: Case, clock: Clock
) -> None:
    body = json.dumps(make_answer(case.id, clock())).encode()
    right = signature(SECRET, body)
    for claimed in (
        "",
        "sha256=",
        right[:-1],
        right.replace("sha256", "sha1"),
        right.upper(),
        "sha256=ü",
        "\ud800",
        signature(b"a secret that is not known", body),
        signature(SECRET, body + b" "),
    ):
        result = handler.submit(SignedAnswer(body, claimed, "http")).result(10)
        assert (result.status, result.content["id"]) == (401, None)
    assert events(store, case) == []
    assert store.history.events(name=ANSWER_ACCEPTED) == []


def test_cases_that_are_unknown_or_closed(
    handler: AnswerHandler, store: Store, case: Case, clock: Clock
) -> None:
    assert send(handler, make_answer("0" * 32, clock())).status == 404
    store.cases.close(case.id)
    for answer, fields in (
        ("acknowledge", {}),
        ("shelve", {"for_s": 60}),
        ("unshelve", {}),
        ("assign", {"to": "crew"}),
        ("close", {}),
    ):
        result = send(handler, make_answer(case.id, clock(), answer, **fields))
        assert result.status == 409
        assert "the case is closed since" in result.content["error"]
    assert send(handler, make_answer(case.id, clock(), "comment", note="late")).status == 200
    assert send(handler, make_answer(case.id, clock(), "work-done", action="replaced")).status == 200
    stored = store.cases.get(case.id)
    assert stored is not None
    assert stored.action == "replaced"


def test_an_answer_that_changes_nothing(
    handler: AnswerHandler, store: Store, case: Case, clock: Clock
) -> None:
    send(handler, make_answer(case.id, clock()))
    result = send(handler, make_answer(case.id, clock()))
    assert (result.status, result.content["changed"]) == (200, False)
    assert len(events(store, case)) == 1


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "no JSON"),
        (b"\xff", "not in UTF-8"),
        (b'{"id": "x"', "no JSON"),
        (b'{"id": 1, "id": 2}', "a key stands twice"),
        (b'{"for_s": NaN}', "NaN is no number"),
        (b"[" * 5 + b"]" * 5, "nested more than 4 levels"),
        (b"[" * (LARGEST_BYTES - 1), "nested more than 4 levels"),
    ],
)
def test_what_is_no_json(handler: AnswerHandler, body: bytes, words: str) -> None:
    result = send(handler, body)
    assert result.status == 400
    assert words in result.content["error"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"answer": "explode"}, "answer: must be one of 'acknowledge', 'shelve'"),
        ({"answer": None}, "answer"),
        ({"version": 2}, "version: must be 1"),
        ({"id": "short"}, "id: must be 8 to 128 letters"),
        ({"id": 5}, "id: must be a valid string"),
        ({"time": "yesterday"}, "time: must be a time of RFC 3339"),
        ({"time": "2027-01-15T08:00:00"}, "time: must be a time of RFC 3339 with its zone"),
        ({"time": "2027-02-30T08:00:00Z"}, "time: day"),
        ({"case": "pump"}, "case: must be the identifier of a case"),
        ({"by": " "}, "by: must be a name"),
        ({"by": "J. Doe\x1b[2J"}, "by: must be a name without control characters"),
        ({"note": "x" * 4_001}, "note: must have at most 4000 characters"),
        ({"note": "\u0000"}, "note: must be text without control characters"),
        ({"note": "\ud800"}, "note"),
        ({"to": "crew"}, "to is no key of such an answer"),
        ({"answer": "shelve"}, "for_s is missing"),
        ({"answer": "shelve", "for_s": 0}, "for_s: must be greater than 0"),
        ({"answer": "shelve", "for_s": 1e12}, "for_s: must be less than or equal to 2592000"),
        ({"answer": "shelve", "for_s": "8h"}, "for_s: must be a valid number"),
        ({"answer": "assign"}, "to is missing"),
        ({"answer": "comment"}, "note is missing"),
        ({"answer": "comment", "note": "\n"}, "note: must be text without control characters, and not empty"),
        ({"answer": "close", "finding": "gremlins"}, "finding: must be 'inner-race'"),
        ({"answer": "close", "rebaseline": "yes"}, "rebaseline: must be a valid boolean"),
        (
            {"answer": "work-done", "action": ""},
            "action: must be text without control characters, and not empty",
        ),
    ],
)
def test_content_that_cannot_be_used(
    handler: AnswerHandler, store: Store, case: Case, clock: Clock, change: dict[str, Any], words: str
) -> None:
    sent = make_answer(case.id, clock(), **change)
    result = send(handler, sent)
    assert result.status == 422
    assert words in result.content["error"]
    assert result.content["id"] == (sent["id"] if isinstance(sent["id"], str) else None)
    assert events(store, case) == []


@pytest.mark.parametrize("value", [[], "text", 5, None, {}])
def test_values_that_are_no_answer(handler: AnswerHandler, value: Any) -> None:
    result = send(handler, json.dumps(value).encode())
    assert result.status == 422
    assert "whose key answer says what to do" in result.content["error"]


def test_a_body_that_is_too_long(handler: AnswerHandler) -> None:
    assert send(handler, b" " * (LARGEST_BYTES + 1)).status == 413


def test_a_key_beside_the_body_must_be_that_of_the_body(
    handler: AnswerHandler, case: Case, clock: Clock
) -> None:
    body = json.dumps(make_answer(case.id, clock())).encode()
    signed = SignedAnswer(body, signature(SECRET, body), "http", key="another-key")
    assert handler.submit(signed).result(10).status == 400


def test_a_database_that_takes_nothing(
    handler: AnswerHandler, store: Store, case: Case, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = make_answer(case.id, clock())
    with store.database.transaction() as connection:
        connection.execute("ALTER TABLE events RENAME TO lost")
    result = send(handler, sent)
    assert result.status == 503
    assert str(store.path) not in json.dumps(result.content)
    with store.database.transaction() as connection:
        connection.execute("ALTER TABLE lost RENAME TO events")
    assert send(handler, sent).status == 200


def test_too_many_answers_wait(
    handler: AnswerHandler, store: Store, case: Case, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    with store.database.transaction():
        futures = []
        for _ in range(520):
            body = json.dumps(make_answer(case.id, clock())).encode()
            futures.append(handler.submit(SignedAnswer(body, signature(SECRET, body), "mqtt")))
        refused = [one for one in futures if one.done() and one.result().status == 503]
        assert len(refused) == 8
    assert all(one.result(60).status in (200, 503) for one in futures)
