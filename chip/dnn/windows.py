"""Convolution and pooling windows in one or two dimensions, as indices and unrolled matrices."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from chip.dnn.expression import MAX_WEIGHTS
from chip.errors import NetworkError

__all__ = ["Windows", "convolution", "mean_pool"]


@dataclass(frozen=True)
class Windows:
    """Positions of a sliding window.

    Args:
        size: of the input, one number per dimension.
        kernel: size of the window.
        strides: between windows.
        pads: before each dimension, then after each.
        dilations: distance of neighbours within a window.
    """

    size: tuple[int, ...]
    kernel: tuple[int, ...]
    strides: tuple[int, ...]
    pads: tuple[int, ...]
    dilations: tuple[int, ...]

    @property
    def out(self) -> tuple[int, ...]:
        """Number of windows in each dimension."""
        n = len(self.size)
        spans = [d * (k - 1) + 1 for d, k in zip(self.dilations, self.kernel, strict=True)]
        return tuple(
            (self.size[i] + self.pads[i] + self.pads[n + i] - spans[i]) // self.strides[i] + 1
            for i in range(n)
        )

    def index(self) -> NDArray[np.int64]:
        """Input position of each [window, place in the window]; -1 in the padding."""
        if min(self.out) < 1:
            raise NetworkError(f"has no window of {self.kernel} in an input of {self.size}", where="window")
        if math.prod(self.out) * math.prod(self.kernel) > MAX_WEIGHTS:
            raise NetworkError("has too many windows", where="window")
        flat = np.zeros((1, 1), np.int64)
        inside = np.ones((1, 1), bool)
        for i, size in enumerate(self.size):
            starts = np.arange(self.out[i]) * self.strides[i] - self.pads[i]
            at = starts[:, None] + np.arange(self.kernel[i]) * self.dilations[i]
            good = (at >= 0) & (at < size)
            shape = flat.shape[0] * at.shape[0], flat.shape[1] * at.shape[1]
            flat = (flat[:, None, :, None] * size + at[None, :, None, :]).reshape(shape)
            inside = (inside[:, None, :, None] & good[None, :, None, :]).reshape(shape)
        return np.where(inside, flat, -1)


def convolution(weight: NDArray[np.float64], windows: Windows, groups: int) -> sparse.csr_array:
    """Unroll a convolution, [channel out, channel in of its group, *kernel], into a matrix.

    Raises:
        NetworkError: it has more weights than ``MAX_WEIGHTS``.
    """
    index = windows.index()
    size, n_out = math.prod(windows.size), len(index)
    m, per_group = weight.shape[:2]
    if m * per_group * index.size > MAX_WEIGHTS:
        raise NetworkError(f"has more than {MAX_WEIGHTS} weights when it is unrolled", where="convolution")
    window, place = np.nonzero(index >= 0)
    at = index[window, place]
    first = (np.arange(m) // (m // groups)) * per_group
    channel = first[:, None] + np.arange(per_group)
    rows = np.broadcast_to((np.arange(m) * n_out)[:, None, None] + window, (m, per_group, window.size))
    columns = channel[:, :, None] * size + at
    values = weight.reshape(m, per_group, -1)[:, :, place]
    shape = m * n_out, groups * per_group * size
    return sparse.csr_array((values.ravel(), (rows.ravel(), columns.ravel())), shape=shape)


def mean_pool(channels: int, windows: Windows, *, count_padding: bool) -> sparse.csr_array:
    """Unroll an average pooling into a matrix; padding counts as zeros if asked for."""
    index = windows.index()
    window, place = np.nonzero(index >= 0)
    inside = np.full(len(index), index.shape[1]) if count_padding else (index >= 0).sum(axis=1)
    one = sparse.csr_array(
        (1.0 / inside[window], (window, index[window, place])), shape=(len(index), math.prod(windows.size))
    )
    return sparse.csr_array(sparse.kron(sparse.eye_array(channels), one, format="csr"))
