"""Event subscriptions of the clients: who gets an event, and who has confirmed it.

A client confirms a notification by its sequence number with its next publish request (OPC 10000-4, 5.14.5). asyncua
keeps items and sequence numbers to itself: this file is the only one that reaches into them.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator, Sequence
from typing import Any

from asyncua import ua
from asyncua.server.internal_subscription import InternalSubscription
from asyncua.server.monitored_item_service import MonitoredItemData
from asyncua.server.subscription_service import SubscriptionService

from anomaly.alerts.sinks.opcua.event import OutgoingEvent, SelectedFields
from anomaly.alerts.sinks.opcua.where_clause import passes

# A client that asks for a queue of one would lose all but one alarm of a flood.
LEAST_QUEUE = 1_000

log = logging.getLogger(__name__)


class EventDelivery:
    """Events of one message on their way to the clients.

    Args:
        events: one for each case of the message.
    """

    def __init__(self, events: Sequence[OutgoingEvent]) -> None:
        self.events = events
        self.taken_by: set[int] = set()

    @property
    def is_confirmed(self) -> bool:
        """True once a client has confirmed each event."""
        return all(event.confirmed for event in self.events)


class EventSubscriptions:
    """Passes events to the clients and notes their confirmations; used on the server's loop alone.

    Args:
        service: of the server.
    """

    def __init__(self, service: SubscriptionService) -> None:
        self._service = service
        self._changed = asyncio.Event()

    @property
    def any(self) -> bool:
        """True if a client has subscribed to events."""
        return any(_items(sub) for sub in self._service.subscriptions.values())

    async def deliver(self, delivery: EventDelivery, timeout_s: float) -> bool:
        """Send a message to each subscription that has not had it, and wait until a client has confirmed it.

        Returns:
            Whether one has, in time.
        """
        end = asyncio.get_running_loop().time() + timeout_s
        while True:
            self._changed.clear()
            await self.send(delivery)
            if delivery.is_confirmed:
                return True
            try:
                async with asyncio.timeout_at(end):
                    await self._changed.wait()
            except TimeoutError:
                return False

    async def send(self, delivery: EventDelivery) -> None:
        """Send a message to each subscription that has not had it; waits for nobody.

        Where every subscriber's filter keeps an event out, nobody wants it: it counts as confirmed.
        """
        wanted: set[OutgoingEvent] = set()
        monitored = False
        for number, sub in list(self._service.subscriptions.items()):
            items = _items(sub)
            monitored = monitored or bool(items)
            taken = [event for event in delivery.events if await _offer(sub, items, event, number, delivery)]
            wanted.update(taken)
            if items and number not in delivery.taken_by:
                delivery.taken_by.add(number)
                await _publish(sub)
        if monitored:
            for event in delivery.events:
                event.confirmed = event.confirmed or event not in wanted

    async def refresh(
        self, sub: InternalSubscription, item: int | None, events: Sequence[OutgoingEvent]
    ) -> None:
        """Send events to one subscription, or to one of its items, between the marks of a refresh."""
        for number, data in _items(sub).items():
            if item not in (None, number):
                continue
            for event in events:
                if event.always or _node_of(data) in event.nodes:
                    await _enqueue(sub, number, data, event)
        await _publish(sub)

    def subscription(self, number: int) -> InternalSubscription | None:
        """Return a subscription by its number."""
        return self._service.subscriptions.get(number)

    def has_item(self, sub: InternalSubscription, item: int) -> bool:
        """Return whether a subscription has this item, and it is one of events."""
        return item in _items(sub)

    def added(self, number: int, results: Sequence[ua.MonitoredItemCreateResult]) -> None:
        """Note that a client has subscribed; lengthen its queues of events."""
        sub = self._service.subscriptions.get(number)
        if sub is None:
            return
        items = _items(sub)
        for result in results:
            if (data := items.get(result.MonitoredItemId)) is not None:
                data.queue_size = result.RevisedQueueSize = max(data.queue_size, LEAST_QUEUE)
        self._changed.set()

    def acknowledged(self, number: int, sequence: int) -> None:
        """Note that a client has confirmed a notification."""
        sub = self._service.subscriptions.get(number)
        result = None if sub is None else sub._not_acknowledged_results.get(sequence)
        if result is not None:
            for event in _events(result.NotificationMessage):
                event.confirmed = True
            self._changed.set()

    def republished(self, number: int, sequence: int, message: ua.NotificationMessage) -> None:
        """Keep a notification that was sent again until the client confirms it; asyncua forgets it."""
        sub = self._service.subscriptions.get(number)
        if sub is not None and message.NotificationData:
            result = ua.PublishResult(SubscriptionId=number, NotificationMessage=message)
            sub._not_acknowledged_results[sequence] = result


def _items(sub: InternalSubscription) -> dict[int, MonitoredItemData]:
    """Return the items of a subscription that report events."""
    found = sub.monitored_item_srv._monitored_items
    return {number: data for number, data in found.items() if _is_of_events(data)}


def _is_of_events(data: MonitoredItemData) -> bool:
    monitored = data.read_value_id
    return (
        monitored is not None
        and monitored.AttributeId == ua.AttributeIds.EventNotifier
        and data.mode == ua.MonitoringMode.Reporting
        and data.filter is not None
    )


def _node_of(data: MonitoredItemData) -> Any:
    return None if data.read_value_id is None else data.read_value_id.NodeId


async def _offer(
    sub: InternalSubscription,
    items: dict[int, MonitoredItemData],
    event: OutgoingEvent,
    number: int,
    delivery: EventDelivery,
) -> bool:
    """Queue an event for a subscription that has not had it; return whether its filters let it pass."""
    taken = False
    for item, data in items.items():
        if _node_of(data) in event.nodes and passes(data.filter.WhereClause, event.fields, event.types):
            taken = True
            if number not in delivery.taken_by:
                await _enqueue(sub, item, data, event)
    return taken


async def _enqueue(
    sub: InternalSubscription, item: int, data: MonitoredItemData, event: OutgoingEvent
) -> None:
    if event.always or passes(data.filter.WhereClause, event.fields, event.types):
        fields = ua.EventFieldList(
            ClientHandle=data.client_handle, EventFields=event.selected(data.filter.SelectClauses)
        )
        await sub.enqueue_event(item, fields, max(data.queue_size, LEAST_QUEUE))


async def _publish(sub: InternalSubscription) -> None:
    """Publish now rather than at the next interval: an alarm does not wait for a slow client's rhythm."""
    try:
        await sub.publish_results()
    except Exception:  # one broken connection must not keep events from the others
        log.debug("a subscription cannot be published to", exc_info=True)


def _events(message: ua.NotificationMessage) -> Iterator[OutgoingEvent]:
    for part in message.NotificationData:
        for one in getattr(part, "Events", None) or ():
            if isinstance(one.EventFields, SelectedFields):
                yield one.EventFields.event
