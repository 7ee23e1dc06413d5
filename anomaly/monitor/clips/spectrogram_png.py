"""A spectrogram as a small PNG with a palette, written without a drawing library: the monitor has none.

Time goes to the right, one tick a second along the lower edge, mel bands upwards; a line marks a moment.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from anomaly.features.mel import Centibels

Pixels = npt.NDArray[np.uint8]

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_COLOURS = 253
_PAPER, _INK, _MARK = 253, 254, 255
_TICKS = 6
# Contrast: what is 60 dB under the loudest is dark.
_RANGE_CENTIBELS = 6_000
# Corners of the colour map: dark blue, violet, orange, light yellow (after matplotlib's "inferno", CC0).
_CORNERS = ((0, 0, 4), (87, 16, 110), (188, 55, 84), (249, 142, 9), (252, 255, 164))


def spectrogram_png(
    levels: Centibels,
    frames_per_s: float,
    *,
    mark_s: float | None = None,
    height: int = 128,
    words: Mapping[str, str] | None = None,
) -> bytes:
    """Draw levels as a PNG.

    Args:
        levels: [frames, bands], hundredths of a decibel.
        frames_per_s: how many frames a second has.
        mark_s: seconds from the beginning at which a line is drawn.
        height: of the picture without its ticks, at least; a multiple of the bands is taken.
        words: what a viewer of the picture's properties reads, such as ``Title``.
    """
    pixels = _drawn(levels, max(1, -(-height // max(1, levels.shape[1]))))
    width = pixels.shape[1]
    canvas = np.full((len(pixels) + _TICKS, width), _PAPER, np.uint8)
    canvas[: len(pixels)] = pixels
    for second in range(int(width / frames_per_s) + 1):
        length = _TICKS if second % 10 == 0 else _TICKS // 2
        canvas[len(pixels) : len(pixels) + length, min(width - 1, round(second * frames_per_s))] = _INK
    if mark_s is not None and 0 <= mark_s * frames_per_s < width:
        canvas[::2, int(mark_s * frames_per_s)] = _MARK
    return indexed_png(canvas, _palette(), words or {})


def indexed_png(pixels: Pixels, palette: Pixels, words: Mapping[str, str]) -> bytes:
    """Write a PNG (W3C recommendation, third edition) of 8-bit indices into a palette.

    Args:
        pixels: [height, width], indices.
        palette: [at most 256, 3], red, green, blue.
        words: keyword to text.
    """
    height, width = pixels.shape
    header = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    # Each row begins with its filter: none.
    rows = np.concatenate([np.zeros((height, 1), np.uint8), pixels], axis=1).tobytes()
    texts = [
        _chunk(b"tEXt", key.encode("latin-1") + b"\0" + text.encode("latin-1", "replace"))
        for key, text in words.items()
    ]
    return b"".join(
        [
            SIGNATURE,
            _chunk(b"IHDR", header),
            _chunk(b"PLTE", palette.tobytes()),
            *texts,
            _chunk(b"IDAT", zlib.compress(rows, 6)),
            _chunk(b"IEND", b""),
        ]
    )


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def _drawn(levels: Centibels, times: int) -> Pixels:
    """Levels as indices of colour, low bands below, each band ``times`` pixels high."""
    if levels.size == 0:
        return np.full((times, 1), _PAPER, np.uint8)
    top = int(levels.max())
    share = (levels.astype(np.float64) - (top - _RANGE_CENTIBELS)) / _RANGE_CENTIBELS
    indices = np.rint(share.clip(0, 1) * (_COLOURS - 1)).astype(np.uint8)
    return np.repeat(indices.T[::-1], times, axis=0)


def _palette() -> Pixels:
    corners = np.array(_CORNERS, dtype=np.float64)
    places = np.linspace(0, len(corners) - 1, _COLOURS)
    colours = [np.interp(places, np.arange(len(corners)), corners[:, part]) for part in range(3)]
    extra = np.array([(255, 255, 255), (40, 40, 40), (0, 255, 255)])
    return np.concatenate([np.rint(np.stack(colours, axis=1)), extra]).astype(np.uint8)
