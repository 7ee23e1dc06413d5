"""Edge node of Sparkplug: births, data and deaths in their order, at one connection to the broker."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence

from anomaly.alerts.sinks.mqtt.mqtt_connection import MqttConnection
from anomaly.alerts.sinks.mqtt.outgoing import OutgoingMessage
from anomaly.alerts.sinks.mqtt.subscription import Subscription
from anomaly.alerts.sinks.sink import SinkError
from anomaly.alerts.sinks.sparkplug.birth_number import BirthNumber
from anomaly.alerts.sinks.sparkplug.device import DATATYPES, Device
from anomaly.alerts.sinks.sparkplug.payload import DataType, Metric, decode, encode
from anomaly.alerts.sinks.sparkplug.primary_host import PrimaryHost

REBIRTH = "Node Control/Rebirth"
_REBIRTH_ALIAS = 0
_SEQUENCE = 256


class EdgeNode:
    """Publishes what an edge node has to, with the numbers that a host checks.

    Args:
        group: of edge nodes.
        node: name of this one.
        primary_host: publish only while this host is online; None for any time.
        births: counter.
        facts: of a machine, from the site file.
        connect: makes the connection, with a will, subscriptions and calls as for `MqttConnection`.
        silent: connect alone: no birth, and no death either.
    """

    def __init__(
        self,
        group: str,
        node: str,
        *,
        primary_host: str | None,
        births: BirthNumber,
        facts: Callable[[str], Mapping[str, str]],
        connect: Callable[..., MqttConnection],
        silent: bool = False,
    ) -> None:
        self._group, self._node, self._births, self._facts = group, node, births, facts
        self._lock = threading.RLock()
        self._devices: dict[str, Device] = {}
        self._sequence = 0
        self._connections = 0
        self._is_born = False
        self._must_leave = False
        self._host = PrimaryHost(primary_host, self._host_changed)
        if silent:
            self._connection = connect()
            return
        commands = Subscription(self._topic("NCMD"), self._command, lambda _: None)
        states = [Subscription(topic, self._host.received, lambda _: None) for topic in self._host.topics]
        self._connection = connect(
            new_will=self._new_will, on_connected=self._connected, subscriptions=(commands, *states)
        )

    @property
    def address(self) -> str:
        """Address of the broker."""
        return self._connection.address

    @property
    def machines(self) -> tuple[str, ...]:
        """Names of the devices."""
        return tuple(self._devices)

    @property
    def connections(self) -> int:
        """Number of attempts to connect: what was published at an earlier connection may be lost with it."""
        return self._connections

    def device(self, name: str) -> Device:
        """Return a device; at its first use it is made, and born with the node or with its first data."""
        with self._lock:
            if name not in self._devices:
                first = _REBIRTH_ALIAS + 1 + len(self._devices) * len(DATATYPES)
                aliases = {metric: first + number for number, metric in enumerate(DATATYPES)}
                self._devices[name] = Device(name, self._facts(name), aliases)
            return self._devices[name]

    def open(self) -> None:
        """Begin to connect, if that has not begun, or anew after the primary host has left. Never waits long."""
        if self._must_leave:
            self._must_leave = False
            self._connection.close()
        self._connection.open()

    def require(self, timeout_s: float) -> None:
        """Wait until the node is born.

        Raises:
            SinkError: there is no connection in time, or the primary host is offline.
        """
        self.open()
        self._connection.require()
        if not self._host.wait(timeout_s):
            raise SinkError("the primary host is offline", where=self._connection.where)
        with self._lock:
            if not self._is_born and not self._must_leave:
                self._bear()

    def check(self) -> None:
        """Connect, and publish nothing.

        Raises:
            SinkError: there is no connection in time, or the broker has refused the account.
        """
        self._connection.require()

    def processed(self) -> None:
        """Wait until the broker has processed all that was published.

        Raises:
            SinkError: no answer in time, or it does not allow to read the commands.
        """
        self._connection.processed()

    def publish(self, device: Device, names: Sequence[str]) -> bool:
        """Publish metrics of a device, or its birth if it is not born; return whether there is a connection for it."""
        with self._lock:
            if not self._is_born or not self._connection.is_connected:
                return False
            if not device.is_born:
                self._bear_device(device)
            if names:
                self._send("DDATA", device.data(names), device.name)
            return True

    def bury(self, device: Device) -> None:
        """Publish that a device is gone, if it is born."""
        with self._lock:
            if self._is_born and device.is_born and self._connection.is_connected:
                self._send("DDEATH", (), device.name)
            device.is_born = False

    def close(self) -> None:
        """Publish the death of the node, as the broker does only for one that it loses, and disconnect."""
        with self._lock:
            last = [self._death()] if self._is_born else []
            self._is_born = False
        self._connection.close(last)

    def _topic(self, kind: str, device: str | None = None) -> str:
        end = "" if device is None else f"/{device}"
        return f"spBv1.0/{self._group}/{kind}/{self._node}{end}"

    def _new_will(self) -> OutgoingMessage:
        """Return the death certificate of the connection that is about to be made."""
        with self._lock:
            self._is_born = False
            self._connections += 1
            self._births.next()
            return self._death()

    def _death(self) -> OutgoingMessage:
        now_ms = _now_ms()
        metric = Metric(DataType.INT64, self._births.value, now_ms, "bdSeq")
        return OutgoingMessage(self._topic("NDEATH"), encode([metric], now_ms, None))

    def _connected(self) -> None:
        if self._host.is_online:
            self._bear()

    def _bear(self) -> None:
        """Publish the birth of the node and of its devices; the numbers begin anew."""
        with self._lock:
            now_ms = _now_ms()
            self._sequence, self._is_born = 0, True
            metrics = [
                Metric(DataType.INT64, self._births.value, now_ms, "bdSeq"),
                Metric(DataType.BOOLEAN, False, now_ms, REBIRTH, _REBIRTH_ALIAS),
            ]
            self._send("NBIRTH", metrics)
            for device in self._devices.values():
                self._bear_device(device)

    def _bear_device(self, device: Device) -> None:
        device.is_born = True
        self._send("DBIRTH", device.birth(_now_ms()), device.name)

    def _send(self, kind: str, metrics: Iterable[Metric], device: str | None = None) -> None:
        payload = encode(list(metrics), _now_ms(), self._sequence)
        self._sequence = (self._sequence + 1) % _SEQUENCE
        # Sparkplug wants quality of service 0; `processed` finds out whether it has arrived.
        self._connection.send(self._topic(kind, device), payload, qos=0)

    def _command(self, content: bytes) -> None:
        """Take a command of a host: a rebirth."""
        asked = [one for one in decode(content) if one.name == REBIRTH or one.alias == _REBIRTH_ALIAS]
        if any(one.value is True for one in asked):
            with self._lock:
                if self._is_born:
                    self._bear()

    def _host_changed(self, online: bool) -> None:
        with self._lock:
            if online:
                self._bear()
            elif self._is_born:
                death = self._death()
                self._connection.send(death.topic, death.payload)
                self._is_born, self._must_leave = False, True


def _now_ms() -> int:
    return int(time.time() * 1000)
