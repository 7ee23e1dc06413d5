"""Limit of the connections that are open at once; those that send their request slowest make way for others."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress

# A request that has not arrived within this time makes way when all places are taken.
_PATIENCE_S = 2.0
_LOOK_S = 0.1


class ConnectionLimit:
    """Places for connections.

    Args:
        most: number of places.
        clock: monotonic seconds.
    """

    def __init__(self, most: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._most, self._clock = most, clock
        self._changed = threading.Condition()
        self._since_s: dict[socket.socket, float] = {}
        self._reading: set[socket.socket] = set()
        self._closed = False

    @property
    def count(self) -> int:
        """Number of places that are taken."""
        with self._changed:
            return len(self._since_s)

    def claim(self, connection: socket.socket) -> bool:
        """Wait for a place; return false once ``close`` was called."""
        with self._changed:
            while len(self._since_s) >= self._most and not self._closed:
                self._end_slowest()
                self._changed.wait(_LOOK_S)
            if self._closed:
                return False
            self._since_s[connection] = self._clock()
            self._reading.add(connection)
            return True

    def received(self, connection: socket.socket) -> None:
        """Note that a request has arrived as a whole: its connection makes way for no other."""
        with self._changed:
            self._reading.discard(connection)

    def release(self, connection: socket.socket) -> None:
        """Give a place back."""
        with self._changed:
            self._reading.discard(connection)
            self._since_s.pop(connection, None)
            self._changed.notify_all()

    def close(self, timeout_s: float) -> None:
        """Give no more places, wait for the requests that have arrived, and end all connections."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
            for connection in self._reading:
                _end(connection)
            self._changed.wait_for(lambda: not self._since_s, timeout_s)
            for connection in self._since_s:
                _end(connection)

    def _end_slowest(self) -> None:
        waiting = {one: self._since_s[one] for one in self._reading if one in self._since_s}
        oldest = min(waiting, key=lambda one: waiting[one], default=None)
        if oldest is not None and self._clock() - waiting[oldest] >= _PATIENCE_S:
            self._reading.discard(oldest)
            _end(oldest)


def _end(connection: socket.socket) -> None:
    """End a connection so that the thread that reads from it notices."""
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
