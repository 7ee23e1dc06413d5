"""Standard streams of a command: encodings that show little, streams that are closed, disks that are full.

Output is data: a command whose output is lost ends with an error, but for the monitor, which goes on. Messages on
stderr are not: they are dropped where they cannot be written.
"""

from __future__ import annotations

import codecs
import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, TextIO

# Characters of our own texts that Latin-1 or ASCII lack, with what people write there instead.
_PLAIN = str.maketrans(
    {"–": "-", "—": "-", "−": "-", "…": "...", "→": "->", "≥": ">=", "≤": "<=", "×": "x", "µ": "u"}
)
_ERRORS = "anomaly-terminal"


def prepare() -> None:
    """Make the standard streams safe to write to, before anything is written.

    Descriptors that are closed are occupied, or the database would become standard output.
    """
    codecs.register_error(_ERRORS, _shown)
    raw: Any
    for number in (0, 1, 2):
        _occupy(number)
    if sys.stdout is None or sys.stdout is sys.__stdout__:
        encoding, at_once = _kind(sys.stdout)
        raw = io.BufferedWriter(_Output(1, "w", closefd=False))
        sys.stdout = io.TextIOWrapper(raw, encoding=encoding, line_buffering=at_once)
    if sys.stderr is None or sys.stderr is sys.__stderr__:
        encoding, _ = _kind(sys.stderr)
        raw = _DroppingFile(2, "w", closefd=False)
        sys.stderr = io.TextIOWrapper(raw, encoding=encoding, write_through=True)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and stream.errors in (
            "strict",
            "surrogateescape",
            "backslashreplace",
        ):
            stream.reconfigure(errors=_ERRORS)


def flush_stdout() -> None:
    """Write what waits in stdout.

    Raises:
        OSError: it cannot be written.
    """
    if sys.stdout is not None and not sys.stdout.closed:
        sys.stdout.flush()


def unreported_loss() -> OSError | None:
    """Write what waits in stdout; return the error with which output was lost that nobody has reported yet."""
    try:
        flush_stdout()
    except OSError as error:
        return error
    return loss_of_stdout()


def loss_of_stdout() -> OSError | None:
    """Return the error with which output was lost, unless `discard_stdout` was called after it."""
    raw = _raw_stdout()
    return None if raw is None else raw.error


def is_loss_of_stdout(error: BaseException) -> bool:
    """Return whether an error is that of a standard output that cannot be written."""
    return error is loss_of_stdout()


@contextmanager
def loss_deferred() -> Iterator[None]:
    """End the block quietly if stdout cannot be written in it: the command finishes its work, and reports it then."""
    try:
        yield
    except OSError as error:
        if not is_loss_of_stdout(error):
            raise


def discard_stdout() -> None:
    """Drop what waits in stdout and all that follows: Python must not complain about it at exit."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, sys.stdout.fileno())
    os.close(null)
    if (raw := _raw_stdout()) is not None:
        raw.error = None


def _raw_stdout() -> _Output | None:
    raw = getattr(getattr(sys.stdout, "buffer", None), "raw", None)
    return raw if isinstance(raw, _Output) else None


class _Output(io.FileIO):
    """File descriptor that keeps the last error of a write.

    Attributes:
        error: that error, to tell it from those of other files.
    """

    error: OSError | None = None

    def write(self, data: Any, /) -> int:
        try:
            return super().write(data)
        except OSError as error:
            self.error = error
            raise


class _DroppingFile(io.FileIO):
    """File descriptor that drops what it cannot take."""

    def write(self, data: Any, /) -> int:
        rest = memoryview(data).cast("B")
        size = len(rest)
        with suppress(OSError):
            while rest:
                rest = rest[super().write(rest) :]
        return size


def _kind(stream: TextIO | None) -> tuple[str, bool]:
    """Return the encoding of a stream, and whether it shows each line at once."""
    return getattr(stream, "encoding", None) or "utf-8", stream is not None and stream.isatty()


def _occupy(number: int) -> None:
    try:
        os.fstat(number)
    except OSError:
        # Reading from it ends at once, writing to it fails as to a closed one: nothing is lost unnoticed.
        null = os.open(os.devnull, os.O_RDONLY)
        if null != number:
            os.dup2(null, number)
            os.close(null)


def _shown(error: UnicodeError) -> tuple[str | bytes, int]:
    """Replace what an encoding cannot show; bytes of file names pass as they are."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    shown = bytearray()
    for character in error.object[error.start : error.end]:
        code = ord(character)
        if 0xDC80 <= code <= 0xDCFF:
            shown.append(code - 0xDC00)
        else:
            shown += character.translate(_PLAIN).encode(error.encoding, "replace")
    return bytes(shown), error.end
