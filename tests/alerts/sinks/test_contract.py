"""Contract of sinks, run on all built-in kinds with real servers on this computer."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from anomaly.alerts.sinks import Sink, SinkContext
from anomaly.alerts.sinks.mqtt.mqtt_sink import MqttSink
from anomaly.alerts.sinks.sparkplug.sparkplug_kind import SPARKPLUG, SparkplugConfig
from anomaly.alerts.sinks.testing import SINK_CHECKS, Check, SinkHarness
from anomaly.alerts.sinks.webhook.webhook_sink import WebhookSink
from anomaly.alerts.webhook_receiver import WebhookReceiver
from support.mqtt_broker import Broker, Listener, free_port, passwords
from support.sink_harnesses import (
    AlertmanagerHarness,
    AppriseHarness,
    CmmsHarness,
    EmailHarness,
    OpcUaHarness,
    ServerHarness,
    SyslogHarness,
)
from support.sparkplug_host import SparkplugHost

SECRET = "a-secret-that-must-not-show"
KINDS = [
    *("webhook-structured", "webhook-binary", "mqtt-5", "mqtt-3.1.1", "email", "alertmanager"),
    *("syslog-udp", "syslog-tcp", "syslog-tls", "cmms", "apprise", "opcua", "sparkplug-5", "sparkplug-3.1.1"),
]
StartBroker = Callable[..., Broker]


class WebhookHarness:
    secret = SECRET

    def __init__(self, mode: Any) -> None:
        self._mode, self._port = mode, free_port()
        self._earlier: list[Mapping[str, Any]] = []
        self._receiver: WebhookReceiver | None = None
        self._deaf: socket.socket | None = None
        self.start_receiver()

    def build(self) -> Sink:
        url = f"http://127.0.0.1:{self._port}/alerts"
        return WebhookSink(
            "contract", url, mode=self._mode, secret=SECRET.encode(), timeout_s=1, allow_private=True
        )

    def received(self) -> list[Mapping[str, Any]]:
        return self._earlier + ([d.message for d in self._receiver.deliveries] if self._receiver else [])

    def stop_receiver(self) -> None:
        if self._receiver is not None:
            self._earlier = self.received()
            self._receiver.__exit__()
            self._receiver = None

    def start_receiver(self, secret: str = SECRET) -> None:
        self._receiver = WebhookReceiver(secret.encode(), port=self._port).__enter__()

    def hang(self) -> bool:
        self.stop_receiver()
        self._deaf = socket.create_server(("127.0.0.1", self._port))
        return True

    def refuse(self) -> None:
        self.stop_receiver()
        self.start_receiver("another")

    def close(self) -> None:
        self.stop_receiver()
        if self._deaf is not None:
            self._deaf.close()


class MqttHarness:
    secret = SECRET
    listener: Callable[[int], Any] = Listener

    def __init__(self, start_broker: StartBroker, folder: Path, protocol: Any) -> None:
        self._protocol, self._folder, self._start_broker = protocol, folder, start_broker
        self._broker = start_broker("allow_anonymous true", f"password_file {passwords(folder, SECRET)}")
        self._listener = type(self).listener(self._broker.port)
        self._expected = 1

    def build(self) -> Sink:
        return MqttSink(
            *("contract", "127.0.0.1"),
            port=self._broker.port,
            username="anomaly",
            password=SECRET,
            protocol=self._protocol,
            timeout_s=1,
        )

    def received(self) -> list[Mapping[str, Any]]:
        return list(self._listener.alerts())

    def stop_receiver(self) -> None:
        self._expected = self._listener.subscriptions + 1
        self._broker.kill()

    def start_receiver(self) -> None:
        self._broker.start()
        self._listener.wait_for_subscription(self._expected)

    def hang(self) -> bool:
        self._broker.pause()
        return True

    def refuse(self) -> None:
        # Without waiting for the listener: its anonymous account is refused as well.
        self._broker.kill()
        passwords(self._folder, "another")
        self._broker.start("allow_anonymous false", f"password_file {self._folder / 'passwords'}")

    def close(self) -> None:
        self._broker.kill()
        self._listener.close()


class SparkplugHarness(MqttHarness):
    """A host application; a test publishes nothing."""

    tests_arrive = False
    fields = frozenset({"id", "event", "machine"})
    listener = SparkplugHost

    def build(self) -> Sink:
        keys = {"host": "127.0.0.1", "port": self._broker.port, "protocol": self._protocol, "timeout_s": 1}
        account = {"name": "contract", "username": "anomaly", "password_env": "P"}
        config = SparkplugConfig.model_validate(keys | account)
        return SPARKPLUG.build(config, SinkContext(environ={"P": SECRET}))

    def received(self) -> list[Mapping[str, Any]]:
        return [
            {"id": one.values["Case/Message"], "event": one.values["Case/Event"], "machine": one.device}
            for one in self._listener.received
            if one.kind == "DDATA" and "Case/Message" in one.values
        ]


@pytest.fixture(params=KINDS)
def harness(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SinkHarness]:
    kind, _, variant = request.param.partition("-")
    made: WebhookHarness | MqttHarness | OpcUaHarness | ServerHarness
    if kind == "webhook":
        made = WebhookHarness(variant)
    elif kind == "alertmanager":
        found = [request.getfixturevalue(name) for name in ("alertmanager", "noting_proxy")]
        made = AlertmanagerHarness(*found)
    elif kind == "email":
        start = request.getfixturevalue("start_mail_receiver")
        made = EmailHarness(start, request.getfixturevalue("certificate"))
    elif kind == "apprise":
        made = AppriseHarness(request.getfixturevalue("http_server"))
    elif kind == "opcua":
        made = OpcUaHarness(tmp_path)
    elif kind == "cmms":
        made = CmmsHarness(request.getfixturevalue("http_server"))
    elif kind == "syslog":
        start = request.getfixturevalue("start_syslog")
        made = SyslogHarness(start, variant, request.getfixturevalue("certificate"))
    elif kind == "sparkplug":
        made = SparkplugHarness(request.getfixturevalue("start_broker"), tmp_path, variant)
    else:
        made = MqttHarness(request.getfixturevalue("start_broker"), tmp_path, variant)
    yield made
    made.close()


@pytest.mark.parametrize("check", SINK_CHECKS, ids=lambda check: check.__name__.removeprefix("check_"))
def test_contract(harness: SinkHarness, check: Check) -> None:
    check(harness)
