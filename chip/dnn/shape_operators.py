"""ONNX operators that only move values, and arithmetic on shapes that exporters leave in a graph."""

from __future__ import annotations

import math

import numpy as np
from scipy import sparse

from chip.dnn.expression import Expression
from chip.dnn.onnx_file import OnnxNode
from chip.dnn.tensors import Tensor, Tensors, refuse

__all__ = ["OPERATORS"]


def identity(tensors: Tensors, node: OnnxNode) -> Tensor:
    """Pass on the value: Identity, Cast, and Dropout, which does nothing after training."""
    found = tensors.of(node, 0)
    if found is None:
        raise refuse(node, "has no input", "Identity of one tensor")
    return found


def constant(tensors: Tensors, node: OnnxNode) -> Tensor:
    """Return a constant of the graph."""
    for name in ("value", "value_float", "value_int", "value_floats", "value_ints"):
        if name in node.attributes:
            return np.asarray(node.attributes[name])
    raise refuse(node, "is no number", "Constant with value")


def shape(tensors: Tensors, node: OnnxNode) -> Tensor:
    """Return the shape; the batch stands as 0, which Reshape takes as "the same"."""
    found = tensors.of(node, 0)
    if isinstance(found, Expression):
        return np.array([0, *found.shape], np.int64)
    return np.array(() if found is None else found.shape, np.int64)


def flatten(tensors: Tensors, node: OnnxNode) -> Tensor:
    """Join all axes but the batch."""
    x = tensors.expression(node)
    if int(node.attributes.get("axis", 1)) % (len(x.shape) + 1) != 1:
        raise refuse(node, "joins the batch with other axes, or keeps some", "Flatten with axis = 1")
    return x.reshaped((x.size,))


def reshape(tensors: Tensors, node: OnnxNode) -> Tensor:
    """Change the shape of a sample; the batch stays."""
    found, wanted = tensors.of(node, 0), [int(n) for n in tensors.constant(node, 1, "shape").reshape(-1)]
    if isinstance(found, np.ndarray):
        return found.reshape(wanted)
    x = tensors.expression(node)
    if not wanted or wanted[0] not in (0, 1, -1) or (wanted[0] == -1 and -1 in wanted[1:]):
        raise refuse(node, f"makes {wanted}, another number of samples", "Reshape to [0, ...] or [-1, ...]")
    dims = [x.shape[at] if n == 0 and at < len(x.shape) else n for at, n in enumerate(wanted[1:])]
    if dims.count(-1) == 1:
        rest = math.prod(n for n in dims if n != -1)
        dims[dims.index(-1)] = x.size // rest if rest else 0
    if min(dims, default=1) < 1 or math.prod(dims) != x.size:
        raise refuse(node, f"makes {wanted} of {x.size} values a sample", "a Reshape that keeps the batch")
    return x.reshaped(tuple(dims))


def squeeze(tensors: Tensors, node: OnnxNode) -> Tensor:
    """Remove axes of size one."""
    found = tensors.of(node, 0)
    axes = _axes(tensors, node)
    if isinstance(found, np.ndarray):
        return np.squeeze(found, tuple(axes) if axes else None)
    x = tensors.expression(node)
    own = {axis % (len(x.shape) + 1) - 1 for axis in axes} or {i for i, n in enumerate(x.shape) if n == 1}
    if -1 in own or any(x.shape[axis] != 1 for axis in own):
        raise refuse(node, f"removes axes {axes} of {x.shape}", "Squeeze of axes of size one")
    return x.reshaped(tuple(n for i, n in enumerate(x.shape) if i not in own))


def unsqueeze(tensors: Tensors, node: OnnxNode) -> Tensor:
    """Insert axes of size one."""
    found, axes = tensors.of(node, 0), _axes(tensors, node)
    if isinstance(found, np.ndarray):
        return np.expand_dims(found, tuple(axes))
    x = tensors.expression(node)
    total = len(x.shape) + 1 + len(axes)
    own = sorted(axis % total for axis in axes)
    if not own or own[0] == 0:
        raise refuse(node, "inserts an axis before the batch", "Unsqueeze of later axes")
    dims = [0, *x.shape]
    for axis in own:
        dims.insert(axis, 1)
    return x.reshaped(tuple(dims[1:]))


