"""Other sides of the sinks in the chaos benchmark: each keeps the messages that reach it, in their order."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Protocol

from anomaly.alerts.webhook_receiver import WebhookReceiver
from lib.alerts.chaos_sinks import SECRET

Message = Mapping[str, Any]
_START_S = 10.0


class ChaosReceiver(Protocol):
    """Other side of one kind of sink; a context manager.

    Attributes:
        kind: of the sink, as ``chaos_monitor.sink`` knows it.
        port: where it listens on this computer.
        keyed: the receiver knows repetitions by their key, so that they harm nothing.
        messages: all that arrived, repetitions too, in their order; with their content, or with their key alone.
        doubled: number of things that exist twice there, such as work orders.
    """

    kind: str
    keyed: bool

    @property
    def port(self) -> int: ...

    @property
    def messages(self) -> list[Message]: ...

    @property
    def doubled(self) -> int: ...

    def __enter__(self) -> ChaosReceiver: ...

    def __exit__(self, *_: object) -> None: ...


class WebhookSide:
    """Web hook receiver that checks signatures."""

    kind = "webhook"
    keyed = True
    doubled = 0

    def __init__(self) -> None:
        self._receiver = WebhookReceiver(secret=SECRET)

    @property
    def port(self) -> int:
        """Port at which it listens."""
        return self._receiver.port

    @property
    def messages(self) -> list[Message]:
        """All that arrived."""
        return [delivery.message for delivery in self._receiver.deliveries]

    def __enter__(self) -> WebhookSide:
        self._receiver.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._receiver.__exit__()


class MqttSide:
    """Mosquitto, and a subscriber to all alerts."""

    kind = "mqtt"
    keyed = True
    doubled = 0
    topic = "anomaly/+/alerts"

    def __init__(self, folder: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self._config = folder / f"mosquitto-{self.kind}.conf"
        self._messages: list[Message] = []
        self._subscribed = threading.Event()
        self._open = ExitStack()

    @property
    def messages(self) -> list[Message]:
        """All that arrived."""
        return list(self._messages)

    def __enter__(self) -> MqttSide:
        from paho.mqtt.client import Client
        from paho.mqtt.enums import CallbackAPIVersion

        program = shutil.which("mosquitto", path="/usr/sbin:/usr/bin:/usr/local/sbin")
        if program is None:
            raise FileNotFoundError("mosquitto is missing: install the package `mosquitto`")
        self._config.write_text(
            f"listener {self.port} 127.0.0.1\nallow_anonymous true\nmax_queued_messages 0\n"
        )
        quiet = subprocess.DEVNULL
        broker = subprocess.Popen([program, "-c", str(self._config)], stdout=quiet, stderr=quiet)
        self._open.callback(broker.wait)
        self._open.callback(broker.terminate)
        client = Client(CallbackAPIVersion.VERSION2)
        client.on_subscribe = lambda *_: self._subscribed.set()
        client.on_message = lambda _client, _data, got: self.take(got.topic, bytes(got.payload))
        self._connect(client)
        client.subscribe(self.topic, qos=1)
        client.loop_start()
        self._open.callback(client.loop_stop)
        self._open.callback(client.disconnect)
        if not self._subscribed.wait(_START_S):
            raise TimeoutError("the broker does not answer")
        return self

    def take(self, _topic: str, payload: bytes) -> None:
        """Take a message."""
        self._messages.append(json.loads(payload))

    def _connect(self, client: Any) -> None:
        end = time.monotonic() + _START_S
        while True:
            try:
                client.connect("127.0.0.1", self.port)
                return
            except OSError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.05)

    def __exit__(self, *_: object) -> None:
        self._open.close()
