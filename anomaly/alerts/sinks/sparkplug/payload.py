"""Payload of Sparkplug B in Protocol Buffers: the messages of the public schema that this program needs.

Source: Eclipse Sparkplug 3.0.0, 6.4, and ``sparkplug_b.proto`` of Eclipse Tahu. The schema is built when this module is
imported, so that it fits whatever version of protobuf is installed; code that protoc generates does not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError

_FIELD = descriptor_pb2.FieldDescriptorProto
_PACKAGE = "org.eclipse.tahu.protobuf"
Value = str | float | int | bool | None


class DataType(IntEnum):
    """Types of metrics that are used here (6.4.16)."""

    INT32 = 3
    INT64 = 4
    DOUBLE = 10
    BOOLEAN = 11
    STRING = 12
    DATE_TIME = 13


# The field of a metric that holds a value of each type.
_PLACES = {
    DataType.INT32: "int_value",
    DataType.INT64: "long_value",
    DataType.DOUBLE: "double_value",
    DataType.BOOLEAN: "boolean_value",
    DataType.STRING: "string_value",
    DataType.DATE_TIME: "long_value",
}


@dataclass(frozen=True, slots=True)
class Metric:
    """One value.

    Args:
        datatype: its type.
        value: none is sent as null.
        time_ms: when it was so, milliseconds of UNIX time.
        name: sent in a birth, and without an alias.
        alias: number that stands for the name in data.
    """

    datatype: DataType
    value: Value
    time_ms: int
    name: str | None = None
    alias: int | None = None


def encode(metrics: Sequence[Metric], time_ms: int, sequence: int | None) -> bytes:
    """Return a payload.

    Args:
        metrics: its values.
        time_ms: when it is sent.
        sequence: number of the message, 0 to 255; a death certificate of the node has none.
    """
    payload = _Payload(timestamp=time_ms)
    if sequence is not None:
        payload.seq = sequence
    for metric in metrics:
        added = payload.metrics.add(timestamp=metric.time_ms, datatype=int(metric.datatype))
        if metric.name is not None:
            added.name = metric.name
        if metric.alias is not None:
            added.alias = metric.alias
        if metric.value is None:
            added.is_null = True
        else:
            setattr(added, _PLACES[metric.datatype], _wire_value(metric))
    return bytes(payload.SerializeToString())


def decode(content: bytes) -> list[Metric]:
    """Return the metrics of a payload whose types are used here; none of what is no payload."""
    payload = _Payload()
    try:
        payload.ParseFromString(content)
    except DecodeError:
        return []
    return [_metric(found) for found in payload.metrics if found.datatype in _PLACES]


def _metric(found: Any) -> Metric:
    datatype = DataType(found.datatype)
    place = _PLACES[datatype]
    return Metric(
        datatype,
        getattr(found, place) if found.HasField(place) else None,
        found.timestamp,
        found.name if found.HasField("name") else None,
        found.alias if found.HasField("alias") else None,
    )


def _wire_value(metric: Metric) -> Any:
    # Signed integers travel as the unsigned ones with the same bits.
    if metric.datatype == DataType.INT32:
        return int(metric.value or 0) & 0xFFFFFFFF
    if metric.datatype in (DataType.INT64, DataType.DATE_TIME):
        return int(metric.value or 0) & 0xFFFFFFFFFFFFFFFF
    return metric.value


def _payload_class() -> Any:
    file = descriptor_pb2.FileDescriptorProto(
        name="anomaly/sparkplug_b.proto", package=_PACKAGE, syntax="proto2"
    )
    payload = file.message_type.add(name="Payload")
    metric = payload.nested_type.add(name="Metric")
    metric.oneof_decl.add(name="value")
    for name, number, kind in (
        ("name", 1, _FIELD.TYPE_STRING),
        ("alias", 2, _FIELD.TYPE_UINT64),
        ("timestamp", 3, _FIELD.TYPE_UINT64),
        ("datatype", 4, _FIELD.TYPE_UINT32),
        ("is_historical", 5, _FIELD.TYPE_BOOL),
        ("is_transient", 6, _FIELD.TYPE_BOOL),
        ("is_null", 7, _FIELD.TYPE_BOOL),
    ):
        metric.field.add(name=name, number=number, type=kind, label=_FIELD.LABEL_OPTIONAL)
    for name, number, kind in (
        ("int_value", 10, _FIELD.TYPE_UINT32),
        ("long_value", 11, _FIELD.TYPE_UINT64),
        ("float_value", 12, _FIELD.TYPE_FLOAT),
        ("double_value", 13, _FIELD.TYPE_DOUBLE),
        ("boolean_value", 14, _FIELD.TYPE_BOOL),
        ("string_value", 15, _FIELD.TYPE_STRING),
        ("bytes_value", 16, _FIELD.TYPE_BYTES),
    ):
        metric.field.add(name=name, number=number, type=kind, label=_FIELD.LABEL_OPTIONAL, oneof_index=0)
    payload.field.add(name="timestamp", number=1, type=_FIELD.TYPE_UINT64, label=_FIELD.LABEL_OPTIONAL)
    payload.field.add(
        name="metrics",
        number=2,
        type=_FIELD.TYPE_MESSAGE,
        type_name=f".{_PACKAGE}.Payload.Metric",
        label=_FIELD.LABEL_REPEATED,
    )
    payload.field.add(name="seq", number=3, type=_FIELD.TYPE_UINT64, label=_FIELD.LABEL_OPTIONAL)
    # A pool of its own: another package may bring the same schema.
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{_PACKAGE}.Payload"))


_Payload = _payload_class()