def transpose(tensors: Tensors, node: OnnxNode) -> Tensor:
    """Exchange axes; the batch stays the first."""
    found = tensors.of(node, 0)
    order = node.attributes.get("perm")
    if isinstance(found, np.ndarray):
        return np.transpose(found, order)
    x = tensors.expression(node)
    if order is None or sorted(order) != list(range(len(x.shape) + 1)) or order[0] != 0:
        raise refuse(node, f"moves the batch ({order})", "Transpose with perm[0] = 0")
    return x.rows(np.transpose(np.arange(x.size).reshape(x.shape), [axis - 1 for axis in order[1:]]))


def gather(tensors: Tensors, node: OnnxNode) -> Tensor:
    """Select along an axis."""
    found = tensors.of(node, 0)
    index, axis = tensors.constant(node, 1, "index").astype(np.int64), int(node.attributes.get("axis", 0))
    if isinstance(found, np.ndarray):
        return np.take(found, index, axis=axis)
    x = tensors.expression(node)
    axis %= len(x.shape) + 1
    if axis == 0:
        raise refuse(node, "selects samples", "Gather on another axis")
    try:
        return x.rows(np.take(np.arange(x.size).reshape(x.shape), index, axis=axis - 1))
    except IndexError as error:
        raise refuse(node, f"selects outside of {x.shape}", "Gather within the shape") from error


def cut(tensors: Tensors, node: OnnxNode) -> Tensor:
    """Take a slice along axes."""
    found = tensors.of(node, 0)
    starts, ends = ([int(n) for n in tensors.constant(node, at, "bound").reshape(-1)] for at in (1, 2))
    axes = [int(n) for n in tensors.constant(node, 3, "axis", range(len(starts))).reshape(-1)]
    steps = [int(n) for n in tensors.constant(node, 4, "step", [1] * len(starts)).reshape(-1)]
    array = found if isinstance(found, np.ndarray) else None
    x = None if array is not None else tensors.expression(node)
    index = array if x is None else np.arange(x.size).reshape(1, *x.shape)
    if index is None or not len(starts) == len(ends) == len(axes) == len(steps):
        raise refuse(node, "has bounds of different lengths", "Slice with a start and an end for each axis")
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        if x is not None and axis % index.ndim == 0:
            raise refuse(node, "cuts samples off", "Slice on another axis")
        where = [slice(None)] * index.ndim
        where[axis] = slice(start, end, step)
        index = index[tuple(where)]
    if x is not None and index.size == 0:
        raise refuse(node, "leaves nothing", "Slice within the shape")
    return index if x is None else x.rows(index[0])


def pad(tensors: Tensors, node: OnnxNode) -> Tensor:
    """Surround with zeros."""
    x = tensors.expression(node)
    listed = node.attributes.get("pads")
    pads = [int(n) for n in (tensors.constant(node, 1, "pad").reshape(-1) if listed is None else listed)]
    value = tensors.constant(node, 2, "value", 0.0)
    n = len(x.shape) + 1
    wrong = len(pads) != 2 * n or min(pads) < 0 or pads[0] or pads[n] or np.any(value != 0)
    if wrong or node.attributes.get("mode", "constant") != "constant":
        raise refuse(node, "does not pad samples with zeros", "Pad with mode = constant and value 0")
    widths = [(pads[1 + i], pads[n + 1 + i]) for i in range(n - 1)]
    index = np.pad(np.arange(x.size).reshape(x.shape), widths, constant_values=-1)
    at = np.flatnonzero(index.ravel() >= 0)
    ones = np.ones(at.size)
    matrix = sparse.csr_array((ones, (at, index.ravel()[at])), shape=(index.size, x.size))
    return x.apply(matrix, index.shape)


def _axes(tensors: Tensors, node: OnnxNode) -> list[int]:
    listed = node.attributes.get("axes")
    if listed is None and len(node.inputs) > 1 and node.inputs[1]:
        listed = tensors.constant(node, 1, "list of axes").reshape(-1).tolist()
    return [int(axis) for axis in listed or []]


OPERATORS = {
    "Identity": identity,
    "Cast": identity,
    "Dropout": identity,
    "Constant": constant,
    "Shape": shape,
    "Flatten": flatten,
    "Reshape": reshape,
    "Squeeze": squeeze,
    "Unsqueeze": unsqueeze,
    "Transpose": transpose,
    "Gather": gather,
    "Slice": cut,
    "Pad": pad,
}
