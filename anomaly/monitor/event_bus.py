"""Publish and subscribe within one session: stages publish, services subscribe by type."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any, TypeVar

Item = TypeVar("Item")


class EventBus:
    """Delivers each published item to the subscribers of its type, in the order of subscription, at once.

    It belongs to the thread that processes the sound; other threads hand over events through
    `anomaly.monitor.background_events`.

    Example:
        >>> bus, received = EventBus(), list[int]()
        >>> bus.subscribe(int, received.append)
        >>> bus.publish(3)
        >>> received
        [3]
    """

    def __init__(self) -> None:
        self._handlers: defaultdict[type[Any], list[Callable[[Any], None]]] = defaultdict(list)

    def subscribe(self, kind: type[Item], handler: Callable[[Item], None]) -> None:
        """Call ``handler`` with every item of exactly this type."""
        self._handlers[kind].append(handler)

    def publish(self, item: object) -> None:
        """Hand an item to all subscribers of its type."""
        for handler in self._handlers[type(item)]:
            handler(item)
