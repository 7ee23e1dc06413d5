"""Readback: the differing cell, pad or channel and its field are named."""

from __future__ import annotations

import pytest

from chip.arch import ArchSpec
from chip.bitstream import encode
from chip.bitstream.frames import Frame, read_frames, write_frames
from chip.bitstream.readback import differences
from chip.builder import NetworkBuilder
from chip.errors import BitstreamError


@pytest.fixture
def written(senna: ArchSpec) -> bytes:
    builder = NetworkBuilder(n_inputs=1)
    builder.connect(0, builder.add_neuron(theta_p=3), 2)
    builder.output(0)
    return encode(builder.build(), senna)


def changed(data: bytes, senna: ArchSpec, number: int, frame: Frame | None) -> bytes:
    frames = read_frames(data, senna.fingerprint())
    frames[number : number + 1] = [] if frame is None else [frame]
    return write_frames(senna.fingerprint(), frames)


def test_equal_bitstreams_have_no_differences(written: bytes, senna: ArchSpec) -> None:
    assert differences(written, written, senna) == []


def test_differing_cell_and_field_are_named(written: bytes, senna: ArchSpec) -> None:
    cell = read_frames(written, senna.fingerprint())[1]
    # The number of a neuron takes 10 bits, so its threshold starts in the second byte.
    payload = bytearray(cell.payload)
    payload[1] ^= 1 << 2
    found = differences(
        written, changed(written, senna, 1, Frame(cell.kind, cell.index, bytes(payload))), senna
    )
    assert len(found) == 1
    assert found[0].startswith("cell (")
    assert found[0].endswith("theta_p is 2, written was 3")


def test_missing_and_additional_frames_are_named(written: bytes, senna: ArchSpec) -> None:
    last = read_frames(written, senna.fingerprint())[-1]
    end = len(read_frames(written, senna.fingerprint())) - 1
    without = changed(written, senna, end, None)
    assert [words.startswith("channel ") for words in differences(written, without, senna)] == [True]
    assert "was written, but is not in use" in differences(written, without, senna)[0]
    assert "is in use, but was not written" in differences(without, written, senna)[0]
    short = changed(written, senna, end, Frame(last.kind, last.index, b"12"))
    assert "bytes that mean nothing" in differences(written, short, senna)[0]
    unknown = changed(written, senna, 0, Frame(77, 5, b""))
    assert "frame of kind 77, index 5: is in use" in " ".join(differences(written, unknown, senna))


def test_order_and_padding_bits_are_compared(written: bytes, senna: ArchSpec) -> None:
    frames = read_frames(written, senna.fingerprint())
    swapped = write_frames(senna.fingerprint(), [*frames[1:], frames[0]])
    assert differences(written, swapped, senna) == ["frames: in another order, or more than once"]
    pad = next(frame for frame in frames if frame.kind == 4)
    filled = changed(written, senna, frames.index(pad), Frame(4, pad.index, bytes([pad.payload[0] | 0x80])))
    assert "fill up the last byte" in differences(written, filled, senna)[0]


def test_damaged_bitstream_is_refused(written: bytes, senna: ArchSpec) -> None:
    with pytest.raises(BitstreamError, match="checksum"):
        differences(written, written[:-1] + bytes([written[-1] ^ 1]), senna)
