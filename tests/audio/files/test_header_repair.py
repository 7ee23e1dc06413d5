"""Files whose program never came back to the header are read to their end."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile

from anomaly.audio.files.recordings import read

X = 0.1 * np.random.default_rng(0).standard_normal(32_000)
DATA = (X * 32_768).astype("<i2").tobytes()
FORM = struct.pack("<HHIIHH", 1, 1, 16_000, 32_000, 2, 16)


def chunk(name: bytes, body: bytes) -> bytes:
    return name + struct.pack("<I", len(body)) + body


def samples(path: Path) -> np.ndarray:
    return np.round(read(path).samples * 32_768).astype("<i2")


@pytest.mark.parametrize("size", [0, 0xFFFFFFFF, 0x7FFFF000, 0x80000000])
def test_a_wav_with_a_placeholder(size: int, tmp_path: Path) -> None:
    header = b"RIFF\0\0\0\0WAVE" + chunk(b"fmt ", FORM) + b"data" + struct.pack("<I", size)
    (tmp_path / "a.wav").write_bytes(header + DATA)
    assert samples(tmp_path / "a.wav").tobytes() == DATA


@pytest.mark.parametrize("size", [0, 2**64 - 1])
def test_an_rf64_with_a_placeholder(size: int, tmp_path: Path) -> None:
    long_sizes = chunk(b"ds64", struct.pack("<QQQI", size, size, size, 0))
    header = b"RF64\xff\xff\xff\xffWAVE" + long_sizes + chunk(b"fmt ", FORM) + b"data\xff\xff\xff\xff"
    (tmp_path / "a.wav").write_bytes(header + DATA)
    assert samples(tmp_path / "a.wav").tobytes() == DATA


def test_an_rf64_whose_sizes_were_never_written(tmp_path: Path) -> None:
    header = b"RF64\xff\xff\xff\xffWAVE" + chunk(b"JUNK", bytes(28)) + chunk(b"fmt ", FORM)
    (tmp_path / "a.wav").write_bytes(header + b"data\xff\xff\xff\xff" + DATA)
    assert samples(tmp_path / "a.wav").tobytes() == DATA


def test_an_au_of_size_0(tmp_path: Path) -> None:
    path = tmp_path / "a.au"
    soundfile.write(path, X, 16_000, subtype="PCM_16")
    expected = samples(path)
    data = bytearray(path.read_bytes())
    data[8:12] = bytes(4)
    path.write_bytes(data)
    np.testing.assert_array_equal(samples(path), expected)


@pytest.mark.parametrize("padding", [b"\0", b" ", b""])
def test_a_chunk_of_odd_length_with_or_without_padding(padding: bytes, tmp_path: Path) -> None:
    odd = chunk(b"guan", b"GUANO|Version:1.0") + padding
    header = b"RIFF\0\0\0\0WAVE" + chunk(b"fmt ", FORM) + odd
    (tmp_path / "a.wav").write_bytes(header + chunk(b"data", DATA))
    assert samples(tmp_path / "a.wav").tobytes() == DATA


def test_a_caf_of_unknown_length(tmp_path: Path) -> None:
    path = tmp_path / "a.caf"
    soundfile.write(path, X, 16_000, subtype="PCM_16")
    expected = samples(path)
    data = bytearray(path.read_bytes())
    at = data.index(b"data") + 4
    data[at : at + 8] = struct.pack(">q", -1)
    path.write_bytes(data)
    assert samples(path)[: len(expected)].tobytes() == expected.tobytes()
