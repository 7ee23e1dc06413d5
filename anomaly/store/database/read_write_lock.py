"""Lock that many threads share, or one thread holds exclusively."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from types import TracebackType


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
        self._shared = _Shared(self)

    def shared(self) -> AbstractContextManager[None]:
        """Hold the lock as one of many readers. A thread that holds it may enter again."""
        return self._shared

    def _enter(self) -> None:
        depth: int = getattr(self._thread, "depth", 0)
        if depth == 0:
            with self._changed:
                while self._has_writer:
                    self._changed.wait()
                self._readers += 1
        self._thread.depth = depth + 1

    def _leave(self) -> None:
        self._thread.depth -= 1
        if self._thread.depth == 0:
            with self._changed:
                self._readers -= 1
                if self._has_writer:
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


class _Shared(AbstractContextManager[None]):
    """Reader's part of the lock; a class, because each statement of the database enters it."""

    def __init__(self, lock: ReadWriteLock) -> None:
        self._lock = lock

    def __enter__(self) -> None:
        self._lock._enter()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lock._leave()
