"""The envelope of a bitstream: a header, then frames, each under a checksum of its own."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from chip.errors import BitstreamError

__all__ = ["FORMAT_VERSION", "Frame", "read_frames", "write_frames"]

MAGIC = b"SNNBITS\x00"
FORMAT_VERSION = 2
# Magic, format version, reserved, fingerprint of the architecture, number of frames; then a CRC-32.
_HEADER = struct.Struct("<8sHH32sI")
# Kind, reserved, index of the cell or resource, length of the payload; payload and a CRC-32 follow.
_FRAME = struct.Struct("<BBII")
_CRC = struct.Struct("<I")


@dataclass(frozen=True)
class Frame:
    """One addressed piece of configuration.

    Args:
        kind: what the payload configures.
        index: which one of that kind.
        payload: its bits.
    """

    kind: int
    index: int
    payload: bytes


def write_frames(fingerprint: bytes, frames: Iterable[Frame]) -> bytes:
    """A bitstream for the architecture with this fingerprint (32 bytes)."""
    bodies = [_sealed(_FRAME.pack(f.kind, 0, f.index, len(f.payload)) + f.payload) for f in frames]
    return _sealed(_HEADER.pack(MAGIC, FORMAT_VERSION, 0, fingerprint, len(bodies))) + b"".join(bodies)


def read_frames(data: bytes, fingerprint: bytes) -> list[Frame]:
    """Read what ``write_frames`` wrote; nothing is allocated that the data does not hold.

    Raises:
        BitstreamError: damaged, cut, of another version or architecture; names header or frame.
    """
    header = _opened(data, 0, _HEADER.size, "header")
    magic, version, reserved, made_for, count = _HEADER.unpack(header)
    if magic != MAGIC:
        raise BitstreamError("is not a bitstream", where="header")
    if version != FORMAT_VERSION or reserved != 0:
        raise BitstreamError(
            f"has format version {version}; this program reads {FORMAT_VERSION}", where="header"
        )
    if made_for != fingerprint:
        raise BitstreamError(
            "was made for another architecture",
            where="header",
            hint="decode it with the specification it was compiled for",
        )
    frames = list(_frames(data, _HEADER.size + _CRC.size))
    if len(frames) != count:
        raise BitstreamError(f"holds {len(frames)} frames instead of {count}", where="header")
    return frames


def _frames(data: bytes, at: int) -> Iterator[Frame]:
    number = 0
    while at < len(data):
        where = f"frame {number}"
        head = data[at : at + _FRAME.size]
        if len(head) < _FRAME.size:
            raise BitstreamError("is cut short", where=where)
        kind, reserved, index, length = _FRAME.unpack(head)
        body = _opened(data, at, _FRAME.size + length, f"{where} (kind {kind}, index {index})")
        if reserved != 0:
            raise BitstreamError("uses reserved bits", where=where)
        yield Frame(kind, index, body[_FRAME.size :])
        at += len(body) + _CRC.size
        number += 1


def _sealed(body: bytes) -> bytes:
    return body + _CRC.pack(zlib.crc32(body))


def _opened(data: bytes, at: int, length: int, where: str) -> bytes:
    body = data[at : at + length]
    seal = data[at + length : at + length + _CRC.size]
    if len(seal) < _CRC.size:
        raise BitstreamError("is cut short", where=where)
    if _CRC.unpack(seal)[0] != zlib.crc32(body):
        raise BitstreamError("is damaged: its checksum does not match", where=where)
    return body
