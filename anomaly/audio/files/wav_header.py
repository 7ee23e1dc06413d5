"""Header of a WAV (RIFF and RF64), read front to back, so that a pipe can be read as well as a file."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import BinaryIO

from anomaly.errors import InputError

_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
# Sizes written by programs that do not know the length: 0 (a header that was never completed), ffmpeg and flac
# (0xFFFFFFFF, without or less the 36 or 44 bytes of the header), sox and mplayer (0x7FFFF000), GStreamer (0x7FFF0000),
# arecord (0x80000000, older 0x7FFFFF00), and the largest signed number, also less a header.
_PLACEHOLDER_BYTES = frozenset(
    (0, 0x7FFF0000, 0x7FFFF000, 0x7FFFFF00, 0x7FFFFFFF, 0x7FFFFFDB, 0x7FFFFFD3, 0x80000000)
) | frozenset((0xFFFFFFFF, 0xFFFFFFDB, 0xFFFFFFD3))
_LONG_PLACEHOLDER_BYTES = frozenset((0, 2**64 - 1))
# In RIFF the size of a file of 4 GiB and more; the true one is in the ds64 chunk.
_IN_DS64 = 0xFFFFFFFF
_MAX_SKIPPED_BYTES = 64 * 2**20
# Chunks that follow a chunk of odd length where a writer forgot its padding byte (without their first letter).
_CHUNK_TAILS = (b"ata", b"mt ", b"act", b"IST", b"ext", b"unk", b"UNK", b"XML")


@dataclass(frozen=True)
class WavHeader:
    """Format and number of the samples that follow the header.

    ``data_bytes`` is None where the writer did not know it; ``encoding`` is "pcm", "float" or "other".
    ``form`` is the content of the ``fmt`` chunk; ``regular`` is False where a chunk lacks its padding byte.
    """

    sample_rate_hz: int
    channels: int
    bits: int
    encoding: str
    frame_bytes: int
    data_bytes: int | None
    bytes_per_s: int = 0
    form: bytes = b""
    zero_size: bool = False
    regular: bool = True


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
    carried, regular = b"", True
    while True:
        head = carried + _read(file, 8 - len(carried))
        carried = b""
        if len(head) < 8:
            raise InputError("is a WAV that ends inside its header", where=where)
        name, size = head[:4], int(struct.unpack("<I", head[4:])[0])
        if name == b"data":
            break
        if size > _MAX_SKIPPED_BYTES:
            raise InputError(f"has a header part of {size} bytes, which no WAV needs", where=where)
        body = _read(file, size)
        if size % 2:
            carried = _unpadded(file)
            regular = regular and not carried
        if name == b"fmt ":
            form = body
        elif name == b"ds64" and len(body) >= 16:
            long_data_bytes = int(struct.unpack("<Q", body[8:16])[0])
    if form is None or len(form) < 16:
        raise InputError("is a WAV that does not say its format", where=where)
    if start[:4] == b"RF64" and long_data_bytes is None and size == _IN_DS64:
        long_data_bytes = 0  # the chunk was never written
    return _header(form, size, long_data_bytes, regular)


def _unpadded(file: BinaryIO) -> bytes:
    """Read the padding byte after a chunk of odd length; return the bytes that belong to the next chunk, if any."""
    padding = _read(file, 1)
    if padding in (b"", b"\0"):
        return b""
    following = _read(file, 3)
    if following in _CHUNK_TAILS:
        return padding + following
    # A padding byte other than 0 is allowed by most readers; then a chunk begins after it.
    return following


def _header(form: bytes, size: int, long_data_bytes: int | None, regular: bool) -> WavHeader:
    tag, channels, rate_hz, bytes_per_s, frame_bytes, bits = struct.unpack("<HHIIHH", form[:16])
    if tag == _EXTENSIBLE and len(form) >= 26:
        tag = struct.unpack("<H", form[24:26])[0]
    encoding = {_PCM: "pcm", _FLOAT: "float"}.get(tag, "other")
    in_ds64 = long_data_bytes is not None and size == _IN_DS64
    declared = long_data_bytes if in_ds64 else size
    unknown = declared in (_LONG_PLACEHOLDER_BYTES if in_ds64 else _PLACEHOLDER_BYTES)
    return WavHeader(
        rate_hz,
        channels,
        bits,
        encoding,
        frame_bytes,
        None if unknown else declared,
        bytes_per_s,
        form,
        zero_size=unknown and (in_ds64 or declared == 0),
        regular=regular,
    )


def canonical_header(form: bytes, data_bytes: int) -> bytes:
    """Return a WAV header (RF64 from 4 GiB) for samples of a known length.

    Args:
        form: content of the ``fmt`` chunk.
        data_bytes: length of the samples.
    """
    padding = b"\0" * (len(form) % 2)
    fmt = b"fmt " + struct.pack("<I", len(form)) + form + padding
    total = 4 + len(fmt) + 8 + data_bytes
    if total < _IN_DS64:
        return b"RIFF" + struct.pack("<I", total) + b"WAVE" + fmt + b"data" + struct.pack("<I", data_bytes)
    long_sizes = b"ds64" + struct.pack("<IQQQI", 28, total + 36, data_bytes, 0, 0)
    return b"RF64\xff\xff\xff\xffWAVE" + long_sizes + fmt + b"data\xff\xff\xff\xff"


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
