"""Frames: anything else than written frames is refused with its place."""

from __future__ import annotations

import struct
import zlib

import pytest

from chip.bitstream.frames import Frame, read_frames, write_frames
from chip.errors import BitstreamError

OURS = bytes(range(32))
FRAMES = [Frame(1, 0, b"abc"), Frame(2, 7, b""), Frame(2, 8, b"\x00\xff")]


def _sealed(body: bytes) -> bytes:
    return body + struct.pack("<I", zlib.crc32(body))


def test_frames_are_read_back() -> None:
    assert read_frames(write_frames(OURS, FRAMES), OURS) == FRAMES
    assert read_frames(write_frames(OURS, []), OURS) == []


def test_every_cut_and_every_flipped_bit_is_refused() -> None:
    data = write_frames(OURS, FRAMES)
    for end in range(len(data)):
        with pytest.raises(BitstreamError):
            read_frames(data[:end], OURS)
    for at in range(len(data) * 8):
        flipped = bytearray(data)
        flipped[at // 8] ^= 1 << at % 8
        with pytest.raises(BitstreamError):
            read_frames(bytes(flipped), OURS)


HEADER = struct.Struct("<8sHH32sI")


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ((b"SNNBITS\x01", 2, 0, OURS, 0), "is not a bitstream"),
        ((b"SNNBITS\x00", 1, 0, OURS, 0), "format version 1; this program reads 2"),
        ((b"SNNBITS\x00", 2, 1, OURS, 0), "format version"),
        ((b"SNNBITS\x00", 2, 0, bytes(32), 0), "another architecture"),
        ((b"SNNBITS\x00", 2, 0, OURS, 2**32 - 1), "holds 0 frames instead of 4294967295"),
    ],
)
def test_wrong_header_with_a_valid_checksum_is_refused(header: tuple[object, ...], words: str) -> None:
    with pytest.raises(BitstreamError, match=words) as caught:
        read_frames(_sealed(HEADER.pack(*header)), OURS)
    assert caught.value.where == "header"


def test_damaged_frame_is_named() -> None:
    header = _sealed(HEADER.pack(b"SNNBITS\x00", 2, 0, OURS, 1))
    with pytest.raises(BitstreamError, match="reserved") as caught:
        read_frames(header + _sealed(struct.pack("<BBII", 2, 1, 0, 0)), OURS)
    assert caught.value.where == "frame 0"
    with pytest.raises(BitstreamError, match="cut short") as caught:
        read_frames(header + _sealed(struct.pack("<BBII", 2, 0, 5, 2**32 - 1)), OURS)
    assert caught.value.where == "frame 0 (kind 2, index 5)"
