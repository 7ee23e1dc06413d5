"""Arrays aligned to cache lines, so that none of their vectors is spread over two lines."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["aligned_copy", "empty_aligned"]

_LINE_BYTES = 64


def empty_aligned(shape: tuple[int, ...], kind: np.dtype[Any]) -> NDArray[Any]:
    """Allocate an uninitialised array that begins at a cache line."""
    size = int(np.prod(shape)) * kind.itemsize
    line = np.empty(size + _LINE_BYTES, np.uint8)
    begin = -line.ctypes.data % _LINE_BYTES
    return line[begin : begin + size].view(kind).reshape(shape)


def aligned_copy(array: NDArray[Any]) -> NDArray[Any]:
    """Copy an array so that it begins at a cache line."""
    copy = empty_aligned(array.shape, array.dtype)
    copy[...] = array
    return copy
