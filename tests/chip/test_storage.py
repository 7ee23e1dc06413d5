"""Network files as NPZ and JSON: damaged and malformed content is refused."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from chip.errors import NetworkError
from chip.network import Network

MakeNetwork = Callable[..., Network]


def _rewritten(data: bytes, changes: dict[str, bytes | None]) -> bytes:
    """The archive with members replaced, added, or (None) left out."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members: dict[str, bytes | None] = {name: archive.read(name) for name in archive.namelist()}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in (members | changes).items():
            if body is not None:
                archive.writestr(name, body)
    return buffer.getvalue()


def _array(values: Any) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.asarray(values))
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"weight.npy": None}, "lacks weight"),
        ({"extra.npy": _array([1])}, "unknown parts: extra"),
        ({"version.npy": _array([9])}, "is 9; this program reads 1"),
        ({"n_inputs.npy": _array([1, 2])}, "single number"),
        ({"weight.npy": b"no array"}, "not an array"),
        ({"weight.npy": _array(np.array(["a"], dtype=object))}, "not one row of integers"),
        ({"weight.npy": _array([1.0, 2.0])}, "not one row of integers"),
        ({"labels.npy": _array(np.frombuffer(b"[1]", np.uint8))}, "not a list of names"),
        # A header that states 8 TB: nothing of that size may be allocated.
        ({"weight.npy": _array([1] * 1111).replace(b"(1111,)", b"(1" + b"0" * 12 + b",)")[:200]}, "length"),
    ],
)
def test_damaged_npz_is_refused(
    make_network: MakeNetwork, changes: dict[str, bytes | None], words: str
) -> None:
    with pytest.raises(NetworkError, match=words):
        Network.from_npz(_rewritten(make_network().to_npz(), changes))


def test_every_cut_or_flipped_bit_is_refused_or_reads_as_a_network(make_network: MakeNetwork) -> None:
    data = make_network().to_npz()
    for end in range(0, len(data), 7):
        with pytest.raises(NetworkError):
            Network.from_npz(data[:end])
    for at in range(0, len(data), 3):
        flipped = bytearray(data)
        flipped[at] ^= 1 << at % 8
        try:
            Network.from_npz(bytes(flipped))
        except NetworkError:
            continue


def test_npz_that_unpacks_to_too_much_is_refused(
    make_network: MakeNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chip.storage.MAX_FILE_BYTES", 1000)
    with pytest.raises(NetworkError, match="unpack to more"):
        Network.from_npz(make_network().to_npz())


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"version": 2}, "this program reads 1"),
        ({"version": True}, "this program reads 1"),
        ({"format": "nir"}, "'nir' instead of"),
        ({"theta_p": [1, 2, "3"]}, "not an integer"),
        ({"theta_p": [1, 2, None]}, "not an integer"),
        ({"theta_p": {"a": 1}}, "not a list"),
        ({"n_inputs": "2"}, "not an integer"),
        ({"labels": [1, 2, 3]}, "not a list of names"),
        ({"colour": 1}, "unknown parts: colour"),
    ],
)
def test_malformed_json_is_refused(make_network: MakeNetwork, changes: dict[str, Any], words: str) -> None:
    rows = json.loads(make_network().to_json()) | changes
    with pytest.raises(NetworkError, match=words):
        Network.from_json(json.dumps(rows))


@pytest.mark.parametrize("text", ["", "[]", "{", "[" * 100_000, b"\xff\xfe\x00"])
def test_text_that_is_not_json_is_refused(text: str | bytes) -> None:
    with pytest.raises(NetworkError):
        Network.from_json(text)
