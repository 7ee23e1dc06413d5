"""Packing of integer columns into rows of bits, least significant bit first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["pack", "row_bytes", "unpack"]


def row_bytes(widths: Sequence[int]) -> int:
    """Return the bytes of a row whose fields have these widths in bits."""
    return -(-sum(widths) // 8)


def pack(columns: Sequence[NDArray[Any]], widths: Sequence[int]) -> NDArray[np.uint8]:
    """Pack one row of bytes per item, uint8[item, row_bytes]; padding bits are 0.

    Raises:
        ValueError: a value needs more bits than its field has.
    """
    planes = []
    for column, width in zip(columns, widths, strict=True):
        values = np.asarray(column, dtype=np.int64)
        if ((values < 0) | (values >> width != 0)).any():
            raise ValueError(f"a value does not fit into {width} bits")
        planes.append((values[:, None] >> np.arange(width)) & 1)
    return np.packbits(np.concatenate(planes, axis=1).astype(np.uint8), axis=1, bitorder="little")


def unpack(rows: NDArray[np.uint8], widths: Sequence[int]) -> list[NDArray[np.int64]]:
    """Unpack the columns of ``pack``, one int64[item] per field."""
    bits = np.unpackbits(rows, axis=1, bitorder="little").astype(np.int64)
    starts = np.cumsum([0, *widths])
    return [
        bits[:, start : start + width] @ (np.int64(1) << np.arange(width))
        for start, width in zip(starts, widths, strict=False)
    ]
