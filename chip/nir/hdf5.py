"""Reader of the HDF5 file of a NIR graph that does not trust its sizes and links.

The reader of the ``nir`` package believes every size that a file states; a file of two kilobytes can state 2^60
numbers. Here each size is added up before anything is read, and links to other places and files are refused.
"""

from __future__ import annotations

import io
from typing import Any

import numpy as np

from chip.errors import ChipError, MissingPackageError, NetworkError
from chip.naming import shown
from chip.nir.heap import ENTRY_BYTES, GlobalHeap

__all__ = ["nir_modules", "read_tree"]

# A full chip as dense float64 matrices is below 20 MiB.
MAX_BYTES = 512 << 20
MAX_ITEMS = 20_000
MAX_DEPTH = 12
INSTALL = "pip install 'anomaly[nir]'"
# Exceptions that h5py was observed to raise on files with flipped bits and cut ends.
_DAMAGE = (OSError, RuntimeError, ValueError, TypeError, KeyError, AttributeError, OverflowError, MemoryError)


def nir_modules() -> tuple[Any, Any]:
    """Import the packages ``h5py`` and ``nir``.

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
    """Read the group ``node`` of a NIR file as nested dictionaries of arrays and texts.

    Raises:
        NetworkError: no HDF5, damaged, too large, or it holds links or types that NIR has no use for.
        MissingPackageError: h5py is not installed.
    """
    h5py, _ = nir_modules()
    try:
        with h5py.File(io.BytesIO(data), "r") as file:
            if "node" not in file or not isinstance(file["node"], h5py.Group):
                raise NetworkError("holds no group 'node'", where="nir", hint="write it with nir.write")
            return _TreeReader(h5py, data).group(file["node"], "node", 0)
    except ChipError:
        raise
    except _DAMAGE as error:
        raise NetworkError(f"is not a whole HDF5 file: {_line(error)}", where="nir") from error


class _TreeReader:
    """Recursive reader that checks the total size before it reads anything."""

    def __init__(self, h5py: Any, data: bytes) -> None:
        self._h5py = h5py
        self._data = data
        self._heap = GlobalHeap(data)
        self._items = 0
        self._bytes = 0

    def group(self, group: Any, place: str, depth: int) -> dict[str, Any]:
        if depth > MAX_DEPTH:
            raise NetworkError(f"is nested more than {MAX_DEPTH} deep", where=shown(place))
        found: dict[str, Any] = {}
        for name in group:
            self._items += 1
            if self._items > MAX_ITEMS:
                raise NetworkError(f"holds more than {MAX_ITEMS} parts", where="nir")
            inner = f"{place}/{shown(name)}"
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
        self._count_bytes(item.shape, item.dtype.itemsize, place)
        self._count_bytes(item.chunks or (), item.dtype.itemsize, place)
        if (text := self._h5py.check_string_dtype(item.dtype)) is not None:
            return _text(self._texts(item, place) if text.length is None else item[()], item.shape, place)
        if item.dtype.kind not in "biuf":
            raise NetworkError(f"holds {item.dtype}, neither numbers nor text"[:200], where=place)
        return np.asarray(item[()])

    def _count_bytes(self, shape: Any, item_bytes: int, place: str) -> None:
        self._bytes += int(np.prod([int(length) for length in shape], dtype=object)) * int(item_bytes)
        if self._bytes > MAX_BYTES:
            message = f"of shape {_short(shape)} would make more than {MAX_BYTES >> 20} MiB in all"
            raise NetworkError(message, where=place)

    def _texts(self, item: Any, place: str) -> list[bytes]:
        """Read variable-length texts, one after the other."""
        start, count = item.id.get_offset(), int(item.size)
        odd = start is None or item.id.get_storage_size() != count * ENTRY_BYTES
        if count and (odd or start + count * ENTRY_BYTES > len(self._data)):
            raise NetworkError("keeps its text in a way that is not read", where=place)
        found = []
        for at in range(count):
            # Many entries may lead to the same long text.
            found.append(self._heap.read(start + at * ENTRY_BYTES, place))
            self._count_bytes((len(found[-1]),), 1, place)
        return found


def _text(value: Any, shape: tuple[int, ...], place: str) -> Any:
    """Decode one text, or rows of texts."""
    try:
        texts = [one.decode() for one in np.asarray(value, object).ravel()]
    except (UnicodeDecodeError, AttributeError) as error:
        raise NetworkError("is not a text in UTF-8", where=place) from error
    if shape == ():
        return texts[0]
    width = shape[-1] if len(shape) == 2 else max(len(texts), 1)
    return [texts[at : at + width] for at in range(0, len(texts), width)] if width else []


def _short(shape: Any) -> str:
    return "x".join(str(length) for length in shape)[:80]


def _line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]
