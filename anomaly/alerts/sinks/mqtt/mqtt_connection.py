"""Lasting connection to an MQTT broker, quality of service 1: the broker's PUBACK confirms a delivery.

MQTT 5 by default, because only there a broker reports that it refused a message (3.1.1 acknowledges and drops it).
"""

from __future__ import annotations

import os
import secrets
import ssl
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage, MQTTv5, MQTTv311
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from anomaly.alerts.sinks.mqtt.outgoing import OutgoingMessage, RetainedMessage
from anomaly.alerts.sinks.mqtt.subscription import Subscription
from anomaly.alerts.sinks.sink import SinkError, plain_reason
from anomaly.errors import ConfigError
from anomaly.http_environment import certificate_fault, tls_context

Version = Literal["5", "3.1.1"]
# Bound of the time until a dead connection is noticed: one and a half of it (MQTT 5.0, 3.1.2.10).
KEEPALIVE_S = 30
MAX_RECONNECT_S = 30
# Wait for paho's network thread; on a dead network it takes as long as the network does.
_STOP_S = 1.0
# Wait for the broker's confirmation of the last messages.
_LAST_S = 2.0
# Reason codes of MQTT 5.0 (2.4; paho converts those of 3.1.1) for which a repetition fails in the same way: protocol
# version, client identifier, password, authorisation, ban, authentication method, topic name, payload format.
_REJECTED = frozenset({0x84, 0x85, 0x86, 0x87, 0x8A, 0x8C, 0x90, 0x99})


