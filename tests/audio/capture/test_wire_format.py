"""Messages are decoded from pieces of any length."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anomaly.audio.capture.wire_format import Failure, RawBlock, StreamStart, Unpacker, pack

MESSAGES = [
    StreamStart(48_000, 2, "Mikrofon für Pumpe"),
    RawBlock(0, 0, 1.5, False, bytes(range(16))),
    RawBlock(1, 2**40, 1e9, True, b""),
    Failure("was lost", None),
    Failure("is busy", "stop the other program"),
]


@given(st.integers(1, 50))
def test_pieces_of_any_length(size: int) -> None:
    stream = b"".join(pack(message) for message in MESSAGES)
    unpacker, found = Unpacker(), []
    for start in range(0, len(stream), size):
        unpacker.feed(stream[start : start + size])
        while (message := unpacker.next()) is not None:
            found.append(message)
    assert found == MESSAGES


@pytest.mark.parametrize("noise", [b"ALSA lib: warning\n", b"BLCK\xff\xff\xff\xff"])
def test_bytes_that_are_no_frame_are_refused(noise: bytes) -> None:
    unpacker = Unpacker()
    unpacker.feed(noise)
    with pytest.raises(ValueError, match="no frame"):
        unpacker.next()
