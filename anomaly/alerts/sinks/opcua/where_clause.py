"""Content filter of an event subscription: the operators of OPC 10000-4, 7.7, that clients send for events."""

from __future__ import annotations

import operator
from collections.abc import Callable, Collection, Mapping
from typing import Any

from asyncua import ua

# Deeper filters, or those that refer to themselves, let everything pass.
_DEEPEST = 20
_COMPARED: Mapping[ua.FilterOperator, Callable[[Any, Any], bool]] = {
    ua.FilterOperator.Equals: operator.eq,
    ua.FilterOperator.GreaterThan: operator.gt,
    ua.FilterOperator.LessThan: operator.lt,
    ua.FilterOperator.GreaterThanOrEqual: operator.ge,
    ua.FilterOperator.LessThanOrEqual: operator.le,
}


class UnknownOperatorError(Exception):
    """The filter uses an operator that events do not need."""


def passes(where: ua.ContentFilter, fields: Mapping[str, ua.Variant], types: Collection[int]) -> bool:
    """Return whether an event passes a filter; one that is not understood lets it pass: an alarm must not be lost.

    Args:
        where: the filter.
        fields: of the event, by browse path.
        types: identifiers of the event's type and of its supertypes, in namespace 0.
    """
    if not where.Elements:
        return True
    try:
        return bool(_Filter(where.Elements, fields, types).element(0, 0))
    except (UnknownOperatorError, IndexError, TypeError, AttributeError):
        return True


class _Filter:
    def __init__(
        self,
        elements: list[ua.ContentFilterElement],
        fields: Mapping[str, ua.Variant],
        types: Collection[int],
    ) -> None:
        self._elements, self._fields, self._types = elements, fields, types

    def element(self, index: int, depth: int) -> Any:
        if depth > _DEEPEST:
            raise UnknownOperatorError
        element = self._elements[index]
        kind, operands = element.FilterOperator, element.FilterOperands
        if kind == ua.FilterOperator.OfType:
            wanted = self._value(operands[0], depth)
            return wanted.NamespaceIndex == 0 and wanted.Identifier in self._types
        if kind in (ua.FilterOperator.And, ua.FilterOperator.Or):
            first = self._value(operands[0], depth)
            if bool(first) is (kind == ua.FilterOperator.Or):
                return bool(first)
            return self._value(operands[1], depth)
        return self._compared(kind, [self._value(one, depth) for one in operands])

    def _compared(self, kind: ua.FilterOperator, values: list[Any]) -> bool:
        if kind == ua.FilterOperator.Not:
            return not values[0]
        if kind == ua.FilterOperator.IsNull:
            return values[0] is None
        if kind == ua.FilterOperator.InList:
            return values[0] in values[1:]
        if None in values:
            return False  # a comparison with null is null, and null passes nothing
        if kind == ua.FilterOperator.Between:
            return bool(values[1] <= values[0] <= values[2])
        if kind not in _COMPARED:
            raise UnknownOperatorError
        return _COMPARED[kind](values[0], values[1])

    def _value(self, operand: Any, depth: int) -> Any:
        if isinstance(operand, ua.ElementOperand):
            return self.element(operand.Index, depth + 1)
        if isinstance(operand, ua.LiteralOperand):
            return operand.Value.Value
        found = self._fields.get(field_name(operand))
        return None if found is None else found.Value


def field_name(operand: Any) -> str:
    """Return the name of the field that an operand or select clause means: its browse path, or the ConditionId."""
    if isinstance(operand, ua.AttributeOperand):
        path = [element.TargetName.Name for element in operand.BrowsePath.Elements]
    else:
        path = [step.Name for step in operand.BrowsePath or ()]
    return "/".join(path) if path else ua.AttributeIds(operand.AttributeId).name
