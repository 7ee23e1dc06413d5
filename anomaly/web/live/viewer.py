"""Viewer of a live stream: what waits to be sent to it. One that is too slow loses frames of pictures first."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator

# Frames of 5 s and events of some minutes.
_MOST_FRAMES, _MOST_EVENTS = 24, 600
_KEEP_ALIVE_S = 15.0
_KEEP_ALIVE, _RETRY = b": alive\n\n", b"retry: 2000\n\n"


class Viewer:
    """Queue of one viewer.

    Args:
        machines: those that it watches, with pictures; None for all without.
        listens: it may see each column of the picture.

    Attributes:
        lost: columns that it was too slow for.
    """

    def __init__(self, machines: frozenset[str] | None, *, listens: bool) -> None:
        self.machines, self.listens = machines, listens
        self.lost = 0
        self._frames: deque[tuple[bytes, int]] = deque()
        self._events: deque[bytes] = deque()
        self._wake = asyncio.Event()
        self._ended = False

    def follows(self, machine: str) -> bool:
        """Return whether the viewer wants events of a machine."""
        return self.machines is None or machine in self.machines

    def show(self, event: bytes) -> None:
        """Send an event; a viewer that takes none for minutes is let go, and reads what it missed from the store."""
        if len(self._events) >= _MOST_EVENTS:
            self.end()
            return
        self._events.append(event)
        self._wake.set()

    def show_frame(self, event: bytes, columns: int) -> None:
        """Send a frame of the picture, in place of the oldest one if too many wait."""
        if len(self._frames) >= _MOST_FRAMES:
            self.lost += self._frames.popleft()[1]
        self._frames.append((event, columns))
        self._wake.set()

    def end(self) -> None:
        """End the stream."""
        self._ended = True
        self._wake.set()

    async def stream(self) -> AsyncIterator[bytes]:
        """Yield what is to be sent, and a comment while there is nothing."""
        yield _RETRY
        while not self._ended:
            try:
                await asyncio.wait_for(self._wake.wait(), _KEEP_ALIVE_S)
            except TimeoutError:
                yield _KEEP_ALIVE
                continue
            self._wake.clear()
            parts = [*self._events, *(event for event, _ in self._frames)]
            self._events.clear()
            self._frames.clear()
            if parts:
                yield b"".join(parts)
