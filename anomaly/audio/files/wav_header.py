"""Header of a WAV (RIFF and RF64), read front to back, so that a pipe can be read as well as a file."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import BinaryIO

from anomaly.errors import InputError

_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
# Programs that write to a pipe do not know the length: ffmpeg writes 0xFFFFFFFF, sox and arecord about 2 GiB.
_UNKNOWN_FROM_BYTES = 0x7FFF_0000
_MAX_SKIPPED_BYTES = 64 * 2**20


@dataclass(frozen=True)
class WavHeader:
    """Format and number of the samples that follow the header.

    ``data_bytes`` is None where the writer did not know it; ``encoding`` is "pcm", "float" or "other".
    """

    sample_rate_hz: int
    channels: int
    bits: int
    encoding: str
    frame_bytes: int
    data_bytes: int | None


def read_header(file: BinaryIO, *, where: object) -> WavHeader | None:
    """Read up to the first sample; None if the file is no WAV (only 12 bytes are read then).

    Raises:
        InputError: it starts like a WAV and ends before its first sample, or has no format.
    """
    start = _read(file, 12)
    if len(start) < 12 or start[:4] not in (b"RIFF", b"RF64") or start[8:] != b"WAVE":
        return None
    form: bytes | None = None
    long_data_bytes: int | None = None
    while True:
        head = _read(file, 8)
        if len(head) < 8:
            raise InputError("is a WAV that ends inside its header", where=where)
        name, size = head[:4], int(struct.unpack("<I", head[4:])[0])
        if name == b"data":
            break
        if size > _MAX_SKIPPED_BYTES:
            raise InputError(f"has a header part of {size} bytes, which no WAV needs", where=where)
        body = _read(file, size + size % 2)
        if name == b"fmt ":
            form = body
        elif name == b"ds64" and len(body) >= 16:
            long_data_bytes = int(struct.unpack("<Q", body[8:16])[0])
    if form is None or len(form) < 16:
        raise InputError("is a WAV that does not say its format", where=where)
    if long_data_bytes is None:
        known = 0 < size < _UNKNOWN_FROM_BYTES
        return _header(form, size if known else None)
    return _header(form, long_data_bytes)


def _header(form: bytes, data_bytes: int | None) -> WavHeader:
    tag, channels, rate_hz, _, frame_bytes, bits = struct.unpack("<HHIIHH", form[:16])
    if tag == _EXTENSIBLE and len(form) >= 26:
        tag = struct.unpack("<H", form[24:26])[0]
    encoding = {_PCM: "pcm", _FLOAT: "float"}.get(tag, "other")
    return WavHeader(rate_hz, channels, bits, encoding, frame_bytes, data_bytes)


def _read(file: BinaryIO, count: int) -> bytes:
    """Read exactly ``count`` bytes unless the file ends: one read of a pipe may return fewer."""
    parts = []
    while count > 0:
        part = file.read(count)
        if not part:
            break
        parts.append(part)
        count -= len(part)
    return b"".join(parts)
