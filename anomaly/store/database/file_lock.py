"""Lock between processes that the kernel releases when its holder dies, even by kill -9."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from anomaly.errors import ConfigError


def is_locked(path: Path) -> bool:
    """Return whether a process holds the lock of a file; false where the file is missing or cannot be read.

    Nothing is written, and the lock is only shared for a moment.
    """
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(file)
    return False


class FileLock:
    """Exclusive lock on a file beside the resource that it guards.

    Args:
        path: the lock file; it is created, and not removed: removal would race with other processes.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: int | None = None

    def acquire(self, *, wait: bool = True) -> bool:
        """Acquire the lock; return whether it is held now. Without ``wait``, never block.

        A lock whose file was removed meanwhile, which nobody else sees any more, is acquired anew.

        Raises:
            ConfigError: the folder cannot be written.
        """
        if self._file is not None:
            if self._is_seen(self._file):
                return True
            self.release()
        try:
            file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise ConfigError(f"cannot be written: {error.strerror}", where=self.path.parent) from error
        try:
            fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            os.close(file)
            return False
        except BaseException:
            os.close(file)
            raise
        self._file = file
        return True

    def _is_seen(self, file: int) -> bool:
        try:
            return os.path.samestat(os.fstat(file), os.stat(self.path))
        except OSError:
            return False

    def release(self) -> None:
        """Release the lock; harmless if it is not held."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def __enter__(self) -> FileLock:
        self.acquire()
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


def is_held(path: Path) -> bool:
    """Return whether the lock on a file is held.

    Args:
        path: the lock file; it is created if it is missing.

    Raises:
        ConfigError: the folder cannot be written.
    """
    lock = FileLock(path)
    if not lock.acquire(wait=False):
        return True
    lock.release()
    return False
