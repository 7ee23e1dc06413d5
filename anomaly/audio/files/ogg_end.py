"""End of an Ogg file: whether its last page is whole and marked as the last of its stream (RFC 3533)."""

from __future__ import annotations

import os
from typing import BinaryIO

from anomaly.audio.files.audio_format import Truncation

_CAPTURE = b"OggS"
_HEADER_BYTES = 27
_END_OF_STREAM = 4
# A page is at most 65,307 bytes long.
_TAIL_BYTES = 2 * 65_307


def ogg_truncation(file: BinaryIO) -> Truncation | None:
    """Return the evidence that an Ogg file is not complete, or None."""
    size = os.fstat(file.fileno()).st_size
    file.seek(max(0, size - _TAIL_BYTES))
    tail = file.read(_TAIL_BYTES)
    at = tail.rfind(_CAPTURE)
    page = tail[at:] if at >= 0 else b""
    if len(page) < _HEADER_BYTES:
        return Truncation("is cut short: it ends within a page of its Ogg stream")
    segments = page[26]
    table = page[_HEADER_BYTES : _HEADER_BYTES + segments]
    if len(table) < segments or len(page) < _HEADER_BYTES + segments + sum(table):
        return Truncation("is cut short: it ends within a page of its Ogg stream")
    if not page[5] & _END_OF_STREAM:
        return Truncation("is cut short: its Ogg stream has no end")
    return None
