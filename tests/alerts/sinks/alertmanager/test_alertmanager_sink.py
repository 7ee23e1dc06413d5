"""Alertmanager: the real one takes, keeps and resolves the alerts of cases."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from anomaly.alerts import AlertMessage, Case, Dispatcher, Store, iso_utc
from anomaly.alerts.sinks import SinkContext, SinkError
from anomaly.alerts.sinks.alertmanager.alertmanager_kind import ALERTMANAGER, AlertmanagerConfig, build, probe
from anomaly.alerts.sinks.alertmanager.alertmanager_sink import AlertmanagerSink
from anomaly.config import Site
from support.alertmanager import PASSWORD, Alertmanager
from support.http_server import Answer, HttpServer
from support.waiting import wait_until

CONTEXT = SinkContext(environ={"PASSWORD": PASSWORD})


def config(url: str, **keys: Any) -> AlertmanagerConfig:
    given = {"name": "prom", "url": url, "username": "anomaly", "password_env": "PASSWORD", "timeout_s": 2}
    return AlertmanagerConfig.model_validate(given | keys)


@pytest.fixture
def sink(alertmanager: Alertmanager) -> Iterator[AlertmanagerSink]:
    alertmanager.accept_password()
    made = build(config(alertmanager.url, labels={"site": "plant-1"}), CONTEXT)
    assert isinstance(made, AlertmanagerSink)
    yield made
    made.close()


def message(event: Any = "case.opened", case: Case | None = None, **fields: Any) -> AlertMessage:
    case = case or Case(
        "pump", "machine", iso_utc(time.time() - 60), "A tone at 3.2 kHz has come up", 4.5, 1e-5
    )
    case = replace(case, **fields)
    return AlertMessage(event, case.machine, iso_utc(time.time()), case)


def test_an_alert_fires_until_the_case_is_over(sink: AlertmanagerSink, alertmanager: Alertmanager) -> None:
    opened = message()
    assert opened.case is not None
    sink.deliver(opened)
    assert sink.last_answer == "200 OK"
    (alert,) = alertmanager.firing(case=opened.case.id)
    assert alert["labels"] == {
        "alertname": "AnomalousSound",
        "machine": "pump",
        "case": opened.case.id,
        "severity": "warning",
        "site": "plant-1",
    }
    assert alert["annotations"]["summary"] == "pump does not sound normal."
    assert alert["annotations"]["message_id"] == opened.id
    assert "To check:" in alert["annotations"]["description"]
    assert alert["startsAt"][:19] == opened.case.opened_at[:19]
    closed = message("case.closed", opened.case.closed(iso_utc(time.time())))
    sink.deliver(closed)
    wait_until(lambda: not alertmanager.firing(case=opened.case.id))


def test_a_case_that_becomes_worse_is_one_alert(sink: AlertmanagerSink, alertmanager: Alertmanager) -> None:
    opened = message()
    assert opened.case is not None
    sink.deliver(opened)
    sink.deliver(message("case.escalated", opened.case, severity=3))
    wait_until(lambda: len(alertmanager.firing(case=opened.case.id)) == 1)
    (alert,) = alertmanager.firing(case=opened.case.id)
    assert alert["labels"]["severity"] == "critical"
    sink.deliver(message("case.closed", opened.case.closed(iso_utc(time.time())), severity=3))
    wait_until(lambda: not alertmanager.firing(case=opened.case.id))


@pytest.mark.parametrize(
    ("change", "fires"),
    [
        (lambda case, now: case.acknowledged("ann", now), True),
        (lambda case, now: case.returned(now), False),
        (lambda case, now: case.returned(now).again(), True),
        (lambda case, now: case.shelved(iso_utc(time.time() + 600)), False),
        (lambda case, now: case.shelved(iso_utc(time.time() - 600)), True),
    ],
)
def test_states_of_a_case(
    sink: AlertmanagerSink, alertmanager: Alertmanager, change: Callable[[Case, str], Case], fires: bool
) -> None:
    opened = message()
    assert opened.case is not None
    sink.deliver(opened)
    sink.deliver(message("case.updated", change(opened.case, iso_utc(time.time()))))
    wait_until(lambda: bool(alertmanager.firing(case=opened.case.id)) is fires)


def test_a_microphone(sink: AlertmanagerSink, alertmanager: Alertmanager) -> None:
    case = Case("pump", "sensor", iso_utc(time.time()), "silent", evidence={"status": "silent"})
    sink.deliver(message(case=case))
    (alert,) = alertmanager.firing(case=case.id)
    assert alert["labels"]["alertname"] == "MicrophoneFault"


def test_a_clock_that_was_set_back_costs_no_alert(sink: AlertmanagerSink, alertmanager: Alertmanager) -> None:
    future = message(opened_at=iso_utc(time.time() + 86_400))
    assert future.case is not None
    sink.deliver(future)
    assert alertmanager.firing(case=future.case.id)
    sink.deliver(message("case.closed", future.case.closed(iso_utc(time.time() + 90_000))))
    wait_until(lambda: not alertmanager.firing(case=future.case.id))


def test_an_alert_that_is_not_sent_again_ends(alertmanager: Alertmanager) -> None:
    alertmanager.accept_password()
    sink = build(config(alertmanager.url, resend_s=0.2, expires_s=0.5), CONTEXT)
    opened = message()
    assert opened.case is not None
    sink.deliver(opened)
    wait_until(lambda: not alertmanager.firing(case=opened.case.id))  # type: ignore[union-attr]
    sink.close()


def test_open_cases_are_sent_again(
    alertmanager: Alertmanager, store: Store, make_case: Callable[..., Case]
) -> None:
    alertmanager.accept_password()
    sink = build(config(alertmanager.url, resend_s=0.2, expires_s=1.0), CONTEXT)
    case = replace(make_case(), opened_at=iso_utc(time.time()))
    store.cases.open(case)
    with Dispatcher(store, [sink], clock=time.time, poll_s=0.05) as dispatcher:
        wait_until(lambda: alertmanager.firing(case=case.id))
        first = alertmanager.firing(case=case.id)[0]["endsAt"]
        wait_until(lambda: alertmanager.firing(case=case.id)[0]["endsAt"] > first)
        store.cases.close(case.id)
        assert dispatcher.drain(10)
        wait_until(lambda: not alertmanager.firing(case=case.id))


def test_nothing_is_posted_while_no_case_is_open(http_server: HttpServer) -> None:
    sink = build(config(f"http://127.0.0.1:{http_server.port}"), CONTEXT)
    assert isinstance(sink, AlertmanagerSink)
    sink.publish_open_cases([])
    assert http_server.requests == []


def test_a_server_that_takes_no_open_cases_does_not_stop_messages(
    store: Store, make_case: Callable[..., Case], caplog: pytest.LogCaptureFixture, http_server: HttpServer
) -> None:
    # The open cases are a list of alerts, as the message is; only the message names an event.
    http_server.answer = lambda request: Answer(200 if b"message_id" in request.body else 500)
    sink = build(config(http_server.url), CONTEXT)
    store.cases.open(make_case())
    with Dispatcher(store, [sink], poll_s=0.02) as dispatcher:
        assert dispatcher.drain(10)
        wait_until(lambda: "answered 500" in caplog.text)


def test_a_test_ends_by_itself(alertmanager: Alertmanager) -> None:
    alertmanager.accept_password()
    sink = build(config(alertmanager.url, expires_s=0.5, resend_s=0.2), replace(CONTEXT, test_only=True))
    sink.deliver(AlertMessage("test", "mill", iso_utc(time.time())))
    (alert,) = alertmanager.firing(machine="mill")
    assert (alert["labels"]["alertname"], alert["labels"]["severity"]) == ("AnomalyTest", "none")
    assert alert["annotations"]["summary"].startswith("This is a test.")
    wait_until(lambda: not alertmanager.firing(machine="mill"))
    sink.close()


def test_the_probe(alertmanager: Alertmanager, http_server: HttpServer) -> None:
    alertmanager.accept_password()
    assert "answers: Alertmanager 0." in probe(config(alertmanager.url), CONTEXT)
    alertmanager.refuse_password()
    with pytest.raises(SinkError, match="answered 401 Unauthorized") as caught:
        probe(config(alertmanager.url), CONTEXT)
    assert caught.value.permanent
    for body in ("<html>", "[]", {"versionInfo": 1}):
        http_server.answer = lambda _, body=body: Answer(200, body)  # type: ignore[misc]
        with pytest.raises(SinkError, match="is no Alertmanager"):
            probe(config(http_server.url), CONTEXT)


@pytest.mark.parametrize("path", ["/prom", "/prom/"])
def test_the_address_may_have_a_path(http_server: HttpServer, path: str) -> None:
    sink = build(config(f"{http_server.url}{path}"), CONTEXT)
    sink.deliver(message())
    sink.close()
    assert [(one.method, one.path) for one in http_server.requests] == [("POST", "/prom/api/v2/alerts")]


@pytest.mark.parametrize(
    ("keys", "problem"),
    [
        ({"labels": {"severity": "x"}}, "the label severity is set by the program"),
        ({"labels": {"a-b": "x"}}, "pattern"),
        ({"resend_s": 200}, "at least twice resend_s"),
        ({"token_env": "X"}, "give one of username, token_env and token_file"),
    ],
)
def test_settings_that_cannot_be_used(keys: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        config("http://127.0.0.1", **keys)


def test_facts_and_language_of_the_site(alertmanager: Alertmanager) -> None:
    alertmanager.accept_password()
    site = Site.model_validate({"machines": {"pump": {"device": "hw:0"}}, "language": "de"})
    sink = build(config(alertmanager.url), replace(CONTEXT, site=site))
    opened = message()
    assert opened.case is not None
    sink.deliver(opened)
    (alert,) = alertmanager.firing(case=opened.case.id)
    assert alert["annotations"]["summary"] == "pump klingt nicht normal."
    sink.close()


def test_alertmanager_is_a_machine() -> None:
    assert ALERTMANAGER.audience == "machines"


def test_a_token(tmp_path: Path, http_server: HttpServer) -> None:
    (tmp_path / "token").write_text("t0ken\n")
    keys = {"username": None, "password_env": None, "token_file": tmp_path / "token"}
    sink = build(config(http_server.url, **keys), CONTEXT)
    sink.deliver(message())
    sink.close()
    assert http_server.requests[-1].headers["authorization"] == "Bearer t0ken"
