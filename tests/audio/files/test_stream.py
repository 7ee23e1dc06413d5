"""A WAV through a pipe has the samples of the same WAV in a file."""

from __future__ import annotations

import io
import os
import threading
from pathlib import Path

import numpy as np
import pytest
import soundfile

from anomaly.audio.files.recordings import read_16k
from anomaly.audio.files.stream import RawFormat, stream_blocks
from anomaly.errors import InputError

X = np.clip(0.2 * np.random.default_rng(0).standard_normal((48_000, 2)), -1, 1)


def encoded(subtype: str = "PCM_16", rate_hz: int = 48_000, container: str = "WAV") -> bytes:
    memory = io.BytesIO()
    soundfile.write(memory, X, rate_hz, subtype=subtype, format=container)
    return memory.getvalue()


def streamed(data: bytes, **options: object) -> np.ndarray:
    return np.concatenate(list(stream_blocks(io.BytesIO(data), **options)))  # type: ignore[arg-type]


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"])
@pytest.mark.parametrize("container", ["WAV", "WAVEX", "RF64"])
def test_the_samples_of_the_file(subtype: str, container: str, tmp_path: Path) -> None:
    data = encoded(subtype, container=container)
    (tmp_path / "a.wav").write_bytes(data)
    np.testing.assert_array_equal(streamed(data), read_16k(tmp_path / "a.wav"))
    np.testing.assert_array_equal(streamed(data, channel=1), read_16k(tmp_path / "a.wav", channel=1))


def test_a_live_pipe_of_unknown_length_and_small_pieces() -> None:
    data = bytearray(encoded())
    data[4:8] = data[40:44] = b"\xff\xff\xff\xff"
    reading, writing = os.pipe()

    def dribble() -> None:
        with open(writing, "wb", buffering=0) as end:
            for start in range(0, len(data), 4_999):
                end.write(data[start : start + 4_999])

    thread = threading.Thread(target=dribble)
    thread.start()
    with open(reading, "rb", buffering=0) as pipe:
        parts = list(stream_blocks(pipe, block_s=0.05))
    thread.join()
    assert {len(part) for part in parts[:-1]} == {800}
    np.testing.assert_array_equal(np.concatenate(parts), streamed(encoded()))


def test_raw_samples() -> None:
    samples = np.arange(-1_000, 1_000, dtype="<i2")
    found = streamed(samples.tobytes(), raw=RawFormat(16_000))
    np.testing.assert_array_equal(found, samples.astype(np.float32) / 2**15)


def test_the_sound_before_an_early_end_is_yielded_and_the_end_is_an_error() -> None:
    blocks = stream_blocks(io.BytesIO(encoded()[:-96_000]), block_s=0.1)
    first = [next(blocks) for _ in range(2)]
    assert all(len(block) == 1_600 for block in first)
    with pytest.raises(InputError, match=r"ended 0\.50 s before the length in its header"):
        list(blocks)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is no WAV"),
        (b"fLaC" + bytes(100), "is no WAV"),
        (encoded()[:30], "ends inside its header"),
        (encoded("ULAW"), "encoding that cannot be read"),
        (encoded(rate_hz=999), "999 Hz"),
        (b"RIFF\0\0\0\0WAVEjunk\xff\xff\xff\xff", "header part of 4294967295 bytes"),
        (b"RIFF\0\0\0\0WAVEdata\0\0\0\0", "does not say its format"),
    ],
)
def test_bad_streams(data: bytes, message: str) -> None:
    with pytest.raises(InputError, match=message):
        streamed(data)


def test_nan() -> None:
    data = bytearray(encoded("FLOAT"))
    data[-16:-12] = np.float32(np.nan).tobytes()
    with pytest.raises(InputError, match="samples that are not sound"):
        streamed(bytes(data))
