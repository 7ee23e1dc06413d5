"""Framing of a bitstream: a header and addressed frames, each with its own checksum."""

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
        kind: resource that the payload configures.
        index: number of that resource.
        payload: field values as packed bits.
    """

    kind: int
    index: int
    payload: bytes


def write_frames(fingerprint: bytes, frames: Iterable[Frame]) -> bytes:
    """Write a bitstream for the architecture with this fingerprint (32 bytes)."""
    bodies = [_with_checksum(_FRAME.pack(f.kind, 0, f.index, len(f.payload)) + f.payload) for f in frames]
    return _with_checksum(_HEADER.pack(MAGIC, FORMAT_VERSION, 0, fingerprint, len(bodies))) + b"".join(bodies)


def read_frames(data: bytes, fingerprint: bytes) -> list[Frame]:
    """Read the frames of a bitstream; nothing is allocated that the data does not hold.

    Raises:
        BitstreamError: damaged, cut, of another version or architecture; names header or frame.
    """
    header = _without_checksum(data, 0, _HEADER.size, "header")
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
        body = _without_checksum(data, at, _FRAME.size + length, f"{where} (kind {kind}, index {index})")
        if reserved != 0:
            raise BitstreamError("uses reserved bits", where=where)
        yield Frame(kind, index, body[_FRAME.size :])
        at += len(body) + _CRC.size
        number += 1


def _with_checksum(body: bytes) -> bytes:
    return body + _CRC.pack(zlib.crc32(body))


def _without_checksum(data: bytes, at: int, length: int, where: str) -> bytes:
    body = data[at : at + length]
    checksum = data[at + length : at + length + _CRC.size]
    if len(checksum) < _CRC.size:
        raise BitstreamError("is cut short", where=where)
    if _CRC.unpack(checksum)[0] != zlib.crc32(body):
        raise BitstreamError("is damaged: its checksum does not match", where=where)
    return body
