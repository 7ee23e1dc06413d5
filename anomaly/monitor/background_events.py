"""Events from other threads: stored at once, published with the next block of sound."""

from __future__ import annotations

import logging
import queue
from collections.abc import Callable, Mapping
from typing import Any

from anomaly.errors import ConfigError
from anomaly.monitor.events import EventName
from anomaly.monitor.records import EventRecord
from anomaly.store.store import Store

_LOG = logging.getLogger(__name__)


class BackgroundEvents:
    """Queue of events of one machine, for any thread.

    Args:
        machine: its name.
        store: of the monitor.
        clock: UNIX seconds.
    """

    def __init__(self, machine: str, store: Store, clock: Callable[[], float]) -> None:
        self._machine, self._store, self._clock = machine, store, clock
        self._waiting: queue.SimpleQueue[EventRecord] = queue.SimpleQueue()

    def emit(self, event: EventName, message: str, detail: Mapping[str, Any] | None = None) -> None:
        """Store an event and queue it for the sound thread; a failure of the store is logged."""
        record = EventRecord(event, self._machine, self._clock(), message, dict(detail or {}))
        self._waiting.put(record)
        case = record.detail.get("case")
        try:
            self._store.history.add_event(
                event,
                machine=self._machine,
                case_id=case if isinstance(case, str) else None,
                detail={**record.detail, "words": message},
                time_s=record.time_s,
            )
        except ConfigError as error:
            _LOG.warning("%s is not stored: %s", event, error)

    def drain(self) -> list[EventRecord]:
        """Return the events since the last call."""
        found = []
        while not self._waiting.empty():
            found.append(self._waiting.get())
        return found
