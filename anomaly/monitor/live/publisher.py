"""Publisher of the live picture of a monitor's machines; a subscriber of their sessions that never holds them up."""

from __future__ import annotations

import base64
import json
import logging
import time
import zlib
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from anomaly.features.mel import HOP_S, N_FFT, SAMPLE_RATE_HZ, Centibels
from anomaly.monitor.event_bus import EventBus
from anomaly.monitor.events import SecondScored
from anomaly.monitor.live.folder import live_folder, make_private, ring_path
from anomaly.monitor.live.picture import Columns, LivePicture
from anomaly.monitor.live.ring import RingWriter
from anomaly.monitor.records import SecondRecord
from anomaly.monitor.sources.events import SoundBlock
from anomaly.store.cases.case import iso_utc, json_value

SCORE, MEL = "score", "mel"
"""Types of messages: the result of a second, and columns of the waterfall. The type is the first key."""
_LOG = logging.getLogger(__name__)


class LivePublisher:
    """Rings of one monitor's machines; without shared memory there is no live picture, and all else goes on.

    Args:
        state_dir: folder by which readers find the rings.
        clock: UNIX seconds.
    """

    def __init__(self, state_dir: Path, clock: Callable[[], float] = time.time) -> None:
        self._folder, self._clock = live_folder(state_dir), clock
        self._machines: list[_MachineLive] = []

    def subscribe(self, bus: EventBus, machine: str, bands: int, normal: Centibels | None) -> None:
        """Publish what happens on the bus of a machine's session.

        Args:
            bus: of the session.
            machine: its name.
            bands: number of its mel bands.
            normal: mean levels of its training sound, [bands]; None where they are not known.
        """
        try:
            make_private(self._folder)
            ring = RingWriter(ring_path(self._folder, machine))
        except OSError as error:
            _LOG.warning("%s has no live picture: %s", machine, error)
            return
        live = _MachineLive(machine, ring, LivePicture(bands, normal), self._clock)
        self._machines.append(live)
        bus.subscribe(SoundBlock, partial(live.tolerant, live.block))
        bus.subscribe(SecondScored, partial(live.tolerant, live.scored))
        bus.subscribe(SecondRecord, partial(live.tolerant, live.second))

    def close(self) -> None:
        """Remove the rings."""
        for live in self._machines:
            live.close()
        self._machines.clear()
        with suppress(OSError):
            self._folder.rmdir()


class _MachineLive:
    """Ring of one machine."""

    def __init__(
        self, machine: str, ring: RingWriter, picture: LivePicture, clock: Callable[[], float]
    ) -> None:
        self._machine, self._ring, self._picture, self._clock = machine, ring, picture, clock
        self._watched = False
        self._raster: dict[str, Any] | None = None
        self._limit: float | None = None
        self._broken = False

    def tolerant(self, handler: Callable[[Any], None], item: object) -> None:
        """Call a handler; a fault of the live picture must not end the monitoring."""
        if self._broken:
            return
        try:
            handler(item)
        except Exception:
            self._broken = True
            _LOG.exception("the live picture of %s ends", self._machine)

    def block(self, block: SoundBlock) -> None:
        """Publish the columns of a block while somebody watches."""
        watched = self._clock() < self._ring.watched_until_s
        if block.gap or watched is not self._watched:
            self._picture.reset()
        self._watched = watched
        if not watched:
            return
        levels, residual = self._picture.push(block.samples)
        if len(levels) == 0:
            return
        end_s = block.time_s + len(block.samples) / SAMPLE_RATE_HZ
        self._put(
            {
                "type": MEL,
                "machine": self._machine,
                "time": iso_utc(end_s),
                "time_s": round(end_s, 4),
                "columns": len(levels),
                "bands": levels.shape[1],
                "column_s": HOP_S,
                "window_s": N_FFT / SAMPLE_RATE_HZ,
                "levels": _encoded(levels),
                "residual": None if residual is None else _encoded(residual),
            }
        )

    def scored(self, second: SecondScored) -> None:
        """Note the raster of a second, whose record follows."""
        self._limit, errors = second.limit, second.score.errors
        self._raster = None
        if errors is None or self._clock() >= self._ring.watched_until_s:
            return
        # Counts of the student; what another detector gives are no spikes.
        if np.issubdtype(errors.dtype, np.integer):
            counts = errors.clip(0, 255).astype(np.uint8)
            packed = base64.b64encode(zlib.compress(counts.tobytes(), 6)).decode()
            self._raster = {"frames": counts.shape[0], "outputs": counts.shape[1], "counts_zlib": packed}

    def second(self, record: SecondRecord) -> None:
        """Publish the result of a second."""
        facts = {"type": SCORE, **record.to_dict(), "limit": self._limit, "time_s": record.time_s}
        facts = json_value(facts | {"groups": [round(group, 3) for group in record.groups]})
        raster, self._raster = self._raster, None
        if not self._put(facts | {"spikes": raster}):
            self._put(facts | {"spikes": None})

    def close(self) -> None:
        """Remove the ring."""
        self._broken = True
        self._ring.close()

    def _put(self, message: dict[str, Any]) -> bool:
        return self._ring.put(json.dumps(message, separators=(",", ":")).encode())


def _encoded(columns: Columns) -> str:
    return base64.b64encode(columns.tobytes()).decode()
