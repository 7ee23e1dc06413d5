"""Network files of every format, and errors that name the path."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from chip.arch import ArchSpec
from chip.bitstream import encode
from chip.compiler import compile_network
from chip.errors import BitstreamError, NetworkError
from chip.files import load_network, load_usage
from chip.testing import random_network


def test_all_file_formats_hold_the_same_network(tmp_path: Path, senna: ArchSpec) -> None:
    network = random_network(senna, seed=2)
    contents = {".npz": network.to_npz(), ".json": network.to_json().encode(), ".bit": encode(network, senna)}
    for suffix, content in contents.items():
        path = tmp_path / f"network{suffix}"
        path.write_bytes(content)
        assert load_network(path, senna).same_as(network)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.npz", b"", "not a whole NPZ"),
        ("a.json", b"{}", "lacks"),
        ("a.json", b"\xff\xfe\x00", "not JSON"),
        ("a.txt", b"", "unknown suffix '.txt'"),
    ],
)
def test_malformed_file_is_named(
    tmp_path: Path, name: str, content: bytes, words: str, senna: ArchSpec
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(NetworkError, match=words) as caught:
        load_network(path, senna)
    assert str(caught.value.where).startswith(str(path))


def test_damaged_bitstream_and_missing_file_are_named(tmp_path: Path, senna: ArchSpec) -> None:
    path = tmp_path / "a.bit"
    path.write_bytes(b"no bitstream")
    with pytest.raises(BitstreamError) as caught:
        load_network(path, senna)
    assert caught.value.where == f"{path}: header"
    with pytest.raises(BitstreamError, match="No such file"):
        load_network(tmp_path / "b.bit", senna)
    with pytest.raises(NetworkError, match="No such file"):
        load_network(tmp_path / "b.npz", senna)


def test_too_large_file_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, senna: ArchSpec) -> None:
    monkeypatch.setattr("chip.file_io.MAX_FILE_BYTES", 10)
    path = tmp_path / "a.json"
    path.write_bytes(b"{" * 11)
    with pytest.raises(NetworkError, match="is larger than"):
        load_network(path, senna)


def test_usage_is_read_from_a_bitstream(tmp_path: Path, senna: ArchSpec) -> None:
    compiled = compile_network(random_network(senna, seed=2), senna)
    path = tmp_path / "network.bit"
    path.write_bytes(compiled.bitstream)
    usage = load_usage(path, senna)
    assert usage is not None
    assert np.array_equal(usage, compiled.implementation.routing.usage)
    assert load_usage(tmp_path / "network.npz", senna) is None
