"""Subscription to a topic at an MQTT broker."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Subscription:
    """Topic from which messages are taken.

    Args:
        topic: its name.
        received: called with the content of each message, on the network thread.
        refused: called with the reason if the broker does not allow it.
    """

    topic: str
    received: Callable[[bytes], None]
    refused: Callable[[str], None]
