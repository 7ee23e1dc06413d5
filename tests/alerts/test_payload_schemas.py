"""JSON Schemas of the payloads: the files of the documentation are current, and what is really sent follows them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator, ValidationError

from anomaly.alerts import AlertMessage, Case, Dispatcher, Store
from anomaly.alerts.payload_schemas import PAYLOAD_SCHEMAS, file_name
from anomaly.alerts.sinks.mqtt.mqtt_sink import MqttSink
from anomaly.alerts.sinks.webhook.webhook_sink import WebhookSink
from anomaly.alerts.webhook_receiver import WebhookReceiver
from anomaly.cli import run
from anomaly.store.database.rows import LiveScore
from support.mqtt_broker import Broker, Listener
from support.waiting import wait_until

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "payloads"


def validator(name: str) -> Draft202012Validator:
    schema = json.loads((FOLDER / file_name(name)).read_text())
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


@pytest.mark.parametrize("name", PAYLOAD_SCHEMAS)
def test_the_files_are_current(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["alerts", "schema", name]) == 0
    assert capsys.readouterr().out == (FOLDER / file_name(name)).read_text(), (
        f"run `anomaly alerts schema {name} > docs/payloads/{file_name(name)}`; removing a key needs a new version"
    )


def test_a_payload_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["alerts", "schema", "fax"]) == 2
    assert "payloads: alert-message, cloud-event, machine-state" in capsys.readouterr().err


def lead_a_life(
    store: Store, make_case: Callable[..., Case], make_message: Callable[..., AlertMessage]
) -> None:
    """Open a case, and let the monitor and people change it in every way."""
    case = make_case(peak_score=float("nan"), evidence={"groups": [0.5], "edges_hz": [0.0, 8_000.0]})
    store.cases.open(case, make_message(case=case, p_value=float("inf"), groups=(0.5, float("nan"))))
    store.cases.comment(case.id, "I look at it", "ann")
    store.cases.assign(case.id, "crew", "ann")
    store.cases.acknowledge(case.id, "ann", "seen")
    store.cases.report_work(case.id, "greased", "ann")
    store.cases.close(case.id, by="ann", note="done", finding="outer-race", action="replaced")
    sensor = make_case("fan", "sensor", evidence={"status": "silent"})
    store.cases.open(sensor)
    store.cases.mark_returned(sensor.id, AlertMessage("case.returned", "fan", sensor.opened_at))
    store.outbox.queue(AlertMessage("test", "pump", case.opened_at))


@pytest.mark.parametrize(("mode", "name"), [("structured", "cloud-event"), ("binary", "alert-message")])
def test_what_web_hooks_send(
    store: Store,
    make_case: Callable[..., Case],
    make_message: Callable[..., AlertMessage],
    mode: Any,
    name: str,
) -> None:
    with WebhookReceiver() as receiver:
        sink = WebhookSink("hook", receiver.url, mode=mode, timeout_s=5, allow_private=True)
        with Dispatcher(store, [sink], poll_s=0.02) as dispatcher:
            lead_a_life(store, make_case, make_message)
            assert dispatcher.drain(20)
        bodies = [delivery.body for delivery in receiver.deliveries]
    events = {body.get("data", body)["event"] for body in bodies}
    assert events >= {
        "case.opened",
        "case.commented",
        "case.assigned",
        "case.acknowledged",
        "case.work-reported",
        "case.closed",
        "test",
    }
    for body in bodies:
        validator(name).validate(body)


def test_what_brokers_get(
    broker: Broker, listener: Listener, make_message: Callable[..., AlertMessage]
) -> None:
    sink = MqttSink("house", "127.0.0.1", port=broker.port, timeout_s=5)
    sink.deliver(make_message())
    sink.publish_score(LiveScore("pump", 1_800_000_001.0, 1, 0.5, 0.4, "OK", "ok"))
    sink.publish_score(LiveScore("fan", 1_800_000_001.0, 1, None, None, "unknown", None))
    wait_until(lambda: listener.alerts() and listener.on("anomaly/fan/state"))
    sink.close()
    wait_until(lambda: len(listener.on("anomaly/pump/state")) >= 2)
    validator("alert-message").validate(listener.alerts()[0])
    for machine in ("pump", "fan"):
        for state in listener.on(f"anomaly/{machine}/state"):
            validator("machine-state").validate(state.json)


def test_a_wrong_payload_is_refused(make_message: Callable[..., AlertMessage]) -> None:
    right = make_message().to_dict()
    validator("alert-message").validate(right)
    for wrong in (
        {**right, "version": 2},
        {**right, "event": "case.forgotten"},
        {**right, "case": {**right["case"], "state": "lost"}},
        {**right, "time": "yesterday"},
        {key: value for key, value in right.items() if key != "id"},
    ):
        with pytest.raises(ValidationError):
            validator("alert-message").validate(wrong)


def test_every_key_is_described(make_message: Callable[..., AlertMessage]) -> None:
    message = replace(make_message(), by="ann").to_dict()
    schema = PAYLOAD_SCHEMAS["alert-message"]()
    assert set(schema["properties"]) == set(schema["required"]) == set(message)
    assert set(schema["$defs"]["Case"]["required"]) == set(message["case"])
    assert "idempotency key" in schema["properties"]["id"]["description"]
