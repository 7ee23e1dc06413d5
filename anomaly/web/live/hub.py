"""Hub between the rings of the monitors and the viewers: each ring is read once, whoever watches."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from anomaly.monitor.live.folder import live_folder, ring_path
from anomaly.monitor.live.publisher import MEL, SCORE
from anomaly.monitor.live.ring import RingReader
from anomaly.web.errors import ApiError
from anomaly.web.live.event_feed import EventFeed
from anomaly.web.live.messages import mel_event, score_event, spikes_event
from anomaly.web.live.viewer import Viewer
from anomaly.web.site_access import SiteAccess

_LOG = logging.getLogger(__name__)
_POLL_S, _EVENTS_EVERY_S, _REOPEN_EVERY_S = 0.02, 1.0, 2.0
# A monitor computes the picture for so long after somebody has asked for it.
_WATCH_S = 10.0
_SCORE_PREFIX = b'{"type":"' + SCORE.encode() + b'"'


class LiveHub:
    """Reads rings while there are viewers, and gives each viewer what it has asked for.

    Args:
        access: site whose machines are shown.
        most: streams that are open at once.
    """

    def __init__(self, access: SiteAccess, most: int) -> None:
        self._access, self._most = access, most
        self._viewers: set[Viewer] = set()
        self._readers: dict[str, RingReader] = {}
        self._latest: dict[str, RingReader] = {}
        self._lock = threading.Lock()
        self._task: asyncio.Task[None] | None = None
        self._events = EventFeed(access)

    @property
    def viewers(self) -> int:
        """Number of viewers."""
        return len(self._viewers)

    @property
    def lost_frames(self) -> int:
        """Columns of pictures that the viewers of now were too slow for."""
        return sum(viewer.lost for viewer in self._viewers)

    def join(self, machines: Iterable[str] | None, *, listens: bool) -> Viewer:
        """Begin to give a viewer events of machines.

        Args:
            machines: their names, with pictures; None for scores, states and cases of all.
            listens: the viewer has the right to listen, and sees columns one by one.

        Raises:
            ApiError: too many streams are open.
        """
        if len(self._viewers) >= self._most:
            raise ApiError(429, "too many live streams are open", "close other windows", retry_after_s=10.0)
        viewer = Viewer(None if machines is None else frozenset(machines), listens=listens)
        self._viewers.add(viewer)
        if self._task is None or self._task.done():
            self._events.skip()
            self._task = asyncio.create_task(self._run(), name="live hub")
        return viewer

    def leave(self, viewer: Viewer) -> None:
        """Stop giving events to a viewer."""
        self._viewers.discard(viewer)

    def latest(self, machine: str) -> dict[str, Any] | None:
        """Return the newest second of a machine from its ring, or None without a live monitor."""
        with self._lock:
            reader = self._latest.get(machine)
            if reader is None:
                reader = self._latest[machine] = self._reader(machine)
            message = reader.newest(_SCORE_PREFIX)
        if message is None:
            return None
        found: dict[str, Any] = json.loads(message)
        return found

    async def close(self) -> None:
        """End all streams."""
        for viewer in list(self._viewers):
            viewer.end()
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    def _reader(self, machine: str) -> RingReader:
        return RingReader(ring_path(live_folder(self._access.site.state_dir), machine))

    async def _run(self) -> None:
        """Follow rings and events until nobody watches."""
        looked_s = reopened_s = float("-inf")
        try:
            while self._viewers:
                now_s = time.monotonic()
                if now_s - reopened_s >= _REOPEN_EVERY_S:
                    reopened_s = now_s
                    await asyncio.to_thread(self._open_rings)
                if now_s - looked_s >= _EVENTS_EVERY_S:
                    looked_s = now_s
                    self._show_events(await asyncio.to_thread(self._events.new_events))
                self._show_rings()
                await asyncio.sleep(_POLL_S)
        except asyncio.CancelledError:
            raise
        except Exception:
            _LOG.exception("the live streams end")
        finally:
            for reader in self._readers.values():
                reader.close()
            self._readers.clear()
            for viewer in list(self._viewers):
                viewer.end()

    def _open_rings(self) -> None:
        """Follow the rings that somebody wants, and ask their monitors for pictures."""
        pictured = {machine for viewer in list(self._viewers) for machine in viewer.machines or ()}
        everything = any(viewer.machines is None for viewer in list(self._viewers))
        wanted = pictured | (set(self._access.machines()) if everything else set())
        for machine in self._readers.keys() - wanted:
            self._readers.pop(machine).close()
        until_s = time.time() + _WATCH_S
        for machine in wanted:
            reader = self._readers.get(machine) or self._reader(machine)
            if reader.reopen() and machine in pictured:
                reader.watch_until(until_s)
            self._readers[machine] = reader

    def _show_rings(self) -> None:
        for machine, reader in self._readers.items():
            for message in reader.new_messages():
                self._show(machine, json.loads(message))

    def _show(self, machine: str, facts: dict[str, Any]) -> None:
        viewers = [viewer for viewer in self._viewers if viewer.follows(machine)]
        pictured = [viewer for viewer in viewers if viewer.machines is not None]
        if facts["type"] == MEL:
            for listens in {viewer.listens for viewer in pictured}:
                event = mel_event(facts, whole=listens)
                for viewer in (one for one in pictured if one.listens is listens):
                    viewer.show_frame(event, facts["columns"])
        elif facts["type"] == SCORE:
            raster = spikes_event(facts) if pictured else None
            event = score_event(facts)
            for viewer in viewers:
                viewer.show(event)
            if raster is not None:
                for viewer in pictured:
                    viewer.show_frame(raster, 0)

    def _show_events(self, events: list[tuple[str, bytes]]) -> None:
        for machine, event in events:
            for viewer in self._viewers:
                if viewer.follows(machine):
                    viewer.show(event)
