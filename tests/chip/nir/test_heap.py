"""Texts of HDF5 files: read as HDF5 reads them, in bounded time and memory if damaged."""

from __future__ import annotations

import io

import h5py
import pytest

from chip.errors import NetworkError
from chip.nir.hdf5 import read_tree
from chip.nir.heap import ENTRY_BYTES, GlobalHeap

WORDS = ["", "a", "edge", "x" * 5000, "größer", *(f"node {at}" for at in range(300))]


def written() -> tuple[bytes, int]:
    """Return a file with texts, and the offset of their entries."""
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        file.create_group("node").create_dataset("words", data=WORDS, dtype=h5py.string_dtype())
        file["node"].create_dataset("pairs", data=[["a", "b"], ["c", "d"]], dtype=h5py.string_dtype())
        file["node"].create_dataset("one", data="alone", dtype=h5py.string_dtype())
        file["node"].create_dataset("fixed", data=b"six")
        start = file["node/words"].id.get_offset()
    return buffer.getvalue(), start


def test_texts_are_read_back() -> None:
    data, start = written()
    heap = GlobalHeap(data)
    assert [heap.read(start + at * ENTRY_BYTES, "words").decode() for at in range(len(WORDS))] == WORDS
    tree = read_tree(data)
    assert (tree["one"], tree["fixed"], tree["pairs"]) == ("alone", "six", [["a", "b"], ["c", "d"]])
    assert tree["words"] == [WORDS]


@pytest.mark.parametrize(
    ("at", "value", "words"),
    [
        (0, b"\xf0\xff\xff\xff", "longer than what the file holds"),
        (4, b"\xff" * 8, "leads to no text"),
        (4, b"\x08" + bytes(7), "leads to no text"),
        (12, b"\xff\xff\x00\x00", "longer than what the file holds"),
    ],
)
def test_invalid_entries_are_refused(at: int, value: bytes, words: str) -> None:
    data, start = written()
    entry = start + 2 * ENTRY_BYTES
    spoilt = data[: entry + at] + value + data[entry + at + len(value) :]
    with pytest.raises(NetworkError, match=words):
        read_tree(spoilt)


def test_object_of_size_zero_does_not_loop_for_ever() -> None:
    data, start = written()
    address = int.from_bytes(data[start + ENTRY_BYTES + 4 : start + ENTRY_BYTES + 12], "little")
    assert data[address : address + 4] == b"GCOL"
    spoilt = data[: address + 24] + bytes(8) + data[address + 32 :]
    with pytest.raises(NetworkError):
        read_tree(spoilt)


def test_long_text_with_many_entries_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    data, start = written()
    long = data[start + 3 * ENTRY_BYTES : start + 4 * ENTRY_BYTES]
    monkeypatch.setattr("chip.nir.hdf5.MAX_BYTES", 100_000)
    spoilt = data[:start] + long * len(WORDS) + data[start + len(WORDS) * ENTRY_BYTES :]
    with pytest.raises(NetworkError, match="would make more than"):
        read_tree(spoilt)


def test_too_many_objects_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    data, _ = written()
    monkeypatch.setattr("chip.nir.heap.MAX_OBJECTS", 100)
    with pytest.raises(NetworkError, match="more than 100 texts"):
        read_tree(data)
