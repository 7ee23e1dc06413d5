"""Lock that many threads share, or one thread holds exclusively."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class ReadWriteLock:
    """Readers-writer lock that prefers the writer: while one waits, no other reader enters.

    Example:
        >>> lock = ReadWriteLock()
        >>> with lock.shared():
        ...     pass
        >>> with lock.exclusive():
        ...     pass
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._readers = 0
        self._has_writer = False
        self._thread = threading.local()

    @contextmanager
    def shared(self) -> Iterator[None]:
        """Hold the lock as one of many readers. A thread that holds it may enter again."""
        depth: int = getattr(self._thread, "depth", 0)
        if depth == 0:
            with self._changed:
                self._changed.wait_for(lambda: not self._has_writer)
                self._readers += 1
        self._thread.depth = depth + 1
        try:
            yield
        finally:
            self._thread.depth = depth
            if depth == 0:
                with self._changed:
                    self._readers -= 1
                    self._changed.notify_all()

    @property
    def is_held_by_this_thread(self) -> bool:
        """Return whether this thread holds the lock as a reader."""
        return getattr(self._thread, "depth", 0) > 0

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Hold the lock alone. Not for a thread that holds it as a reader: it would wait for itself."""
        with self._changed:
            self._changed.wait_for(lambda: not self._has_writer)
            self._has_writer = True
            self._changed.wait_for(lambda: self._readers == 0)
        try:
            yield
        finally:
            with self._changed:
                self._has_writer = False
                self._changed.notify_all()
