"""Bounded reads and atomic writes of files."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from chip.errors import BitstreamError, ChipError, NetworkError

__all__ = ["MAX_FILE_BYTES", "read_bitstream_bytes", "read_bytes", "write_bytes"]

# Five columns of 2^24 integers would be 320 MiB; real networks are below one.
MAX_FILE_BYTES = 512 << 20


def read_bytes(path: Path) -> bytes:
    """Read a network file of at most ``MAX_FILE_BYTES``.

    Raises:
        NetworkError: it cannot be read, or is too large.
        BitstreamError: the same of a .bit file.
    """
    return _read(path, BitstreamError if path.suffix == ".bit" else NetworkError)


def read_bitstream_bytes(path: Path) -> bytes:
    """Read a bitstream file of at most ``MAX_FILE_BYTES``, whatever its suffix.

    Raises:
        BitstreamError: it cannot be read, or is too large.
    """
    return _read(path, BitstreamError)


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file atomically: a reader, or a restart after a crash, finds the old content or the new one.

    Raises:
        NetworkError: the folder does not exist or cannot be written.
    """
    try:
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
            temporary = Path(file.name)
            try:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
                # Temporary files are private; this one becomes an ordinary file.
                temporary.chmod(0o644)
                temporary.replace(path)
            except BaseException:
                temporary.unlink(missing_ok=True)
                raise
    except OSError as error:
        raise NetworkError(f"cannot be written: {error.strerror}", where=path) from error


def _read(path: Path, error_class: type[ChipError]) -> bytes:
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise error_class(f"is larger than {MAX_FILE_BYTES >> 20} MiB", where=path)
        return path.read_bytes()
    except OSError as error:
        raise error_class(f"cannot be read: {error.strerror}", where=path) from error
