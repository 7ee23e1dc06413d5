"""The picture: a PNG that another program reads, with the loud where it belongs."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
from matplotlib import image

from anomaly.monitor.clips.spectrogram_png import SIGNATURE, indexed_png, spectrogram_png


def test_another_program_reads_it() -> None:
    levels = np.full((62, 32), -6_000, np.int32)
    levels[31:, 8] = 0
    picture = image.imread(io.BytesIO(spectrogram_png(levels, 31.25, mark_s=1.0)), format="png")
    assert picture.shape[:2] == (128 + 6, 62)
    bright = picture[:128, :, :3].sum(axis=2)
    # Band 8 of 32 lies at a quarter of the height, from below; it is loud in the second half.
    assert set(np.unique(np.nonzero(bright[:, 40] > 2)[0])) == set(range(128 - 36, 128 - 32))
    assert bright[:, 10].max() < 0.5
    # The mark is a dotted line one second in.
    assert np.allclose(picture[0:128:2, 31, :3], (0, 1, 1))


def test_it_holds_words_and_sound_checksums() -> None:
    data = spectrogram_png(np.zeros((3, 4), np.int32), 31.25, words={"Title": "pump, case ab"})
    assert data.startswith(SIGNATURE)
    names, at = [], len(SIGNATURE)
    while at < len(data):
        (length,) = struct.unpack(">I", data[at : at + 4])
        body = data[at + 4 : at + 8 + length]
        assert zlib.crc32(body) == struct.unpack(">I", data[at + 8 + length : at + 12 + length])[0]
        names.append(body[:4])
        at += 12 + length
    assert names == [b"IHDR", b"PLTE", b"tEXt", b"IDAT", b"IEND"]
    assert b"Title\0pump, case ab" in data


def test_nothing_to_draw() -> None:
    picture = image.imread(io.BytesIO(spectrogram_png(np.zeros((0, 32), np.int32), 31.25)), format="png")
    assert picture.size > 0


def test_indices_are_colours() -> None:
    palette = np.array([(255, 0, 0), (0, 0, 255)], np.uint8)
    picture = image.imread(io.BytesIO(indexed_png(np.array([[0, 1]], np.uint8), palette, {})), format="png")
    assert picture[0, :, :3].tolist() == [[1, 0, 0], [0, 0, 1]]
