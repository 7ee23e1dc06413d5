"""Reads the HDF5 file of a NIR graph into plain values, without trusting a byte of it.

The reader of the ``nir`` package believes every size that a file states; a file of two kilobytes can state 2^60
numbers. Here each size is added up before anything is read, and links to other places and other files are refused.
"""

from __future__ import annotations

import io
from typing import Any

import numpy as np

from chip.errors import ChipError, MissingPackageError, NetworkError

__all__ = ["nir_modules", "read_tree"]

# A full chip as dense float64 matrices is below 20 MiB.
MAX_BYTES = 512 << 20
MAX_ITEMS = 20_000
MAX_DEPTH = 12
# An entry of a text of its own length: four bytes of length, eight of address, four of index.
TEXT_BYTES = 16
INSTALL = "pip install 'anomaly[nir]'"
# What h5py was seen to raise on files with flipped bits and cut ends.
_DAMAGE = (OSError, RuntimeError, ValueError, TypeError, KeyError, AttributeError, OverflowError, MemoryError)


def nir_modules() -> tuple[Any, Any]:
    """The packages ``h5py`` and ``nir``.

    Raises:
        MissingPackageError: they are not installed; the hint says how to.
    """
    try:
        import h5py
        import nir
    except ImportError as error:
        raise MissingPackageError(f"NIR needs the package {error.name}", where="nir", hint=INSTALL) from error
    return h5py, nir


def read_tree(data: bytes) -> dict[str, Any]:
    """The group ``node`` of a NIR file as nested dictionaries of arrays and texts.

    Raises:
        NetworkError: no HDF5, damaged, too large, or it holds links or types that NIR has no use for.
        MissingPackageError: h5py is not installed.
    """
    h5py, _ = nir_modules()
    try:
        with h5py.File(io.BytesIO(data), "r") as file:
            if "node" not in file or not isinstance(file["node"], h5py.Group):
                raise NetworkError("holds no group 'node'", where="nir", hint="write it with nir.write")
            return _Walk(h5py, data).group(file["node"], "node", 0)
    except ChipError:
        raise
    except _DAMAGE as error:
        raise NetworkError(f"is not a whole HDF5 file: {_line(error)}", where="nir") from error


class _Walk:
    """Goes through a file and counts what it holds before it takes anything from it."""

    def __init__(self, h5py: Any, data: bytes) -> None:
        self._h5py = h5py
        self._data = data
        self._items = 0
        self._bytes = 0

    def group(self, group: Any, place: str, depth: int) -> dict[str, Any]:
        if depth > MAX_DEPTH:
            raise NetworkError(f"is nested more than {MAX_DEPTH} deep", where=place[:200])
        found: dict[str, Any] = {}
        for name in group:
            self._items += 1
            if self._items > MAX_ITEMS:
                raise NetworkError(f"holds more than {MAX_ITEMS} parts", where="nir")
            inner = f"{place}/{name}"
            if not isinstance(group.get(name, getlink=True), self._h5py.HardLink):
                raise NetworkError("is a link to somewhere else, which is not followed", where=inner)
            item = group[name]
            if isinstance(item, self._h5py.Group):
                found[name] = self.group(item, inner, depth + 1)
            elif isinstance(item, self._h5py.Dataset):
                found[name] = self._dataset(item, inner)
            else:
                raise NetworkError("is neither a group nor a data set", where=inner)
        return found

    def _dataset(self, item: Any, place: str) -> Any:
        if item.shape is None:
            raise NetworkError("is empty", where=place)
        if item.is_virtual or item.external is not None:
            raise NetworkError("keeps its values in another file, which is not opened", where=place)
        if item.compression not in (None, "gzip", "lzf"):
            raise NetworkError(f"is packed by {item.compression!r}; gzip and lzf are read", where=place)
        self._take(item.shape, item.dtype.itemsize, place)
        self._take(item.chunks or (), item.dtype.itemsize, place)
        if (text := self._h5py.check_string_dtype(item.dtype)) is not None:
            if text.length is None:
                self._measure_texts(item, place)
            return _text(item[()], place)
        if item.dtype.kind not in "biuf":
            raise NetworkError(f"holds {item.dtype}, neither numbers nor text"[:200], where=place)
        return np.asarray(item[()])

    def _take(self, shape: Any, item_bytes: int, place: str) -> None:
        self._bytes += int(np.prod([int(length) for length in shape], dtype=object)) * int(item_bytes)
        if self._bytes > MAX_BYTES:
            words = f"of shape {_short(shape)} would make more than {MAX_BYTES >> 20} MiB in all"
            raise NetworkError(words, where=place)

    def _measure_texts(self, item: Any, place: str) -> None:
        """Texts of their own length: HDF5 takes memory for any length that an entry states, so it is read before."""
        start, entries = item.id.get_offset(), item.size
        if entries == 0:
            return
        odd = start is None or item.id.get_storage_size() != entries * TEXT_BYTES
        if odd or start + entries * TEXT_BYTES > len(self._data):
            raise NetworkError("keeps its text in a way that is not read", where=place)
        stated = np.frombuffer(self._data, np.uint8, entries * TEXT_BYTES, start).reshape(entries, TEXT_BYTES)
        lengths = stated[:, :4].copy().view("<u4").astype(np.int64)
        if lengths.max() > len(self._data):
            raise NetworkError("states a text longer than the file", where=place)
        self._take((int(lengths.sum()),), 1, place)


def _text(value: Any, place: str) -> Any:
    try:
        if isinstance(value, bytes):
            return value.decode()
        return [[entry.decode() for entry in row] for row in np.atleast_2d(value)]
    except (UnicodeDecodeError, AttributeError) as error:
        raise NetworkError("is not a text in UTF-8", where=place) from error


def _short(shape: Any) -> str:
    return "x".join(str(length) for length in shape)[:80]


def _line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]
