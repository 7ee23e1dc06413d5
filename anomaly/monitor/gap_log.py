"""Log of gaps: stretches in which no sound arrived are stored, so that a graph shows them."""

from __future__ import annotations

from functools import partial

from anomaly.audio import SAMPLE_RATE_HZ
from anomaly.monitor.event_bus import EventBus
from anomaly.monitor.process.background import BackgroundWorker
from anomaly.monitor.sources.events import MicrophoneLost, SoundBlock
from anomaly.store.database.rows import GapRow
from anomaly.store.store import Store


class GapLog:
    """Stores the gaps of one machine.

    Args:
        machine: its name.
        store: where gaps are kept.
        background: writes them.
    """

    def __init__(self, machine: str, store: Store, background: BackgroundWorker) -> None:
        self._machine, self._store, self._background = machine, store, background
        self._end_s: float | None = None
        self._lost = False

    def subscribe(self, bus: EventBus) -> None:
        """Follow the sound of a session."""
        bus.subscribe(SoundBlock, self._sound)
        bus.subscribe(MicrophoneLost, self._microphone_lost)

    def _microphone_lost(self, _: MicrophoneLost) -> None:
        self._lost = True

    def _sound(self, block: SoundBlock) -> None:
        if (block.gap or self._lost) and self._end_s is not None and block.time_s >= self._end_s:
            row = GapRow(self._machine, self._end_s, block.time_s, "lost" if self._lost else "overflow")
            self._background.submit(partial(self._store.time_series.add_gaps, [row]))
        self._lost = False
        self._end_s = block.time_s + len(block.samples) / SAMPLE_RATE_HZ
