"""Host application of Sparkplug at a broker, with a decoder of its own, written from the wire format alone."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

from support.waiting import wait_until

# Numbers of the fields of a metric that hold a value (sparkplug_b.proto of Eclipse Tahu).
_UNSIGNED, _DOUBLE, _BOOLEAN, _STRING = (10, 11), 13, 14, 15
_SIGNED_BITS = {1: 8, 2: 16, 3: 32, 4: 64}


@dataclass(frozen=True)
class SeenMetric:
    """Metric as it arrives."""

    name: str | None
    alias: int | None
    datatype: int
    value: Any
    time_ms: int


@dataclass(frozen=True)
class SeenMessage:
    """Message as it arrives; aliases are replaced by names if the births before it define them."""

    kind: str
    device: str | None
    sequence: int | None
    metrics: tuple[SeenMetric, ...]
    retained: bool
    qos: int

    @property
    def values(self) -> dict[str, Any]:
        return {str(metric.name): metric.value for metric in self.metrics}


def varint(data: bytes, at: int) -> tuple[int, int]:
    """Read a number of variable length; return it and the place after it."""
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, at


def fields(data: bytes) -> Iterator[tuple[int, Any]]:
    """Yield number and content of each field: a number, 8 bytes, or bytes."""
    at = 0
    while at < len(data):
        key, at = varint(data, at)
        number, wire = key >> 3, key & 7
        if wire == 0:
            value, at = varint(data, at)
            yield number, value
        elif wire == 1:
            yield number, data[at : at + 8]
            at += 8
        else:
            assert wire == 2
            length, at = varint(data, at)
            yield number, data[at : at + length]
            at += length


def metric(data: bytes) -> SeenMetric:
    """Decode one metric."""
    found = dict(fields(data))
    value: Any = None
    for number, content in found.items():
        if number in _UNSIGNED:
            value = content
        elif number == _DOUBLE:
            (value,) = struct.unpack("<d", content)
        elif number == _BOOLEAN:
            value = bool(content)
        elif number == _STRING:
            value = content.decode()
    bits = _SIGNED_BITS.get(found[4])
    if bits and isinstance(value, int) and value >= 1 << (bits - 1):
        value -= 1 << bits
    assert (value is None) == bool(found.get(7))
    name = found[1].decode() if 1 in found else None
    return SeenMetric(name, found.get(2), found[4], value, found[3])


class SparkplugHost:
    """Subscriber to a group, which notes each message and can send commands."""

    def __init__(self, port: int, group: str = "anomaly", **account: str) -> None:
        self.received: list[SeenMessage] = []
        self.subscriptions = 0
        self._group = group
        self._names: dict[int, str] = {}
        self._client = Client(CallbackAPIVersion.VERSION2)
        if account:
            self._client.username_pw_set(account["username"], account["password"])
        self._client.on_message = self._on_message
        self._client.on_connect = lambda client, *_: client.subscribe(f"spBv1.0/{group}/#", qos=1)
        self._client.on_subscribe = self._on_subscribe
        self._client.reconnect_delay_set(0.05, 0.05)
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        self.wait_for_subscription(1)

    def of(self, kind: str, device: str | None = None) -> list[SeenMessage]:
        """Return the messages of a kind, of the node or of a device."""
        return [one for one in self.received if (one.kind, one.device) == (kind, device)]

    def wait_for(self, kind: str, count: int = 1, device: str | None = None) -> list[SeenMessage]:
        """Wait for this many messages of a kind."""
        wait_until(lambda: len(self.of(kind, device)) >= count)
        return self.of(kind, device)

    def cases(self) -> list[dict[str, Any]]:
        """Return the publications of messages about cases."""
        return [one.values for one in self.received if one.kind == "DDATA" and "Case/Message" in one.values]

    def wait_for_subscription(self, number: int) -> None:
        """Wait for this many subscriptions: one, and one more after each restart of the broker."""
        wait_until(lambda: self.subscriptions >= number)

    def command(self, node: str, content: bytes) -> None:
        """Send a command to a node."""
        self._client.publish(f"spBv1.0/{self._group}/NCMD/{node}", content)

    def state(self, host: str, *, online: bool, time_ms: int) -> None:
        """Say that a primary host is online or not."""
        content = json.dumps({"online": online, "timestamp": time_ms})
        self._client.publish(f"spBv1.0/STATE/{host}", content, qos=1, retain=True).wait_for_publish(5)

    def close(self) -> None:
        """Disconnect."""
        self._client.disconnect()
        self._client.loop_stop()

    def _on_subscribe(self, *_: Any) -> None:
        self.subscriptions += 1

    def _on_message(self, _client: Client, _data: Any, message: MQTTMessage) -> None:
        _, _, kind, _, *device = message.topic.split("/")
        if kind == "NCMD":
            return
        content = list(fields(message.payload))
        metrics = [metric(value) for number, value in content if number == 2]
        if kind.endswith("BIRTH"):
            self._names |= {one.alias: str(one.name) for one in metrics if one.alias is not None}
        named = tuple(
            one
            if one.name is not None or one.alias is None
            else SeenMetric(self._names.get(one.alias), one.alias, one.datatype, one.value, one.time_ms)
            for one in metrics
        )
        sequence = dict(content).get(3)
        self.received.append(
            SeenMessage(kind, device[0] if device else None, sequence, named, message.retain, message.qos)
        )


def rebirth_command(name: bytes = b"Node Control/Rebirth") -> bytes:
    """Return the command by which a host asks for a rebirth."""
    inner = b"\x0a" + bytes([len(name)]) + name + b"\x20\x0b" + b"\x70\x01"
    return b"\x12" + bytes([len(inner)]) + inner
