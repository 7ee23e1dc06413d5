"""Messages that are sent to an MQTT broker."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class OutgoingMessage:
    """Message for those who have subscribed; with ``retain``, the broker keeps it for later subscribers.

    Args:
        topic: its topic.
        payload: its content.
        retain: keep it.
    """

    topic: str
    payload: str | bytes
    retain: bool = False


@dataclass(frozen=True)
class RetainedMessage(OutgoingMessage):
    """Message that the broker keeps for later subscribers."""

    retain: bool = True
