"""Alerts and states by MQTT, with Home Assistant discovery; a last will marks the site as offline.

Nobody listens to the machines after the end of this process: their retained states are unknown then, and those of a
process that was killed become so when the next one begins.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path

from anomaly.alerts.sinks.mqtt.homeassistant import Topics, discovery
from anomaly.alerts.sinks.mqtt.mqtt_connection import MqttConnection, Version
from anomaly.alerts.sinks.mqtt.outgoing import OutgoingMessage, RetainedMessage
from anomaly.errors import ConfigError
from anomaly.store.cases.case import iso_utc, json_value, unix_s
from anomaly.store.database.rows import UNKNOWN, LiveScore
from anomaly.store.outbox.message import AlertMessage

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

    keyed = True

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
        self.last_answer = ""
        for text in (topic, discovery_prefix or topic):
            if not _TOPIC.fullmatch(text):
                raise ConfigError(f"{text!r} cannot begin a topic", where=f"mqtt {name}")
        self._test_only = test_only
        self._topics = Topics(topic)
        self._discovery_prefix = discovery_prefix
        self._machines = list(dict.fromkeys(machines))
        self._newest: dict[str, LiveScore] = {}
        self._connection = MqttConnection(
            name,
            host,
            port=port,
            username=username,
            password=password,
            tls=tls,
            ca_file=ca_file,
            protocol=protocol,
            timeout_s=timeout_s,
            will=None if test_only else RetainedMessage(self._topics.status, "offline"),
            on_connected=self._on_connected,
        )

    @property
    def machines(self) -> tuple[str, ...]:
        """Names of the machines announced so far."""
        return tuple(self._machines)

    @property
    def waiting(self) -> bool:
        """Return whether messages wait to be sent."""
        return self._connection.waiting

    def check(self) -> str:
        """Connect with the account of the sink; return one line about it.

        Raises:
            SinkError: no connection in time, or the broker has refused the account.
        """
        self._connection.require()
        return f"{self._connection.address} accepts the connection"

    def deliver(self, message: AlertMessage) -> None:
        """Publish the message, and the machine's state if the message holds one.

        Raises:
            SinkError: no connection or no confirmation in time; permanent if the broker has refused the account
                or the message.
        """
        self._connection.require()
        if message.event != "test":
            # A test may name a machine that does not exist: nothing of it is to stay at the broker.
            self._announce(message.machine)
        if not self._test_only and (row := self._row_of(message)) is not None:
            self._newest[row.machine] = row
            self._connection.retain(self._state(row), qos=0)
        topic = self._topics.alerts(message.machine)
        self._connection.confirmed(topic, message.to_json())
        self.last_answer = f"{self._connection.address} confirmed it on {topic}"

    def publish_score(self, row: LiveScore) -> None:
        """Publish a machine's newest state and score, or drop them if there is no connection. Never waits."""
        self._newest[row.machine] = row
        self._connection.open()
        if self._connection.is_connected and not self._test_only:
            self._announce(row.machine)
            self._publish(row)

    def close(self) -> None:
        """Publish that the site is offline and the states of its machines are unknown, and disconnect."""
        last: list[OutgoingMessage] = []
        if not self._test_only:
            last.append(RetainedMessage(self._topics.status, "offline"))
            for row in self._newest.values():
                gone = LiveScore(row.machine, row.time_s, row.second, None, None, UNKNOWN, None)
                last += [self._state(gone), self._availability(gone)]
        self._connection.close(last)

    def _row_of(self, message: AlertMessage) -> LiveScore | None:
        """Return the state that a message holds; None without one, and where something newer is known.

        A message may be old, and while the machine is not judged its state stays unknown.
        """
        if message.state is None:
            return None
        newest = self._newest.get(message.machine)
        if newest is not None and (not newest.is_known or message.time < iso_utc(newest.time_s)):
            return None
        time_s = unix_s(message.time)
        return LiveScore(message.machine, time_s, 0, message.score, message.p_value, message.state)

    def _on_connected(self) -> None:
        # A broker without a disk loses retained messages: publish them again at each connection.
        if self._test_only:
            return
        self._connection.retain(RetainedMessage(self._topics.status, "online"))
        for machine in self.machines:
            self._discover(machine)
        for row in list(self._newest.values()):
            self._publish(row)

    def _publish(self, row: LiveScore) -> None:
        self._connection.retain(self._state(row), qos=0)
        self._connection.retain(self._availability(row))

    def _state(self, row: LiveScore) -> RetainedMessage:
        fields = {
            "time": iso_utc(row.time_s),
            "state": row.state,
            "score": json_value(row.score),
            "p_value": json_value(row.p_value),
            "sensor": row.sensor,
        }
        return RetainedMessage(self._topics.state(row.machine), json.dumps(fields))

    def _availability(self, row: LiveScore) -> RetainedMessage:
        return RetainedMessage(
            self._topics.availability(row.machine), "online" if row.is_known else "offline"
        )

    def _announce(self, machine: str) -> None:
        if machine not in self._machines and not self._test_only:
            self._machines.append(machine)
            self._discover(machine)

    def _discover(self, machine: str) -> None:
        if self._discovery_prefix:
            for topic, payload in discovery(machine, self._topics, self._discovery_prefix).items():
                self._connection.retain(RetainedMessage(topic, json.dumps(payload)))
