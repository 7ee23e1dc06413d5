"""Methods of the conditions that clients call: Acknowledge, AddComment, ConditionRefresh.

Results as in OPC 10000-9, 5.5 and 5.7.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from asyncua import Server, ua

from anomaly.alerts.sinks.opcua.condition import is_event_of
from anomaly.alerts.sinks.opcua.conditions import Condition, Conditions
from anomaly.alerts.sinks.opcua.event import refresh_event
from anomaly.alerts.sinks.opcua.sessions import CheckedSession, calling_session
from anomaly.alerts.sinks.opcua.subscriptions import EventSubscriptions
from anomaly.alerts.sinks.sink import CaseOperations
from anomaly.errors import AnomalyError, InputError
from anomaly.store.cases.case import Case

log = logging.getLogger(__name__)


class CallRefusedError(Exception):
    """A client's call is refused.

    Args:
        status: that the client gets.
    """

    def __init__(self, status: int) -> None:
        super().__init__(hex(status))
        self.status = status


class ConditionMethods:
    """Handles the calls of clients.

    Args:
        conditions: of all machines.
        events: subscriptions.
        operations: returns what changes cases; None while there is nothing.
        where: the sink, for the log.
    """

    def __init__(
        self,
        conditions: Conditions,
        events: EventSubscriptions,
        operations: Callable[[], CaseOperations | None],
        where: str,
    ) -> None:
        self._conditions, self._events, self._operations = conditions, events, operations
        self._where = where

    def bind(self, server: Server) -> None:
        """Let the server call these methods."""
        bound = {
            ua.ObjectIds.AcknowledgeableConditionType_Acknowledge: self.acknowledge,
            ua.ObjectIds.ConditionType_AddComment: self.add_comment,
            ua.ObjectIds.ConditionType_ConditionRefresh: self.refresh,
            ua.ObjectIds.ConditionType_ConditionRefresh2: self.refresh,
        }
        for method, called in bound.items():
            server.iserver.isession.add_method_callback(ua.NodeId(method), _with_status(called))

    async def acknowledge(self, node: ua.NodeId, *arguments: ua.Variant) -> None:
        """Acknowledge the case of a condition, in the name of the client's user.

        Raises:
            CallRefusedError: wrong arguments or user, an unknown event, or it is acknowledged already.
        """
        condition, user, comment = self._called(node, arguments)
        if condition.state.key.acknowledged:
            raise CallRefusedError(ua.StatusCodes.BadConditionBranchAlreadyAcked)

        def change(operations: CaseOperations, case_id: str) -> Case:
            return operations.acknowledge(case_id, user, comment)

        case = await self._changed(condition, change)
        await self._conditions.acknowledged(condition, case, user, comment)

    async def add_comment(self, node: ua.NodeId, *arguments: ua.Variant) -> None:
        """Add a comment to the case of a condition, in the name of the client's user.

        Raises:
            CallRefusedError: wrong arguments or user, an unknown event, or the comment is empty.
        """
        condition, user, comment = self._called(node, arguments)
        if not comment:
            raise CallRefusedError(ua.StatusCodes.BadInvalidArgument)

        def change(operations: CaseOperations, case_id: str) -> Case:
            return operations.comment(case_id, comment, user)

        await self._changed(condition, change)

    async def refresh(self, _node: ua.NodeId, *arguments: ua.Variant) -> None:
        """Send all conditions of interest again to one subscription of the caller, or to one of its items.

        Raises:
            CallRefusedError: no such subscription of the caller, or no such item.
        """
        numbers = [argument.Value for argument in arguments]
        if not 1 <= len(numbers) <= 2 or not all(isinstance(number, int) for number in numbers):
            raise CallRefusedError(ua.StatusCodes.BadInvalidArgument)
        caller, sub = calling_session(), self._events.subscription(numbers[0])
        if sub is None or caller is None or sub.session_id != caller.session_id:
            raise CallRefusedError(ua.StatusCodes.BadSubscriptionIdInvalid)
        item = numbers[1] if len(numbers) > 1 else None
        if item is not None and not self._events.has_item(sub, item):
            raise CallRefusedError(ua.StatusCodes.BadMonitoredItemIdInvalid)
        begin = refresh_event(ua.ObjectIds.RefreshStartEventType, "The refresh begins.")
        end = refresh_event(ua.ObjectIds.RefreshEndEventType, "The refresh ends.")
        await self._events.refresh(sub, item, [begin, *self._conditions.retained(), end])

    def _called(self, node: ua.NodeId, arguments: tuple[ua.Variant, ...]) -> tuple[Condition, str, str]:
        """Return condition, user and comment of a call."""
        if len(arguments) < 2:
            raise CallRefusedError(ua.StatusCodes.BadArgumentsMissing)
        event_id, comment = (argument.Value for argument in arguments[:2])
        if not isinstance(event_id, bytes | None) or not isinstance(comment, ua.LocalizedText | None):
            raise CallRefusedError(ua.StatusCodes.BadInvalidArgument)
        condition = self._conditions.by_node(node)
        if condition is None:
            raise CallRefusedError(ua.StatusCodes.BadNodeIdInvalid)
        user = _user(calling_session())
        if user is None:
            raise CallRefusedError(ua.StatusCodes.BadUserAccessDenied)
        if not is_event_of(event_id or b"", condition.state.key.case_id):
            raise CallRefusedError(ua.StatusCodes.BadEventIdUnknown)
        return condition, user, ((comment.Text if comment else "") or "").strip()

    async def _changed(self, condition: Condition, change: Callable[[CaseOperations, str], Case]) -> Case:
        """Change the stored case, and return it."""
        operations = self._operations()
        if operations is None:
            raise CallRefusedError(ua.StatusCodes.BadNotSupported)
        try:
            return await asyncio.to_thread(change, operations, condition.state.key.case_id)
        except InputError as error:  # closed meanwhile
            raise CallRefusedError(ua.StatusCodes.BadConditionBranchAlreadyAcked) from error
        except AnomalyError as error:
            log.warning("%s: a client's change cannot be stored: %s", self._where, error)
            raise CallRefusedError(ua.StatusCodes.BadResourceUnavailable) from error


def _with_status(method: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[ua.StatusCode]]:
    async def call(node: ua.NodeId, *arguments: ua.Variant) -> ua.StatusCode:
        try:
            await method(node, *arguments)
        except CallRefusedError as refusal:
            return ua.StatusCode(refusal.status)
        return ua.StatusCode()

    return call


def _user(session: CheckedSession | None) -> str | None:
    return None if session is None or session.user is None else session.user.name
