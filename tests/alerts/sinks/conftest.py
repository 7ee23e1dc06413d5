"""Receiving side of the sinks: certificates, and a real Mosquitto with a subscriber."""

from __future__ import annotations

import datetime
import ipaddress
import json
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

MOSQUITTO = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Broker:
    """A Mosquitto on a free port of this machine, without a disk, that can die and come back."""

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
        eventually(self._answers)

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
class Received:
    topic: str
    text: str
    retained: bool

    @property
    def json(self) -> Any:
        return json.loads(self.text)


class Listener:
    """Subscriber to all topics of a broker."""

    def __init__(self, port: int, **account: str) -> None:
        self.received: list[Received] = []
        self.subscriptions = 0
        self._client = Client(CallbackAPIVersion.VERSION2)
        if account:
            self._client.username_pw_set(account["username"], account["password"])
        self._client.on_message = self._on_message
        self._client.on_connect = lambda client, *_: client.subscribe("#", qos=1)
        self._client.on_subscribe = self._on_subscribe
        # Back long before a sink, which waits a second: a message without a subscriber would seem lost.
        self._client.reconnect_delay_set(0.05, 0.05)
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        self.wait_for_subscription(1)

    def on(self, topic: str) -> list[Received]:
        return [one for one in self.received if one.topic == topic]

    def alerts(self) -> list[dict[str, Any]]:
        return [one.json for one in self.received if one.topic.endswith("/alerts")]

    def wait_for_subscription(self, number: int) -> None:
        """Wait until it has subscribed so many times: once, and once more after each death of the broker."""
        eventually(lambda: self.subscriptions >= number)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _on_subscribe(self, *_: Any) -> None:
        self.subscriptions += 1

    def _on_message(self, _client: Client, _data: Any, message: MQTTMessage) -> None:
        self.received.append(Received(message.topic, message.payload.decode(), message.retain))


def eventually(condition: Callable[[], Any], timeout_s: float = 10.0) -> None:
    """Wait until a condition holds."""
    end = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end, "the condition did not hold in time"
        time.sleep(0.02)


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


@dataclass(frozen=True)
class Certificate:
    cert: Path
    key: Path


@pytest.fixture
def certificate(tmp_path: Path) -> Certificate:
    """A certificate for 127.0.0.1 that trusts itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "anomaly test")])
    now = datetime.datetime.now(datetime.UTC)
    cert = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    made = Certificate(tmp_path / "cert.pem", tmp_path / "key.pem")
    made.cert.write_bytes(cert.public_bytes(serialization.Encoding.PEM))
    made.key.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return made
