"""Arrays that begin where a line of the cache does: no vector of theirs is spread over two."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["aligned_copy", "empty_aligned"]

_LINE_BYTES = 64


def empty_aligned(shape: tuple[int, ...], kind: np.dtype[Any]) -> NDArray[Any]:
    """An array with anything in it that begins where a line of the cache does."""
    size = int(np.prod(shape)) * kind.itemsize
    line = np.empty(size + _LINE_BYTES, np.uint8)
    begin = -line.ctypes.data % _LINE_BYTES
    return line[begin : begin + size].view(kind).reshape(shape)


def aligned_copy(array: NDArray[Any]) -> NDArray[Any]:
    """A copy that begins where a line of the cache does."""
    copy = empty_aligned(array.shape, array.dtype)
    copy[...] = array
    return copy
