"""A Mosquitto broker on this computer, and a subscriber to all of its topics."""

from __future__ import annotations

import json
import shutil
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

from support.waiting import wait_until

MOSQUITTO = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")


def free_port() -> int:
    """Find a free port of this computer."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Broker:
    """Mosquitto on a free port of this computer, without persistence, that can be killed and restarted."""

    def __init__(self, folder: Path, *settings: str) -> None:
        self.port = free_port()
        self._config = folder / f"mosquitto-{self.port}.conf"
        self._settings = settings
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, *settings: str) -> None:
        """Start, with other settings than before if some are given."""
        assert MOSQUITTO is not None
        self._settings = ("user root", *settings) if settings else self._settings
        self._config.write_text("\n".join([f"listener {self.port} 127.0.0.1", *self._settings, ""]))
        self._process = subprocess.Popen(
            [MOSQUITTO, "-c", str(self._config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        wait_until(self._answers)

    def pause(self) -> None:
        """Stop the process without closing its connections; the kernel still accepts new ones."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _answers(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        except OSError:
            return False
        return True


@dataclass(frozen=True)
class ReceivedMessage:
    """Message as a subscriber receives it."""

    topic: str
    text: str
    retained: bool

    @property
    def json(self) -> Any:
        return json.loads(self.text)


class Listener:
    """Subscriber to all topics of a broker."""

    def __init__(self, port: int, **account: str) -> None:
        self.received: list[ReceivedMessage] = []
        self.subscriptions = 0
        self._client = Client(CallbackAPIVersion.VERSION2)
        if account:
            self._client.username_pw_set(account["username"], account["password"])
        self._client.on_message = self._on_message
        self._client.on_connect = lambda client, *_: client.subscribe("#", qos=1)
        self._client.on_subscribe = self._on_subscribe
        # Reconnects before a sink does, which waits a second; otherwise messages without a subscriber would be lost.
        self._client.reconnect_delay_set(0.05, 0.05)
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        self.wait_for_subscription(1)

    def on(self, topic: str) -> list[ReceivedMessage]:
        return [one for one in self.received if one.topic == topic]

    def alerts(self) -> list[dict[str, Any]]:
        return [one.json for one in self.received if one.topic.endswith("/alerts")]

    def wait_for_subscription(self, number: int) -> None:
        """Wait for this many subscriptions: one, and one more after each restart of the broker."""
        wait_until(lambda: self.subscriptions >= number)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _on_subscribe(self, *_: Any) -> None:
        self.subscriptions += 1

    def _on_message(self, _client: Client, _data: Any, message: MQTTMessage) -> None:
        self.received.append(ReceivedMessage(message.topic, message.payload.decode(), message.retain))


def passwords(folder: Path, password: str) -> Path:
    """Write a password file of Mosquitto with the account of the sink."""
    file = folder / "passwords"
    file.write_text(f"anomaly:{password}\n")
    tool = str(Path(str(MOSQUITTO)).parent.parent / "bin" / "mosquitto_passwd")
    subprocess.run([tool, "-U", str(file)], check=True)
    return file


@pytest.fixture
def start_broker(tmp_path: Path) -> Iterator[Callable[..., Broker]]:
    if MOSQUITTO is None:
        pytest.fail("there is no mosquitto: apt-get install mosquitto")
    brokers: list[Broker] = []

    def start(*settings: str) -> Broker:
        brokers.append(Broker(tmp_path, "user root", *(settings or ("allow_anonymous true",))))
        brokers[-1].start()
        return brokers[-1]

    yield start
    for broker in brokers:
        broker.kill()


@pytest.fixture
def broker(start_broker: Callable[..., Broker]) -> Broker:
    return start_broker()


@pytest.fixture
def listener(broker: Broker) -> Iterator[Listener]:
    opened = Listener(broker.port)
    yield opened
    opened.close()
