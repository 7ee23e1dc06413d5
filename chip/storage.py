"""Network columns as NPZ or JSON; reading validates every byte."""

from __future__ import annotations

import io
import json
import struct
import zipfile
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chip.errors import NetworkError
from chip.file_io import MAX_FILE_BYTES

FORMAT = "spiking-network"
VERSION = 1
INTEGERS = ("theta_p", "theta_n", "negative", "w_fb", "decay", "source", "target", "weight", "outputs")
NAMES = ("labels", "input_labels")
_EPOCH = (1980, 1, 1, 0, 0, 0)
# Exceptions that zipfile was observed to raise on archives with flipped bits.
_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,
    OSError,
    OverflowError,
    RuntimeError,
    ValueError,
)


def pack_npz(columns: Mapping[str, Any]) -> bytes:
    """Serialise the columns as a compressed NPZ file; equal columns give equal bytes."""
    members: dict[str, NDArray[Any]] = {"version": np.array([VERSION], dtype="<i4")}
    members["n_inputs"] = np.array([columns["n_inputs"]], dtype="<i4")
    members |= {name: columns[name].astype("<i4") for name in INTEGERS}
    for name in NAMES:
        members[name] = np.frombuffer(json.dumps(list(columns[name])).encode(), dtype=np.uint8)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, array in members.items():
            member = io.BytesIO()
            np.lib.format.write_array(member, array, version=(1, 0), allow_pickle=False)
            # A fixed date, because the bytes of a bundle's file go into its fingerprint.
            info = zipfile.ZipInfo(f"{name}.npy", date_time=_EPOCH)
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, member.getvalue())
    return buffer.getvalue()


def unpack_npz(data: bytes) -> dict[str, Any]:
    """Read the columns of an NPZ file; ``numpy.load`` is not used because it trusts the sizes in the header.

    Raises:
        NetworkError: damaged, too large, an unknown version, or a member missing or not expected.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = _members(archive)
    except _DAMAGE as error:
        raise NetworkError(f"is not a whole NPZ file: {error}", where="npz") from error
    expected = {"version", "n_inputs", *INTEGERS, *NAMES}
    _check_names(set(members), expected, "npz")
    _check_version(_scalar(members, "version"))
    columns: dict[str, Any] = {"n_inputs": _scalar(members, "n_inputs")}
    columns |= {name: members[name] for name in INTEGERS}
    for name in NAMES:
        columns[name] = _names(name, _parse(members[name].tobytes(), name))
    return columns


def pack_json(columns: Mapping[str, Any]) -> str:
    """Serialise the columns as JSON text, one line per column."""
    rows: dict[str, Any] = {"format": FORMAT, "version": VERSION, "n_inputs": columns["n_inputs"]}
    rows |= {name: columns[name].astype(int).tolist() for name in INTEGERS}
    rows |= {name: list(columns[name]) for name in NAMES}
    return (
        "{\n" + ",\n".join(f"  {json.dumps(name)}: {json.dumps(row)}" for name, row in rows.items()) + "\n}\n"
    )


def unpack_json(text: str | bytes) -> dict[str, Any]:
    """Read what ``pack_json`` wrote; the names may be left out.

    Raises:
        NetworkError: no JSON, an unknown version, a key missing or not expected, or not integers.
    """
    rows = _parse(text, "json")
    if not isinstance(rows, dict):
        raise NetworkError("is not a JSON object", where="json")
    rows = {**{name: [] for name in NAMES}, **rows}
    _check_names(set(rows), {"format", "version", "n_inputs", *INTEGERS, *NAMES}, "json")
    if rows["format"] != FORMAT:
        raise NetworkError(f"is {rows['format']!r} instead of {FORMAT!r}", where="format")
    _check_version(rows["version"])
    if type(rows["n_inputs"]) is not int:
        raise NetworkError("is not an integer", where="n_inputs")
    columns: dict[str, Any] = {"n_inputs": rows["n_inputs"]}
    columns |= {name: _integers(name, rows[name]) for name in INTEGERS}
    columns |= {name: _names(name, rows[name]) for name in NAMES}
    return columns


def _members(archive: zipfile.ZipFile) -> dict[str, NDArray[Any]]:
    members: dict[str, NDArray[Any]] = {}
    if sum(info.file_size for info in archive.infolist()) > MAX_FILE_BYTES:
        raise NetworkError(f"would unpack to more than {MAX_FILE_BYTES >> 20} MiB", where="npz")
    for info in archive.infolist():
        name = info.filename.removesuffix(".npy")
        if name in members:
            raise NetworkError("is there twice", where=info.filename)
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise NetworkError("is packed in an unknown way", where=info.filename)
        members[name] = _array(info.filename, archive.read(info))
    return members


def _array(name: str, data: bytes) -> NDArray[Any]:
    stream = io.BytesIO(data)
    try:
        version = np.lib.format.read_magic(stream)
        if version != (1, 0):
            raise ValueError(f"array format {version}")
        shape, _, dtype = np.lib.format.read_array_header_1_0(stream)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError) as error:
        raise NetworkError(f"is not an array: {error}", where=name) from error
    body = data[stream.tell() :]
    if len(shape) != 1 or dtype.kind not in ("b", "i", "u") or shape[0] * dtype.itemsize != len(body):
        raise NetworkError("is not one row of integers of the length it states", where=name)
    return np.frombuffer(body, dtype=dtype)


def _scalar(members: Mapping[str, NDArray[Any]], name: str) -> int:
    if members[name].size != 1:
        raise NetworkError("is not a single number", where=name)
    return int(members[name][0])


def _parse(text: str | bytes, where: str) -> Any:
    if len(text) > MAX_FILE_BYTES:
        raise NetworkError(f"is longer than {MAX_FILE_BYTES >> 20} MiB", where=where)
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise NetworkError(f"is not JSON: {error}", where=where) from error


def _check_names(found: set[str], expected: set[str], where: str) -> None:
    if missing := sorted(expected - found):
        raise NetworkError(f"lacks {', '.join(missing)}", where=where)
    if surplus := sorted(found - expected):
        raise NetworkError(f"has unknown parts: {', '.join(surplus)[:200]}", where=where)


def _check_version(version: Any) -> None:
    if type(version) is not int or version != VERSION:
        raise NetworkError(f"is {version!r}; this program reads {VERSION}", where="version")


def _integers(name: str, values: Any) -> list[int]:
    if not isinstance(values, list):
        raise NetworkError("is not a list", where=name)
    for at, value in enumerate(values):
        if type(value) not in (int, bool):
            raise NetworkError(f"is {value!r}, not an integer"[:200], where=f"{name}[{at}]")
    return values


def _names(name: str, values: Any) -> tuple[str, ...]:
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise NetworkError("is not a list of names", where=name)
    return tuple(values)
