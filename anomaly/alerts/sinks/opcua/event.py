"""Events for OPC UA clients: fields by browse path, made from the state of a condition."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from asyncua import ua

from anomaly.alerts.sinks.opcua.condition import ConditionState
from anomaly.alerts.sinks.opcua.where_clause import field_name

Fields = dict[str, ua.Variant]

_BASE = ua.ObjectIds.BaseEventType
CONDITION_TYPES = (
    _BASE,
    ua.ObjectIds.ConditionType,
    ua.ObjectIds.AcknowledgeableConditionType,
    ua.ObjectIds.AlarmConditionType,
    ua.ObjectIds.DiscreteAlarmType,
    ua.ObjectIds.OffNormalAlarmType,
)
"""Type of the alarms, and its supertypes."""
CONDITION_NAMES = {"machine": "Sound", "sensor": "Microphone"}
_CLASSES = {
    "machine": (ua.ObjectIds.MaintenanceConditionClassType, "Maintenance"),
    "sensor": (ua.ObjectIds.SystemConditionClassType, "System"),
}
_TEST_SEVERITY = 1
_SYSTEM_SEVERITY = 100


class OutgoingEvent:
    """One event, and whether a client has confirmed it.

    Args:
        fields: by browse path, such as ``ActiveState/Id``.
        types: identifiers of its type and of the supertypes.
        nodes: nodes whose subscribers get it.
        always: it passes every filter (begin and end of a refresh).
    """

    def __init__(
        self, fields: Fields, types: Sequence[int], nodes: Sequence[ua.NodeId], *, always: bool = False
    ) -> None:
        self.fields, self.types, self.nodes, self.always = fields, tuple(types), tuple(nodes), always
        self.confirmed = False

    def selected(self, clauses: Sequence[Any]) -> SelectedFields:
        """Return the fields that a client has asked for, in its order."""
        null = ua.Variant(None, ua.VariantType.Null)
        return SelectedFields(self, [self.fields.get(field_name(clause), null) for clause in clauses])


class SelectedFields(list[ua.Variant]):
    """Fields of an event for one client; they know their event, for the client's confirmation."""

    def __init__(self, event: OutgoingEvent, fields: Sequence[ua.Variant]) -> None:
        super().__init__(fields)
        self.event = event


def condition_fields(
    state: ConditionState, before: ConditionState | None, nodes: Mapping[str, ua.NodeId], locale: str
) -> Fields:
    """Return all fields of a condition.

    Args:
        state: of the condition.
        before: its state before that.
        nodes: those of the ``machine``, of the ``condition`` and of its ``input``.
        locale: of the text.
    """
    key, time = state.key, _utc(state.time_s)
    class_id, class_name = _CLASSES[state.kind]
    severity_before = key.severity if before is None else before.key.severity
    return _base_fields(
        state.event_id, CONDITION_TYPES[-1], nodes["machine"], state.machine, time, key.severity
    ) | {
        "NodeId": _variant(nodes["condition"], ua.VariantType.NodeId),
        "Message": _text(state.text, locale),
        "ConditionClassId": _variant(ua.NodeId(class_id), ua.VariantType.NodeId),
        "ConditionClassName": _text(class_name),
        "ConditionName": _variant(CONDITION_NAMES[state.kind], ua.VariantType.String),
        "BranchId": _variant(ua.NodeId(), ua.VariantType.NodeId),
        "Retain": _variant(state.retain, ua.VariantType.Boolean),
        "EnabledState": _text("Enabled"),
        "EnabledState/Id": _variant(True, ua.VariantType.Boolean),
        "Quality": _variant(ua.StatusCode(), ua.VariantType.StatusCode),
        "Quality/SourceTimestamp": _variant(time, ua.VariantType.DateTime),
        "LastSeverity": _variant(severity_before, ua.VariantType.UInt16),
        "LastSeverity/SourceTimestamp": _variant(time, ua.VariantType.DateTime),
        "Comment": _text(state.comment),
        "Comment/SourceTimestamp": _variant(time, ua.VariantType.DateTime),
        "ClientUserId": _variant(state.user, ua.VariantType.String),
        "ActiveState": _text("Active" if key.active else "Inactive"),
        "ActiveState/Id": _variant(key.active, ua.VariantType.Boolean),
        "AckedState": _text("Acknowledged" if key.acknowledged else "Unacknowledged"),
        "AckedState/Id": _variant(key.acknowledged, ua.VariantType.Boolean),
        "SuppressedOrShelved": _variant(key.suppressed, ua.VariantType.Boolean),
        "InputNode": _variant(nodes["input"], ua.VariantType.NodeId),
        "NormalState": _variant(ua.NodeId(), ua.VariantType.NodeId),
    }


def test_fields(event_id: bytes, machine: str, source: ua.NodeId, text: str, locale: str) -> Fields:
    """Return the fields of a test event, which is no condition."""
    now = datetime.now(UTC)
    fields = _base_fields(event_id, _BASE, source, machine, now, _TEST_SEVERITY)
    return fields | {"Message": _text(text, locale)}


def refresh_event(type_id: int, words: str) -> OutgoingEvent:
    """Return the event that begins or ends a refresh."""
    server = ua.NodeId(ua.ObjectIds.Server)
    fields = _base_fields(os.urandom(16), type_id, server, "Server", datetime.now(UTC), _SYSTEM_SEVERITY)
    types = (_BASE, ua.ObjectIds.SystemEventType, type_id)
    return OutgoingEvent(fields | {"Message": _text(words)}, types, (), always=True)


def _base_fields(
    event_id: bytes, type_id: int, source: ua.NodeId, source_name: str, time: datetime, severity: int
) -> Fields:
    return {
        "EventId": _variant(event_id, ua.VariantType.ByteString),
        "EventType": _variant(ua.NodeId(type_id), ua.VariantType.NodeId),
        "SourceNode": _variant(source, ua.VariantType.NodeId),
        "SourceName": _variant(source_name, ua.VariantType.String),
        "Time": _variant(time, ua.VariantType.DateTime),
        "ReceiveTime": _variant(datetime.now(UTC), ua.VariantType.DateTime),
        "Severity": _variant(severity, ua.VariantType.UInt16),
    }


def _variant(value: Any, kind: ua.VariantType) -> ua.Variant:
    return ua.Variant(value, kind)


def _text(text: str, locale: str = "en") -> ua.Variant:
    return ua.Variant(ua.LocalizedText(text, locale), ua.VariantType.LocalizedText)


def _utc(time_s: float) -> datetime:
    return datetime.fromtimestamp(time_s, UTC)
