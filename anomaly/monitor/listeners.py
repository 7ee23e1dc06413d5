"""Listeners: what the sources of several machines deliver comes out in one place."""

from __future__ import annotations

import queue
import threading
from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import TypeAlias

from anomaly.monitor.plan import MonitorPlan
from anomaly.monitor.process.stop import Stop
from anomaly.monitor.sources.events import SourceEvent
from anomaly.monitor.sources.registry import open_source, source_key

# A source that is so many blocks (some seconds of a microphone) ahead of the scoring waits.
_MAX_BLOCKS_AHEAD = 64
# How often a waiting thread looks whether the monitor is to stop.
_POLL_S = 0.2
# A device may take seconds to close.
_JOIN_TIMEOUT_S = 10.0


@dataclass(frozen=True, eq=False)
class SourceDelivery:
    """Delivery for one machine: an event of its source, or the error that ended it."""

    machine: str
    event: SourceEvent | None = None
    error: Exception | None = None


Deliveries: TypeAlias = Generator[SourceDelivery, None, None]


class Listeners:
    """One listener per device or source; machines at the channels of one device share it.

    With a single source everything happens on the caller's thread; with several each has a thread of its own, so that
    none delays the others.

    Args:
        plans: each machine once.
        stop: ends the sound.
    """

    def __init__(self, plans: Sequence[MonitorPlan], stop: Stop) -> None:
        self._stop = stop
        groups: dict[str, list[MonitorPlan]] = {}
        for plan in plans:
            groups.setdefault(source_key(plan), []).append(plan)
        self._groups = list(groups.values())

    def deliveries(self) -> Deliveries:
        """Yield what the sources deliver until all have ended or the monitor is to stop; close the iterator."""
        if len(self._groups) == 1:
            return self._listen(self._groups[0])
        return self._from_threads()

    def _listen(self, group: list[MonitorPlan]) -> Deliveries:
        try:
            with closing(open_source(group, self._stop)) as source:
                for events in source:
                    for plan, event in zip(group, events, strict=True):
                        if event is not None:
                            yield SourceDelivery(plan.machine, event)
                    if self._stop.is_due:
                        return
        except Exception as error:
            for plan in group:
                yield SourceDelivery(plan.machine, error=error)

    def _from_threads(self) -> Deliveries:
        waiting: queue.Queue[SourceDelivery] = queue.Queue(_MAX_BLOCKS_AHEAD * max(1, len(self._groups)))
        threads = [
            threading.Thread(
                target=self._pass_on, args=(group, waiting), name=f"listener-{group[0].machine}", daemon=True
            )
            for group in self._groups
        ]
        for thread in threads:
            thread.start()
        try:
            while not self._stop.is_due:
                try:
                    yield waiting.get(timeout=_POLL_S)
                except queue.Empty:
                    if not any(thread.is_alive() for thread in threads) and waiting.empty():
                        return
        finally:
            # Each of them lets its device go before the process ends.
            self._stop.request()
            for thread in threads:
                thread.join(_JOIN_TIMEOUT_S)

    def _pass_on(self, group: list[MonitorPlan], waiting: queue.Queue[SourceDelivery]) -> None:
        with closing(self._listen(group)) as deliveries:
            for delivery in deliveries:
                if not self._put(delivery, waiting):
                    return

    def _put(self, delivery: SourceDelivery, waiting: queue.Queue[SourceDelivery]) -> bool:
        while not self._stop.is_due:
            try:
                waiting.put(delivery, timeout=_POLL_S)
                return True
            except queue.Full:
                continue
        return False
