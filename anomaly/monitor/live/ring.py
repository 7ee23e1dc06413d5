"""Ring of messages in shared memory: one process writes, others read what is new, and neither waits for the other.

    head    magic, number and size of the places, messages written so far, UNIX seconds until which somebody watches
    place   number of its message (0 while it is written), length, checksum, bytes

A reader that is too slow misses messages; a message that is overwritten while it is read fails its checksum.
"""

from __future__ import annotations

import mmap
import os
import struct
import zlib
from contextlib import suppress
from pathlib import Path

PLACES, PLACE_BYTES = 64, 8_192
_MAGIC = b"ANOMRNG1"
_HEAD = struct.Struct("=8sII")
_WRITTEN_AT, _WATCHED_AT, _HEAD_BYTES = 16, 24, 64
_COUNT, _TIME = struct.Struct("=Q"), struct.Struct("=d")
_PLACE = struct.Struct("=QII")
LONGEST_MESSAGE = PLACE_BYTES - _PLACE.size


class RingWriter:
    """Writer of a ring; makes its file anew, so that readers of an earlier one notice.

    Args:
        path: the file, in a folder of memory that exists.

    Raises:
        OSError: there is no room.
    """

    def __init__(self, path: Path) -> None:
        self._path, self._written = path, 0
        work = path.with_name(f".{path.name}.{os.getpid()}")
        size = _HEAD_BYTES + PLACES * PLACE_BYTES
        with open(os.open(work, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600), "r+b") as file:
            # Taken now: memory that is full later would end the process at a write.
            os.posix_fallocate(file.fileno(), 0, size)
            self._memory = mmap.mmap(file.fileno(), size)
        _HEAD.pack_into(self._memory, 0, _MAGIC, PLACES, PLACE_BYTES)
        work.replace(path)

    def put(self, message: bytes) -> bool:
        """Write a message; return false for one that is too long."""
        if len(message) > LONGEST_MESSAGE:
            return False
        number = self._written + 1
        place = _HEAD_BYTES + self._written % PLACES * PLACE_BYTES
        _PLACE.pack_into(self._memory, place, 0, 0, 0)
        begin = place + _PLACE.size
        self._memory[begin : begin + len(message)] = message
        _PLACE.pack_into(self._memory, place, number, len(message), _checksum(message, number))
        _COUNT.pack_into(self._memory, _WRITTEN_AT, number)
        self._written = number
        return True

    @property
    def watched_until_s(self) -> float:
        """UNIX seconds until which a reader wants the picture."""
        return float(_TIME.unpack_from(self._memory, _WATCHED_AT)[0])

    def close(self) -> None:
        """Remove the ring; readers keep what they have."""
        self._memory.close()
        with suppress(OSError):
            self._path.unlink()


class RingReader:
    """Reader of a ring that may not exist yet, and may be made anew.

    Args:
        path: the file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._memory: mmap.mmap | None = None
        self._file_id: tuple[int, int] | None = None
        self._read = 0

    def new_messages(self) -> list[bytes]:
        """Return the messages since the last call that are still there, the oldest first; at first none."""
        if self._memory is None and not self.reopen():
            return []
        memory = self._memory
        assert memory is not None
        written = int(_COUNT.unpack_from(memory, _WRITTEN_AT)[0])
        first = max(self._read, written - PLACES + 1)
        self._read = max(written, self._read)
        found = (self._message(memory, number) for number in range(first + 1, written + 1))
        return [message for message in found if message is not None]

    def newest(self, prefix: bytes) -> bytes | None:
        """Return the newest message that begins with these bytes, if it is still there."""
        if not self.reopen():
            return None
        memory = self._memory
        assert memory is not None
        written = int(_COUNT.unpack_from(memory, _WRITTEN_AT)[0])
        for number in range(written, max(0, written - PLACES), -1):
            message = self._message(memory, number)
            if message is not None and message.startswith(prefix):
                return message
        return None

    def reopen(self) -> bool:
        """Follow to the file that has the name now; return whether there is one."""
        try:
            facts = self._path.stat()
        except OSError:
            self.close()
            return False
        if self._file_id == (facts.st_dev, facts.st_ino):
            return self._memory is not None
        self.close()
        try:
            self._open()
        except (OSError, ValueError):
            return False
        self._file_id = (facts.st_dev, facts.st_ino)
        return True

    def watch_until(self, time_s: float) -> None:
        """Ask the writer for the picture until a UNIX time."""
        if self._memory is not None:
            _TIME.pack_into(self._memory, _WATCHED_AT, time_s)

    def close(self) -> None:
        """Let the memory go."""
        if self._memory is not None:
            self._memory.close()
        self._memory, self._file_id = None, None

    def _open(self) -> None:
        with self._path.open("r+b") as file:
            memory = mmap.mmap(file.fileno(), 0)
        magic, places, size = _HEAD.unpack_from(memory, 0) if len(memory) >= _HEAD_BYTES else (b"", 0, 0)
        if (magic, places, size) != (_MAGIC, PLACES, PLACE_BYTES) or len(
            memory
        ) < _HEAD_BYTES + places * size:
            memory.close()
            raise ValueError("it is no ring of this version")
        self._memory, self._read = memory, int(_COUNT.unpack_from(memory, _WRITTEN_AT)[0])

    @staticmethod
    def _message(memory: mmap.mmap, number: int) -> bytes | None:
        place = _HEAD_BYTES + (number - 1) % PLACES * PLACE_BYTES
        found, length, checksum = _PLACE.unpack_from(memory, place)
        if found != number or length > LONGEST_MESSAGE:
            return None
        begin = place + _PLACE.size
        message = memory[begin : begin + length]
        return message if _checksum(message, number) == checksum else None


def _checksum(message: bytes, number: int) -> int:
    """Return a checksum that is not zero for no bytes: a place whose number is written first holds zeros after it."""
    return zlib.crc32(message, number)
