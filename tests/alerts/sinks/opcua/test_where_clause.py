"""Content filters that clients send with a subscription to events."""

from __future__ import annotations

from typing import Any

import pytest
from asyncua import ua

from anomaly.alerts.sinks.opcua.event import CONDITION_TYPES
from anomaly.alerts.sinks.opcua.where_clause import passes

FIELDS = {
    "Severity": ua.Variant(500, ua.VariantType.UInt16),
    "ActiveState/Id": ua.Variant(True, ua.VariantType.Boolean),
    "EventType": ua.Variant(ua.NodeId(ua.ObjectIds.OffNormalAlarmType), ua.VariantType.NodeId),
}
Operator = ua.FilterOperator


def field(*path: str) -> Any:
    names = [ua.QualifiedName(name, 0) for name in path]
    return ua.SimpleAttributeOperand(BrowsePath=names, AttributeId=ua.AttributeIds.Value)


def literal(value: Any) -> Any:
    return ua.LiteralOperand(Value=ua.Variant(value))


def element(operator: Any, *operands: Any) -> Any:
    return ua.ContentFilterElement(FilterOperator=operator, FilterOperands=list(operands))


def of_type(number: int) -> Any:
    return element(Operator.OfType, literal(ua.NodeId(number)))


@pytest.mark.parametrize(
    ("elements", "expected"),
    [
        ([], True),
        ([of_type(ua.ObjectIds.OffNormalAlarmType)], True),
        ([of_type(ua.ObjectIds.ConditionType)], True),
        ([of_type(ua.ObjectIds.AuditEventType)], False),
        ([element(Operator.GreaterThanOrEqual, field("Severity"), literal(500))], True),
        ([element(Operator.GreaterThan, field("Severity"), literal(500))], False),
        ([element(Operator.Between, field("Severity"), literal(400), literal(600))], True),
        ([element(Operator.Equals, field("ActiveState", "Id"), literal(True))], True),
        ([element(Operator.InList, field("Severity"), literal(1), literal(500))], True),
        ([element(Operator.IsNull, field("Nothing"))], True),
        ([element(Operator.LessThan, field("Nothing"), literal(5))], False),
        ([element(Operator.Not, ua.ElementOperand(Index=1)), of_type(ua.ObjectIds.ConditionType)], False),
        (
            [
                element(Operator.And, ua.ElementOperand(Index=1), ua.ElementOperand(Index=2)),
                of_type(ua.ObjectIds.ConditionType),
                element(Operator.LessThan, field("Severity"), literal(100)),
            ],
            False,
        ),
        (
            [
                element(Operator.Or, ua.ElementOperand(Index=1), ua.ElementOperand(Index=2)),
                of_type(ua.ObjectIds.ConditionType),
                of_type(ua.ObjectIds.AuditEventType),
            ],
            True,
        ),
    ],
)
def test_filters(elements: list[Any], expected: bool) -> None:
    assert passes(ua.ContentFilter(Elements=elements), FIELDS, CONDITION_TYPES) is expected


@pytest.mark.parametrize(
    "elements",
    [
        [element(Operator.Like, field("Severity"), literal("5%"))],
        [element(Operator.Not, ua.ElementOperand(Index=0))],
        [element(Operator.Not, ua.ElementOperand(Index=7))],
        [element(Operator.GreaterThan, field("Severity"), literal("high"))],
        [element(Operator.GreaterThan)],
    ],
)
def test_what_is_not_understood_lets_an_alarm_pass(elements: list[Any]) -> None:
    assert passes(ua.ContentFilter(Elements=elements), FIELDS, CONDITION_TYPES)
