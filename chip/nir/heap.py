"""Reader of the variable-length texts of an HDF5 file.

HDF5 keeps such a text in a global heap: collections of numbered objects. Its library allocates memory for any length
that a text states and was observed to loop for ever on a damaged heap, so it is not used for them. The layout is that
of the HDF5 file format specification, version 3.0, sections III.E and VIII.B, with addresses of eight bytes.
"""

from __future__ import annotations

from chip.errors import NetworkError

__all__ = ["ENTRY_BYTES", "GlobalHeap"]

# In the data set, a text is four bytes of length, eight of the collection's address, four of the object's number.
ENTRY_BYTES = 16
MAX_OBJECTS = 1 << 20


class GlobalHeap:
    """Global heap of a file.

    Args:
        data: the bytes of the file, which begins at address 0.
    """

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._collections: dict[int, dict[int, tuple[int, int]]] = {}
        self._objects = 0

    def read(self, start: int, place: str) -> bytes:
        """Read the text whose entry begins at byte ``start``.

        Raises:
            NetworkError: the entry leads to no object of the heap, or to a shorter one.
        """
        entry = self._data[start : start + ENTRY_BYTES]
        length, address, number = (
            int.from_bytes(entry[a:b], "little") for a, b in ((0, 4), (4, 12), (12, 16))
        )
        if length == 0:
            return b""
        if address not in self._collections:
            self._collections[address] = self._collection(address, place)
        begin, size = self._collections[address].get(number, (0, 0))
        if length > size:
            raise NetworkError("states a text longer than what the file holds of it", where=place)
        return self._data[begin : begin + length]

    def _collection(self, address: int, place: str) -> dict[int, tuple[int, int]]:
        """Return the begin and size of each object of a collection, by its number."""
        if self._data[address : address + 4] != b"GCOL":
            raise NetworkError("leads to no text", where=place)
        end = min(len(self._data), address + int.from_bytes(self._data[address + 8 : address + 16], "little"))
        found, at = {}, address + 16
        while at + 16 <= end and (number := int.from_bytes(self._data[at : at + 2], "little")) != 0:
            self._objects += 1
            if self._objects > MAX_OBJECTS:
                raise NetworkError(f"holds more than {MAX_OBJECTS} texts", where="nir")
            size = int.from_bytes(self._data[at + 8 : at + 16], "little")
            if at + 16 + size <= end:
                found[number] = (at + 16, size)
            # Objects begin at multiples of eight bytes.
            at += 16 + (size + 7) // 8 * 8
        return found
