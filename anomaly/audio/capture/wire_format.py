"""Wire format of the capture process's pipe: frames of a kind, a length and a body.

The first frame is START or ERROR; then come BLOCK frames, and an ERROR if the device is lost.
"""

from __future__ import annotations

import json
import struct
from dataclasses import asdict, dataclass
from typing import Any

START, BLOCK, ERROR = b"STRT", b"BLCK", b"FAIL"
_FRAME = struct.Struct("<4sI")
_BLOCK = struct.Struct("<QQdI")
_MAX_BODY_BYTES = 64 * 2**20


@dataclass(frozen=True)
class StreamStart:
    """Stream that was opened: the device's own rate, the number of channels captured, and its name."""

    sample_rate_hz: int
    channels: int
    name: str


@dataclass(frozen=True)
class RawBlock:
    """One block as captured.

    Args:
        number: counts blocks from 0.
        position: samples since the start before this block, lost ones included, at the device's rate.
        utc: seconds since 1970 at which the first sample was taken.
        overflowed: samples were lost just before this block.
        data: float32 little-endian, channels interleaved.
    """

    number: int
    position: int
    utc: float
    overflowed: bool
    data: bytes


@dataclass(frozen=True)
class Failure:
    """Reason why the capture process ended."""

    message: str
    hint: str | None = None


def pack(message: StreamStart | RawBlock | Failure) -> bytes:
    """Encode one message as one frame."""
    if isinstance(message, RawBlock):
        head = _BLOCK.pack(message.number, message.position, message.utc, int(message.overflowed))
        return _FRAME.pack(BLOCK, len(head) + len(message.data)) + head + message.data
    body = json.dumps(asdict(message)).encode()
    return _FRAME.pack(START if isinstance(message, StreamStart) else ERROR, len(body)) + body


class Unpacker:
    """Decodes messages from pieces of any length."""

    def __init__(self) -> None:
        self._bytes = bytearray()

    def feed(self, piece: bytes) -> None:
        """Add bytes read from the pipe."""
        self._bytes += piece

    def next(self) -> StreamStart | RawBlock | Failure | None:
        """Return the next whole message, or None if more bytes are needed.

        Raises:
            ValueError: the bytes are no frame.
        """
        if len(self._bytes) < _FRAME.size:
            return None
        kind, length = _FRAME.unpack_from(self._bytes)
        if kind not in (START, BLOCK, ERROR) or length > _MAX_BODY_BYTES:
            raise ValueError("the capture process wrote something that is no frame")
        if len(self._bytes) < _FRAME.size + length:
            return None
        body = bytes(self._bytes[_FRAME.size : _FRAME.size + length])
        del self._bytes[: _FRAME.size + length]
        if kind == BLOCK:
            number, position, utc, flags = _BLOCK.unpack_from(body)
            return RawBlock(number, position, utc, bool(flags), body[_BLOCK.size :])
        fields: dict[str, Any] = json.loads(body)
        return StreamStart(**fields) if kind == START else Failure(**fields)
