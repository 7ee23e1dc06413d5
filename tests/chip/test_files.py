"""Networks and spikes come from files, or a clear error with the path does."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from chip.arch import ArchSpec
from chip.bitstream import encode
from chip.compiler import compile_network
from chip.errors import BitstreamError, NetworkError
from chip.files import load_network, load_usage
from chip.sim.stimulus import load_spikes, random_spikes
from chip.testing import random_network


def test_all_three_kinds_of_file_hold_the_same_network(tmp_path: Path, senna: ArchSpec) -> None:
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
def test_a_bad_file_is_named(tmp_path: Path, name: str, content: bytes, words: str, senna: ArchSpec) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(NetworkError, match=words) as caught:
        load_network(path, senna)
    assert str(caught.value.where).startswith(str(path))


def test_a_bad_bitstream_and_a_missing_file_are_named(tmp_path: Path, senna: ArchSpec) -> None:
    path = tmp_path / "a.bit"
    path.write_bytes(b"no bitstream")
    with pytest.raises(BitstreamError) as caught:
        load_network(path, senna)
    assert caught.value.where == f"{path}: header"
    with pytest.raises(BitstreamError, match="No such file"):
        load_network(tmp_path / "b.bit", senna)
    with pytest.raises(NetworkError, match="No such file"):
        load_network(tmp_path / "b.npz", senna)


def test_a_gigantic_file_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, senna: ArchSpec
) -> None:
    monkeypatch.setattr("chip.file_io.MAX_FILE_BYTES", 10)
    path = tmp_path / "a.json"
    path.write_bytes(b"{" * 11)
    with pytest.raises(NetworkError, match="is larger than"):
        load_network(path, senna)


def test_spikes_come_from_npy_files(tmp_path: Path) -> None:
    spikes = random_spikes(3, 20, streams=2)
    np.save(tmp_path / "many.npy", spikes)
    np.save(tmp_path / "one.npy", spikes[:, 0])
    np.testing.assert_array_equal(load_spikes(tmp_path / "many.npy"), spikes)
    np.testing.assert_array_equal(load_spikes(tmp_path / "one.npy"), spikes[:, :1])


def test_files_without_spikes_are_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "flat.npy", np.zeros(3))
    np.save(tmp_path / "objects.npy", np.array([None]), allow_pickle=True)
    (tmp_path / "text.npy").write_text("no array")
    np.save(tmp_path / "short.npy", np.zeros((20, 3), np.int8))
    (tmp_path / "short.npy").write_bytes((tmp_path / "short.npy").read_bytes()[:-1])
    for name in ("flat", "objects", "text", "short", "missing"):
        with pytest.raises(NetworkError) as caught:
            load_spikes(tmp_path / f"{name}.npy")
        assert f"{name}.npy" in str(caught.value.where)


def test_random_spikes_repeat_and_keep_their_rate() -> None:
    spikes = random_spikes(10, 1000, streams=4, rate=0.3, seed=1)
    assert spikes.shape == (1000, 4, 10)
    assert spikes.dtype == np.int8
    assert set(np.unique(spikes)) == {-1, 0, 1}
    assert np.count_nonzero(spikes) / spikes.size == pytest.approx(0.3, abs=0.01)
    np.testing.assert_array_equal(spikes, random_spikes(10, 1000, streams=4, rate=0.3, seed=1))


def test_a_bitstream_says_how_full_its_channels_are(tmp_path: Path, senna: ArchSpec) -> None:
    compiled = compile_network(random_network(senna, seed=2), senna)
    path = tmp_path / "network.bit"
    path.write_bytes(compiled.bitstream)
    usage = load_usage(path, senna)
    assert usage is not None
    assert np.array_equal(usage, compiled.implementation.routing.usage)
    assert load_usage(tmp_path / "network.npz", senna) is None
