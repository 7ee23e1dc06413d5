"""Convolutions and pools of NIR, unrolled into one synapse per weight and position."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from chip.errors import NetworkError
from chip.nir.graph import Node, node_name
from chip.validation import MAX_INPUTS, MAX_SYNAPSES

__all__ = ["Window", "unrolled"]

Matrix = sparse.csr_array[np.float64, tuple[int, int]]


class Window:
    """Kernel that slides over the last dimensions of its input, the first being channels.

    Args:
        node: a Conv1d, Conv2d, SumPool2d or AvgPool2d.
        shape: of its input, channels first.

    Raises:
        NetworkError: its parameters do not fit the input, or its output would be empty or gigantic.
    """

    def __init__(self, node: Node, shape: tuple[int, ...]) -> None:
        self.node, self.shape = node, shape
        self.rank = 1 if node.kind == "Conv1d" else 2
        if len(shape) != self.rank + 1:
            message = f"has an input of shape {shape}, not one of {self.rank + 1} dimensions, channels first"
            raise NetworkError(message, where=node_name(node))
        pool = node.kind.endswith("Pool2d")
        self.weight = self._pool_weight() if pool else node.array("weight")
        self.groups = shape[0] if pool else self._numbers("groups", 1, least=1)[0]
        self.bias = None if pool else node.array("bias").ravel()
        self._check_weight()
        self.kernel = self.weight.shape[2:]
        self.stride = self._numbers("stride", self.rank, least=1)
        self.dilation = (1,) * self.rank if pool else self._numbers("dilation", self.rank, least=1)
        reach = [span * (size - 1) + 1 for span, size in zip(self.dilation, self.kernel, strict=True)]
        self.padding = self._padding(reach)
        self.out = self._out(reach)

    def _numbers(self, field: str, count: int, *, least: int) -> tuple[int, ...]:
        values = self.node.array(field).ravel()
        if values.size not in (1, count) or (values != np.round(values)).any():
            raise NetworkError(f"{field} is not {count} whole numbers", where=node_name(self.node))
        if values.min() < least or values.max() > MAX_INPUTS:
            raise NetworkError(f"{field} is not within {least}..{MAX_INPUTS}", where=node_name(self.node))
        return tuple(int(value) for value in np.broadcast_to(values, (count,)))

    def _pool_weight(self) -> NDArray[np.float64]:
        kernel = self._numbers("kernel_size", 2, least=1)
        if math.prod(kernel) * self.shape[0] > MAX_SYNAPSES:
            raise NetworkError(f"kernel_size is {kernel}, which is too large", where=node_name(self.node))
        value = 1.0 / math.prod(kernel) if self.node.kind == "AvgPool2d" else 1.0
        return np.full((self.shape[0], 1, *kernel), value)

    def _check_weight(self) -> None:
        weight, where = self.weight, node_name(self.node)
        if weight.ndim != self.rank + 2 or 0 in weight.shape:
            raise NetworkError(f"weight has shape {weight.shape}", where=where)
        if weight.shape[1] * self.groups != self.shape[0] or weight.shape[0] % self.groups:
            message = f"weight of shape {weight.shape} in {self.groups} groups does not fit {self.shape[0]} channels"
            raise NetworkError(message, where=where)
        if self.bias is not None and self.bias.size != weight.shape[0]:
            raise NetworkError(f"bias has {self.bias.size} values, not {weight.shape[0]}", where=where)

    def _padding(self, reach: list[int]) -> tuple[tuple[int, int], ...]:
        """Return the number of zeros before and after, in each dimension."""
        word = self.node.fields["padding"]
        if not isinstance(word, str):
            return tuple((pad, pad) for pad in self._numbers("padding", self.rank, least=0))
        if word == "valid":
            return ((0, 0),) * self.rank
        if word != "same" or set(self.stride) != {1}:
            message = "padding is neither numbers nor 'valid', nor 'same' with stride 1"
            raise NetworkError(message, where=node_name(self.node))
        return tuple(((span - 1) // 2, span - 1 - (span - 1) // 2) for span in reach)

    def _out(self, reach: list[int]) -> tuple[int, ...]:
        sizes = zip(self.shape[1:], self.padding, reach, self.stride, strict=True)
        out = (self.weight.shape[0], *((n + sum(pad) - span) // step + 1 for n, pad, span, step in sizes))
        if min(out) < 1:
            message = f"its kernel {self.kernel} is larger than its input {self.shape[1:]}"
            raise NetworkError(message, where=node_name(self.node))
        synapses = math.prod(out) * math.prod(self.weight.shape[1:])
        if synapses > MAX_SYNAPSES:
            message = f"unrolls to {synapses} synapses, more than the {MAX_SYNAPSES} a description may hold"
            raise NetworkError(message, where=node_name(self.node))
        return out


def unrolled(window: Window) -> tuple[Matrix, NDArray[np.float64]]:
    """Build the matrix [output, input] of a window, both in C order, and its bias [output]."""
    out, weight = window.out, window.weight
    indices = np.indices((*out, *weight.shape[1:])).reshape(2 + 2 * window.rank, -1)
    channel, spot = indices[0], indices[1 : 1 + window.rank]
    inner, tap = indices[1 + window.rank], indices[2 + window.rank :]
    per_group = out[0] // window.groups
    source = [channel // per_group * weight.shape[1] + inner]
    inside = np.ones(channel.size, np.bool_)
    for k in range(window.rank):
        at = spot[k] * window.stride[k] + tap[k] * window.dilation[k] - window.padding[k][0]
        inside &= (at >= 0) & (at < window.shape[1 + k])
        source.append(at)
    row = np.ravel_multi_index((channel, *spot), out)[inside]
    column = np.ravel_multi_index(tuple(part[inside] for part in source), window.shape)
    values = weight[(channel, inner, *tap)][inside]
    size = (math.prod(out), math.prod(window.shape))
    matrix: Matrix = sparse.csr_array((values, (row, column)), shape=size)
    bias = np.zeros(out[0]) if window.bias is None else window.bias
    return matrix, np.repeat(bias, size[0] // out[0])