class MqttConnection:
    """Connection that is opened at the first use and again whenever it is lost.

    Args:
        name: of the sink, for errors.
        host: the broker.
        port: its port; by default 1883, with TLS 8883.
        username: of the account at the broker, if it requires one.
        password: of that account.
        tls: encrypt, and check the broker's certificate.
        ca_file: certificates to trust instead of the usual ones.
        protocol: the version of MQTT.
        timeout_s: for connecting and for the broker's confirmation.
        will: published by the broker when this process dies.
        new_will: returns another one before each connection, on the network thread; in place of ``will``.
        on_connected: called at each connection, on the network thread, before anybody else sends.
        subscriptions: made anew at each connection, before that.
        kind: of the sink, for errors.

    Raises:
        ConfigError: the host or the certificate file cannot be used.
    """

    def __init__(
        self,
        name: str,
        host: str,
        *,
        port: int | None,
        username: str | None,
        password: str | None,
        tls: bool,
        ca_file: Path | None,
        protocol: Version,
        timeout_s: float,
        will: OutgoingMessage | None = None,
        new_will: Callable[[], OutgoingMessage] | None = None,
        on_connected: Callable[[], None] = lambda: None,
        subscriptions: Sequence[Subscription] = (),
        kind: str = "mqtt",
    ) -> None:
        self._host = host
        self._port = port if port is not None else (8883 if tls else 1883)
        _check_host(host, f"{kind} {name}")
        self.address = f"{host}:{self._port}"
        self.where = f"{kind} {name} at {self.address}"
        self._account = (username, password)
        self._tls = tls
        self._trust = (
            None if ca_file is None else tls_context(f"{self.where}: {ca_file}", cafile=str(ca_file))
        )
        self._protocol = MQTTv5 if protocol == "5" else MQTTv311
        self._timeout_s = timeout_s
        self._will, self._new_will, self._on_connected = will, new_will, on_connected
        self._subscriptions = {one.topic: one for one in subscriptions}
        self._subscribed: dict[int, Sequence[ReasonCode]] = {}
        self._answer = threading.Condition()
        self._client: Client | None = None
        self._connected = threading.Event()
        # Set as soon as waiting for the connection has no more purpose: it is there, or the broker has rejected it.
        self._answered = threading.Event()
        self._rejected = False
        self._connection_error = "no answer in time"
        self._refused: dict[int, ReasonCode] = {}

    @property
    def is_connected(self) -> bool:
        """Return whether the broker has accepted the connection."""
        return self._connected.is_set()

    @property
    def waiting(self) -> bool:
        """Return whether messages wait to be sent."""
        return self._client is not None and self._client.want_write()

    def open(self) -> None:
        """Begin to connect, if that has not begun. Never waits."""
        if self._client is None:
            self._client = self._new_client()
            # Only now: callbacks of an earlier client are ignored.
            self._client.loop_start()

    def require(self) -> None:
        """Wait for the connection.

        Raises:
            SinkError: there is none in time; permanent if the broker has refused the account.
        """
        if self._rejected:
            self._drop()  # try anew: the account may have been corrected since
        self.open()
        self._answered.wait(self._timeout_s)
        if not self._connected.is_set():
            fault = certificate_fault(os.environ) if self._tls and self._trust is None else None
            reason = plain_reason(self._connection_error if fault is None else fault)
            error = f"cannot be reached: {reason}"
            raise SinkError(error, where=self.where, permanent=self._rejected)

    def retain(self, message: RetainedMessage, *, qos: Literal[0, 1] = 1) -> None:
        """Send a message that the broker keeps, without waiting; it is lost if there is no connection."""
        if self._client is not None:
            self._client.publish(message.topic, message.payload, qos=qos, retain=True)

    def send(self, topic: str, payload: str | bytes, *, qos: Literal[0, 1] = 1) -> None:
        """Send a message that is not kept, without waiting; it is lost if there is no connection."""
        if self._client is not None:
            self._client.publish(topic, payload, qos=qos)

    def processed(self) -> None:
        """Wait until the broker has processed all that was sent before, also with quality of service 0.

        It subscribes once more, and the broker answers in the order of what it gets.

        Raises:
            SinkError: no answer in time; permanent if the broker does not allow to subscribe.
        """
        client = self._client
        topics = [(topic, 1) for topic in self._subscriptions]
        with self._answer:
            self._subscribed.clear()  # the numbers of another connection
        mid = None if client is None else client.subscribe(topics)[1]
        if client is None or mid is None:
            raise SinkError("not published: there is no connection", where=self.where)
        with self._answer:
            answered = self._answer.wait_for(lambda: mid in self._subscribed, self._timeout_s)
            reasons = self._subscribed.pop(mid, ())
        if not answered:
            self._drop()
            raise SinkError("the broker did not answer in time", where=self.where)
        for (topic, _), reason in zip(topics, reasons, strict=False):
            if reason.is_failure:
                hint = f"allow this account to read {topic}"
                raise SinkError(
                    f"the broker refused a subscription: {reason}",
                    where=self.where,
                    permanent=reason.value in _REJECTED,
                    hint=hint,
                )

    def confirmed(self, topic: str, payload: str) -> None:
        """Send a message that is not kept, and wait for the broker's confirmation.

        Raises:
            SinkError: no confirmation in time; permanent if the broker has refused the message.
        """
        client = self._client
        if client is None:
            raise SinkError("not published: there is no connection", where=self.where)
        self._refused.clear()
        sent = client.publish(topic, payload, qos=1)
        try:
            sent.wait_for_publish(self._timeout_s)
            done = sent.is_published()
        except (RuntimeError, ValueError) as error:
            self._drop()
            raise SinkError(f"not published: {error}", where=self.where) from error
        if not done:
            # The client would send its copy after reconnecting, beside the repetition by the outbox.
            self._drop()
            raise SinkError("the broker did not confirm in time", where=self.where)
        refusal = self._refused.pop(sent.mid, None)
        if refusal is not None:
            raise SinkError(
                f"the broker refused the message: {refusal}",
                where=self.where,
                permanent=refusal.value in _REJECTED,
                hint=f"allow this account to write to {topic}",
            )

    def close(self, last: Sequence[OutgoingMessage] = ()) -> None:
        """Send the last messages if there is a connection, and disconnect; may be repeated."""
        client, self._client = self._client, None
        if client is None:
            return
        self._answered.clear()
        if self._connected.is_set():
            sent = [client.publish(one.topic, one.payload, qos=1, retain=one.retain) for one in last]
            # To disconnect discards what exceeds the number of messages that may be on their way at once.
            end = time.monotonic() + _LAST_S
            for one in sent:
                with suppress(RuntimeError, ValueError):
                    one.wait_for_publish(max(0.0, end - time.monotonic()))
        self._let_go(client)

    def _new_client(self) -> Client:
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
        if self._will is not None:
            _set_will(client, self._will)
        if (new_will := self._new_will) is not None:
            client.on_pre_connect = lambda connecting, _data: _set_will(connecting, new_will())
        client.on_connect = self._on_connect
        client.on_connect_fail = self._on_connect_fail
        client.on_disconnect = self._on_disconnect
        client.on_publish = self._on_publish
        if self._subscriptions:
            client.on_message, client.on_subscribe = self._on_message, self._on_subscribe
        client.connect_async(self._host, self._port, keepalive=KEEPALIVE_S)
        return client

    def _usual_certificates(self) -> ssl.SSLContext:
        try:
            return tls_context("certificates of the system")
        except ConfigError as error:
            raise SinkError(f"cannot be reached: {error}", where=self.where, hint=error.hint) from error

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
        if self._subscriptions:
            client.subscribe([(topic, 1) for topic in self._subscriptions])
        self._on_connected()
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

    def _on_message(self, client: Client, _data: Any, message: MQTTMessage) -> None:
        if client is self._client and (found := self._subscriptions.get(message.topic)) is not None:
            found.received(bytes(message.payload))

    def _on_subscribe(
        self,
        _client: Client,
        _data: Any,
        mid: int,
        reasons: Sequence[ReasonCode],
        _properties: Properties | None,
    ) -> None:
        for subscription, reason in zip(self._subscriptions.values(), reasons, strict=False):
            if reason.is_failure:
                subscription.refused(str(reason))
        with self._answer:
            self._subscribed[mid] = reasons
            self._answer.notify_all()


def _set_will(client: Client, will: OutgoingMessage) -> None:
    client.will_set(will.topic, will.payload, qos=1, retain=will.retain)


def _check_host(host: str, where: str) -> None:
    try:
        named = bool(host.encode("idna"))
    except UnicodeError:
        named = False
    if not named:
        raise ConfigError(f"{host!r} is no host name", where=where)
