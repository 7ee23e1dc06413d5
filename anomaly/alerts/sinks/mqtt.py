"""Alerts by MQTT, quality of service 1: the broker's PUBACK confirms a delivery.

MQTT 5 by default, because only there a broker reports that it refused a message (3.1.1 acknowledges and
drops it). A last will marks the site as offline when this process dies.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import ssl
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTv5, MQTTv311
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from anomaly.alerts.sinks.homeassistant import Topics, discovery
from anomaly.alerts.sinks.sink import SinkError
from anomaly.errors import ConfigError
from anomaly.http_environment import certificate_fault, tls_context
from anomaly.store.case import iso_utc, json_value
from anomaly.store.message import AlertMessage
from anomaly.store.rows import LiveScore

Version = Literal["5", "3.1.1"]
# Bound of the time until a dead connection is noticed: one and a half of it (MQTT 5.0, 3.1.2.10).
KEEPALIVE_S = 30
MAX_RECONNECT_S = 30
# Wait for paho's network thread; on a dead network it takes as long as the network does.
_STOP_S = 1.0
# Reason codes of MQTT 5.0 (2.4; paho converts those of 3.1.1) for which a repetition fails in the same way: protocol
# version, client identifier, password, authorisation, ban, authentication method, topic name, payload format.
_REJECTED = frozenset({0x84, 0x85, 0x86, 0x87, 0x8A, 0x8C, 0x90, 0x99})
_TOPIC = re.compile(r"[^+#$/\0][^+#\0]*(?<!/)")


class MqttSink:
    """Sink that publishes each message to a broker, over a lasting connection that shows whether the site is online.

    Args:
        name: the sink's name.
        host: the broker.
        port: its port; by default 1883, with TLS 8883.
        topic: first levels of each topic.
        discovery_prefix: where Home Assistant looks; empty to publish nothing for it.
        machines: machines to announce at once; others are announced when they first have a message.
        username: of the account at the broker, if it requires one.
        password: of that account.
        tls: encrypt, and check the broker's certificate.
        ca_file: certificates to trust instead of the usual ones.
        protocol: the version of MQTT.
        timeout_s: for connecting and for the broker's confirmation.
        test_only: publish the messages alone: no retained topic is written, so that the status stays that of the
            monitor that owns it, and no machine is announced.

    Raises:
        ConfigError: the host, the topic or the certificate file cannot be used.
    """

    def __init__(
        self,
        name: str,
        host: str,
        *,
        port: int | None = None,
        topic: str = "anomaly",
        discovery_prefix: str = "homeassistant",
        machines: Sequence[str] = (),
        username: str | None = None,
        password: str | None = None,
        tls: bool = False,
        ca_file: Path | None = None,
        protocol: Version = "5",
        timeout_s: float = 10.0,
        test_only: bool = False,
    ) -> None:
        self.name = name
        self._test_only = test_only
        self._host = host
        self._port = port if port is not None else (8883 if tls else 1883)
        self._check(topic, discovery_prefix)
        self._topics = Topics(topic)
        self._discovery_prefix = discovery_prefix
        self._machines = list(dict.fromkeys(machines))
        self._newest: dict[str, LiveScore] = {}
        self._account = (username, password)
        self._tls = tls
        self._trust = (
            None if ca_file is None else tls_context(f"{self._where}: {ca_file}", cafile=str(ca_file))
        )
        self._protocol = MQTTv5 if protocol == "5" else MQTTv311
        self._timeout_s = timeout_s
        self._client: Client | None = None
        self._connected = threading.Event()
        # Set as soon as waiting for the connection has no more purpose: it is there, or the broker has rejected it.
        self._answered = threading.Event()
        self._rejected = False
        self._connection_error = "no answer in time"
        self._refused: dict[int, ReasonCode] = {}

    @property
    def machines(self) -> tuple[str, ...]:
        """Names of the machines announced so far."""
        return tuple(self._machines)

    def deliver(self, message: AlertMessage) -> None:
        """Publish the message, and the machine's state if the message holds one.

        Raises:
            SinkError: no connection or no confirmation in time; permanent if the broker has refused the account
                or the message.
        """
        if self._rejected:
            self._drop()  # try anew: the account may have been corrected since
        client = self._open()
        self._answered.wait(self._timeout_s)
        if not self._connected.is_set():
            fault = certificate_fault(os.environ) if self._tls and self._trust is None else None
            error = f"cannot be reached: {self._connection_error if fault is None else fault}"
            raise SinkError(error, where=self._where, permanent=self._rejected)
        if message.event != "test":
            # A test may name a machine that does not exist: nothing of it is to stay at the broker.
            self._announce(client, message.machine)
        newest = self._newest.get(message.machine)
        if message.state is not None and not self._test_only and (newest is None or newest.is_known):
            # A message may be old; while the machine is not judged its state stays unknown.
            self._publish_state(
                client, message.machine, message.time, message.state, message.score, message.p_value
            )
        self._confirmed(client, self._topics.alerts(message.machine), message.to_json())

    def publish_score(self, row: LiveScore) -> None:
        """Publish a machine's newest state and score, or drop them if there is no connection. Never waits."""
        self._newest[row.machine] = row
        client = self._open()
        if self._connected.is_set() and not self._test_only:
            self._announce(client, row.machine)
            time = iso_utc(row.time_s)
            self._publish_state(
                client, row.machine, time, row.state, row.score, row.p_value, sensor=row.sensor
            )
            available = "online" if row.is_known else "offline"
            client.publish(self._topics.availability(row.machine), available, qos=1, retain=True)

    def close(self) -> None:
        """Publish that the site is offline, and disconnect."""
        client, self._client = self._client, None
        if client is None:
            return
        if self._connected.is_set() and not self._test_only:
            client.publish(self._topics.status, "offline", qos=1, retain=True)
        self._let_go(client)

    @property
    def _where(self) -> str:
        return f"mqtt {self.name} at {self._host}:{self._port}"

    def _open(self) -> Client:
        if self._client is not None:
            return self._client
        self._rejected, self._connection_error = False, "no answer in time"
        client = Client(
            CallbackAPIVersion.VERSION2, client_id=f"anomaly-{secrets.token_hex(6)}", protocol=self._protocol
        )
        if self._account[0] is not None:
            client.username_pw_set(*self._account)
        if self._tls:
            client.tls_set_context(self._trust or self._usual_certificates())
        client.connect_timeout = self._timeout_s
        client.reconnect_delay_set(1, MAX_RECONNECT_S)
        if not self._test_only:
            client.will_set(self._topics.status, "offline", qos=1, retain=True)
        client.on_connect = self._on_connect
        client.on_connect_fail = self._on_connect_fail
        client.on_disconnect = self._on_disconnect
        client.on_publish = self._on_publish
        client.connect_async(self._host, self._port, keepalive=KEEPALIVE_S)
        self._client = client  # before its thread runs: callbacks of an earlier client are ignored
        client.loop_start()
        return client

    def _usual_certificates(self) -> ssl.SSLContext:
        try:
            return tls_context("certificates of the system")
        except ConfigError as error:
            raise SinkError(f"cannot be reached: {error}", where=self._where, hint=error.hint) from error

    def _confirmed(self, client: Client, topic: str, payload: str) -> None:
        self._refused.clear()
        sent = client.publish(topic, payload, qos=1)
        try:
            sent.wait_for_publish(self._timeout_s)
            done = sent.is_published()
        except (RuntimeError, ValueError) as error:
            self._drop()
            raise SinkError(f"not published: {error}", where=self._where) from error
        if not done:
            # The client would send its copy after reconnecting, beside the repetition by the outbox.
            self._drop()
            raise SinkError("the broker did not confirm in time", where=self._where)
        refusal = self._refused.pop(sent.mid, None)
        if refusal is not None:
            raise SinkError(
                f"the broker refused the message: {refusal}",
                where=self._where,
                permanent=refusal.value in _REJECTED,
                hint=f"allow this account to write to {topic}",
            )

    def _publish_state(
        self,
        client: Client,
        machine: str,
        time: str,
        state: str,
        score: float | None,
        p_value: float | None,
        *,
        sensor: str | None = "ok",
    ) -> None:
        fields = {
            "time": time,
            "state": state,
            "score": json_value(score),
            "p_value": json_value(p_value),
            "sensor": sensor,
        }
        client.publish(self._topics.state(machine), json.dumps(fields), qos=0, retain=True)

    def _announce(self, client: Client, machine: str) -> None:
        if machine not in self._machines and not self._test_only:
            self._machines.append(machine)
            self._discover(client, machine)

    def _discover(self, client: Client, machine: str) -> None:
        if self._discovery_prefix:
            for topic, payload in discovery(machine, self._topics, self._discovery_prefix).items():
                client.publish(topic, json.dumps(payload), qos=1, retain=True)

    def _drop(self) -> None:
        client, self._client = self._client, None
        self._answered.clear()
        self._connected.clear()
        if client is not None:
            self._let_go(client)

    def _let_go(self, client: Client) -> None:
        client.disconnect()
        # Waiting for the network thread could take as long as a dead network does.
        stopper = threading.Thread(target=client.loop_stop, daemon=True)
        stopper.start()
        stopper.join(_STOP_S)
        self._connected.clear()

    def _on_connect(
        self,
        client: Client,
        _data: Any,
        _flags: ConnectFlags,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        if client is not self._client:
            return
        if reason.is_failure:
            self._connection_error = f"the broker said: {reason}"
            if reason.value in _REJECTED:
                self._rejected = True
                self._answered.set()
            return
        # A broker without a disk loses retained messages: publish them again at each connection.
        if not self._test_only:
            client.publish(self._topics.status, "online", qos=1, retain=True)
            for machine in self.machines:
                self._discover(client, machine)
        self._rejected = False
        self._connected.set()
        self._answered.set()

    def _on_connect_fail(self, _client: Client, _data: Any) -> None:
        # paho calls this while it handles the error, but does not pass it.
        error = sys.exc_info()[1]
        self._connection_error = str(error) if error is not None else "connection failed"

    def _on_disconnect(
        self,
        client: Client,
        _data: Any,
        _flags: DisconnectFlags,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        # After a refused connection it is called too, with less information than ``_on_connect``.
        if client is self._client and self._connected.is_set():
            self._answered.clear()
            self._connected.clear()
            self._connection_error = f"connection lost: {reason}"

    def _on_publish(
        self, _client: Client, _data: Any, mid: int, reason: ReasonCode, _properties: Properties | None
    ) -> None:
        if reason.is_failure:
            self._refused[mid] = reason

    def _check(self, topic: str, discovery_prefix: str) -> None:
        for text in (topic, discovery_prefix or topic):
            if not _TOPIC.fullmatch(text):
                raise ConfigError(f"{text!r} cannot begin a topic", where=f"mqtt {self.name}")
        try:
            named = bool(self._host.encode("idna"))
        except UnicodeError:
            named = False
        if not named:
            raise ConfigError(f"{self._host!r} is no host name", where=f"mqtt {self.name}")
