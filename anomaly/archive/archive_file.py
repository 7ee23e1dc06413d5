"""File of an archive: the name under which its row stands, and the facts that tell a changed file from the same one."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path


@dataclass(frozen=True)
class ArchiveFile:
    """File that a scan found.

    Args:
        path: name in the tables; that of a member of an archive is ``archive.zip::folder/name.wav``.
        size_bytes: None where the place does not tell.
        mtime_ns: time of the last change, nanoseconds since 1970; None where the place does not tell.
        machine: machine that it belongs to; None in a run for one machine.
        time: beginning of the sound; None where nothing tells.
        offset: position of the sound within an uncompressed tar archive, in bytes.
        fault: reason why it cannot be read, found by the scan, such as a member that climbs out of its archive.
    """

    path: str
    size_bytes: int | None = None
    mtime_ns: int | None = None
    machine: str | None = None
    time: datetime | None = None
    offset: int | None = None
    fault: str | None = None

    @property
    def path_key(self) -> int:
        """64-bit hash of the path and the machine: one row of a table."""
        return _hash(f"{self.path}\0{self.machine or ''}")

    @property
    def content_key(self) -> int:
        """64-bit hash that changes with the path, the size or the time of the last change."""
        return content_key(self.path, self.machine, self.size_bytes, self.mtime_ns)


def path_key(path: str, machine: str | None) -> int:
    """Return the hash of a row's path and machine."""
    return _hash(f"{path}\0{machine or ''}")


def content_key(path: str, machine: str | None, size_bytes: int | None, mtime_ns: int | None) -> int:
    """Return the hash of a row's file as it was scored."""
    return _hash(f"{path}\0{machine or ''}\0{size_bytes}\0{mtime_ns}")


def printable(text: str) -> str:
    """Return a text that UTF-8 can hold: bytes of a file name that are no text are written as ``\\xff``."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(printable(text).encode(), digest_size=8).digest(), "big")


def local_file(path: Path) -> ArchiveFile:
    """Return the facts of a file on disk; a file that cannot be examined has none, and its row will say why."""
    try:
        status = path.stat()
    except (OSError, ValueError):
        return ArchiveFile(str(path))
    return ArchiveFile(str(path), status.st_size, status.st_mtime_ns)
