"""Presence of the primary host application, which says at the broker when it is online (Sparkplug 3.0.0, 5.8)."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable

_LEGACY = {b"ONLINE": True, b"OFFLINE": False}


class PrimaryHost:
    """State of one host, from its topic; without a name, there is none to wait for.

    Args:
        name: of the host; None for none.
        changed: called when it comes or goes.
    """

    def __init__(self, name: str | None, changed: Callable[[bool], None]) -> None:
        self._name, self._changed = name, changed
        self._time_ms = 0
        self._online = threading.Event()
        if name is None:
            self._online.set()

    @property
    def topics(self) -> tuple[str, ...]:
        """Topics of version 3 and of version 2.2, which older hosts use."""
        return () if self._name is None else (f"spBv1.0/STATE/{self._name}", f"STATE/{self._name}")

    @property
    def is_online(self) -> bool:
        """True if the host is there, or none is waited for."""
        return self._online.is_set()

    def wait(self, timeout_s: float) -> bool:
        """Wait until it is there; return whether it is."""
        return self._online.wait(timeout_s)

    def received(self, content: bytes) -> None:
        """Take what the host, or its last will, says; an offline that is older than the newest online is void."""
        online, time_ms = _read(content)
        if online is None or (not online and time_ms < self._time_ms):
            return
        self._time_ms = max(self._time_ms, time_ms)
        if online is self._online.is_set():
            return
        if online:
            self._online.set()
        else:
            self._online.clear()
        self._changed(online)


def _read(content: bytes) -> tuple[bool | None, int]:
    if content in _LEGACY:
        return _LEGACY[content], 2**63
    try:
        found = json.loads(content)
        return bool(found["online"]), int(found["timestamp"])
    except (ValueError, TypeError, KeyError, RecursionError):
        return None, 0
