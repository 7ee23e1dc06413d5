"""Many may use a thing at once, until one wants it alone."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class ReadWriteLock:
    """Counts the threads inside; ``shut`` waits until they have left and keeps others out meanwhile.

    Example:
        >>> gate = Gate()
        >>> with gate.use():
        ...     pass
        >>> with gate.shut():
        ...     pass
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._inside = 0
        self._is_shut = False
        self._mine = threading.local()

    @contextmanager
    def use(self) -> Iterator[None]:
        """Be inside during the block; waits while the gate is shut. A thread inside may go in again."""
        depth: int = getattr(self._mine, "depth", 0)
        if depth == 0:
            with self._changed:
                self._changed.wait_for(lambda: not self._is_shut)
                self._inside += 1
        self._mine.depth = depth + 1
        try:
            yield
        finally:
            self._mine.depth = depth
            if depth == 0:
                with self._changed:
                    self._inside -= 1
                    self._changed.notify_all()

    @contextmanager
    def shut(self) -> Iterator[None]:
        """Be alone during the block. Not for a thread that is inside: it would wait for itself."""
        with self._changed:
            self._changed.wait_for(lambda: not self._is_shut)
            self._is_shut = True
            self._changed.wait_for(lambda: self._inside == 0)
        try:
            yield
        finally:
            with self._changed:
                self._is_shut = False
                self._changed.notify_all()
