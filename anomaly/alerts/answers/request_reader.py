"""Bytes of one request from a socket, until it takes too long or is too long in all."""

from __future__ import annotations

import io
import socket
import time
from collections.abc import Callable
from typing import Any


class RequestTooLongError(Exception):
    """A request has more bytes than any that is accepted."""


class RequestReader(io.RawIOBase):
    """Reader of one request; all of it has to arrive before a deadline, however slowly it comes.

    Args:
        connection: the socket.
        limit_bytes: greatest size of head and body together.
        limit_s: seconds for all of it.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        connection: socket.socket,
        limit_bytes: int,
        limit_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__()
        self._connection, self._clock = connection, clock
        self._left, self._end_s = limit_bytes, clock() + limit_s

    def readable(self) -> bool:
        """Return true."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read what has arrived, waiting for it until the deadline.

        Raises:
            TimeoutError: the deadline is over.
            RequestTooLongError: the limit of its size is reached.
        """
        left_s = self._end_s - self._clock()
        if left_s <= 0.0:
            raise TimeoutError("the request takes too long")
        if self._left <= 0:
            raise RequestTooLongError
        self._connection.settimeout(left_s)
        count = self._connection.recv_into(memoryview(buffer)[: self._left])
        self._left -= count
        return count
