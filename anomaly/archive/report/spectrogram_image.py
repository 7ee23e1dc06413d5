"""Mel spectrogram of a file of an archive as a PNG within the page."""

from __future__ import annotations

import base64
import struct
import zlib
from itertools import islice

import numpy as np
import numpy.typing as npt

from anomaly.archive.archive_file import ArchiveFile
from anomaly.archive.sources.opening import FileOpener
from anomaly.audio.files.recordings import blocks
from anomaly.errors import AnomalyError
from anomaly.features.mel import N_MELS, mel_power, pool

# Longer sound makes a picture wider than a page.
_SECONDS = 20
_RANGE_CB = 6_000


def spectrogram_uri(path: str, endpoint: str | None = None) -> str | None:
    """Return the picture of the first seconds of a file as a data address; None where the file cannot be read."""
    try:
        with FileOpener(endpoint) as opener, opener.local_path(ArchiveFile(path)) as local:
            sound = np.concatenate(list(islice(blocks(local, block_s=1.0, truncated=True), _SECONDS)))
    except (AnomalyError, ValueError):
        return None
    levels = pool(mel_power(sound), N_MELS)
    if not len(levels):
        return None
    highest = int(levels.max())
    shades = np.clip((levels - (highest - _RANGE_CB)) * 255 // _RANGE_CB, 0, 255).astype(np.uint8)
    return "data:image/png;base64," + base64.b64encode(png(255 - shades.T[::-1])).decode()


def png(pixels: npt.NDArray[np.uint8]) -> bytes:
    """Encode shades of grey [rows, columns] as a PNG."""
    rows, columns = pixels.shape
    raw = b"".join(b"\0" + row.tobytes() for row in np.ascontiguousarray(pixels))
    header = struct.pack(">IIBBBBB", columns, rows, 8, 0, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(raw, 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, data) for name, data in parts)


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
