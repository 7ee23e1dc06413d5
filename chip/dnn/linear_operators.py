"""ONNX operators that are affine: products, sums, convolutions, normalisation, average pooling."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from chip.dnn.expression import Expression, joined
from chip.dnn.onnx_file import OnnxNode
from chip.dnn.tensors import Tensor, Tensors, refuse
from chip.dnn.windows import Windows, convolution, mean_pool

__all__ = ["OPERATORS", "windows_of"]


def gemm(tensors: Tensors, node: OnnxNode) -> Tensor:
    """Product with a matrix, and a bias."""
    x, weight = tensors.expression(node), tensors.constant(node, 1, "matrix").astype(np.float64)
    if node.attributes.get("transA") or len(x.shape) != 1 or weight.ndim != 2:
        raise refuse(node, "does not multiply one row a sample by a matrix", "Gemm with transA = 0")
    matrix = weight if node.attributes.get("transB") else weight.T
    bias = tensors.constant(node, 2, "bias", 0.0).astype(np.float64)
    alpha, beta = float(node.attributes.get("alpha", 1.0)), float(node.attributes.get("beta", 1.0))
    _require(node, matrix.shape[1] == x.size, f"multiplies {x.size} values by {matrix.shape[1]} rows")
    product = x.apply(sparse.csr_array(alpha * matrix), (matrix.shape[0],))
    return product.shifted(_bias(node, beta * bias, product.shape))


def matmul(tensors: Tensors, node: OnnxNode) -> Tensor:
    """Product of each row with a matrix."""
    left, right = tensors.of(node, 0), tensors.of(node, 1)
    if isinstance(left, np.ndarray) and isinstance(right, np.ndarray):
        return np.asarray(left @ right)
    if isinstance(left, Expression) and isinstance(right, np.ndarray) and right.ndim == 2 and left.shape:
        _require(node, left.shape[-1] == right.shape[0], f"multiplies {left.shape} by {right.shape}")
        rows = math.prod(left.shape[:-1])
        block = sparse.kron(sparse.eye_array(rows), sparse.csr_array(right.T.astype(np.float64)))
        return left.apply(sparse.csr_array(block), (*left.shape[:-1], right.shape[1]))
    raise refuse(node, "multiplies two values that depend on the sample", "MatMul with a constant matrix")


def add(tensors: Tensors, node: OnnxNode) -> Tensor:
    """Sum with a constant, or of two branches: a residual connection."""
    return _sum(tensors, node, 1.0)


def subtract(tensors: Tensors, node: OnnxNode) -> Tensor:
    """Difference."""
    return _sum(tensors, node, -1.0)


def _sum(tensors: Tensors, node: OnnxNode, sign: float) -> Tensor:
    one, two = tensors.of(node, 0), tensors.of(node, 1)
    if isinstance(one, np.ndarray) and isinstance(two, np.ndarray):
        return np.asarray(one + sign * two)
    try:
        if isinstance(one, Expression) and isinstance(two, Expression):
            return one.plus(two.scaled(sign))
        if isinstance(one, Expression) and isinstance(two, np.ndarray):
            return _shifted(node, one, sign * two)
        if isinstance(one, np.ndarray) and isinstance(two, Expression):
            return _shifted(node, two.scaled(sign), one)
    except ValueError as error:
        raise refuse(node, f"adds shapes that do not match: {error}", "Add of equal shapes") from error
    raise refuse(node, "has not two inputs", "Add of two tensors")


def multiply(tensors: Tensors, node: OnnxNode) -> Tensor:
    """Product with a constant."""
    one, two = tensors.of(node, 0), tensors.of(node, 1)
    if isinstance(one, np.ndarray) and isinstance(two, np.ndarray):
        return np.asarray(one * two)
    if isinstance(one, Expression) and isinstance(two, np.ndarray):
        return _scaled(node, one, two)
    if isinstance(one, np.ndarray) and isinstance(two, Expression):
        return _scaled(node, two, one)
    raise refuse(node, "multiplies two values that depend on the sample", "Mul by a constant")


def divide(tensors: Tensors, node: OnnxNode) -> Tensor:
    """Quotient by a constant."""
    one, two = tensors.of(node, 0), tensors.of(node, 1)
    if isinstance(one, np.ndarray) and isinstance(two, np.ndarray):
        return np.asarray(one // two if one.dtype.kind == "i" else one / two)
    if isinstance(one, Expression) and isinstance(two, np.ndarray) and np.all(two != 0):
        return _scaled(node, one, 1.0 / two)
    raise refuse(node, "divides by a value that depends on the sample, or by zero", "Div by a constant")


def negative(tensors: Tensors, node: OnnxNode) -> Tensor:
    """Opposite sign."""
    return tensors.expression(node).scaled(-1.0)


def batch_normalisation(tensors: Tensors, node: OnnxNode) -> Tensor:
    """Normalise each channel with stored mean and variance: folded into the weights."""
    x = tensors.expression(node)
    names = ("scale", "bias", "mean", "variance")
    scale, bias, mean, variance = (
        tensors.constant(node, at, name).astype(np.float64) for at, name in enumerate(names, 1)
    )
    if node.attributes.get("training_mode"):
        raise refuse(node, "is in training mode", "export after model.eval()")
    _require(
        node, bool(x.shape) and scale.shape == (x.shape[0],), f"has {scale.size} channels, not {x.shape}"
    )
    factor = scale / np.sqrt(variance + float(node.attributes.get("epsilon", 1e-5)))
    shape = (-1, *[1] * (len(x.shape) - 1))
    return x.scaled(factor.reshape(shape)).shifted((bias - mean * factor).reshape(shape))


def convolve(tensors: Tensors, node: OnnxNode) -> Tensor:
    """Convolution in one or two dimensions, unrolled: each position gets neurons of its own."""
    x, weight = tensors.expression(node), tensors.constant(node, 1, "kernel").astype(np.float64)
    if len(x.shape) not in (2, 3) or weight.ndim != len(x.shape) + 1:
        raise refuse(node, f"has {weight.ndim - 2} dimensions on {x.shape}", "Conv in one or two dimensions")
    groups = int(node.attributes.get("group", 1))
    fits = groups >= 1 and weight.shape[1] * groups == x.shape[0] and weight.shape[0] % groups == 0
    _require(node, fits, f"has a kernel of {weight.shape} in {groups} groups on {x.shape}")
    windows = windows_of(node, x.shape[1:], weight.shape[2:])
    result = x.apply(convolution(weight, windows, groups), (weight.shape[0], *windows.out))
    bias = tensors.constant(node, 2, "bias", np.zeros(weight.shape[0])).astype(np.float64)
    return result.shifted(bias.reshape(-1, *[1] * len(windows.out)))


def average_pool(tensors: Tensors, node: OnnxNode) -> Tensor:
    """Mean of each window."""
    x = tensors.expression(node)
    if len(x.shape) not in (2, 3):
        raise refuse(node, f"acts on {x.shape}", "AveragePool in one or two dimensions")
    windows = windows_of(node, x.shape[1:], tuple(node.attributes["kernel_shape"]))
    matrix = mean_pool(x.shape[0], windows, count_padding=bool(node.attributes.get("count_include_pad", 0)))
    return x.apply(matrix, (x.shape[0], *windows.out))


def global_average_pool(tensors: Tensors, node: OnnxNode) -> Tensor:
    """Mean of each channel."""
    x = tensors.expression(node)
    _require(node, len(x.shape) >= 2, f"acts on {x.shape}")
    return _mean(x, tuple(range(1, len(x.shape))), keep=True)


def reduce_mean(tensors: Tensors, node: OnnxNode) -> Tensor:
    """Mean over axes; from opset 18 they are an input."""
    x = tensors.expression(node)
    every = [*range(1, len(x.shape) + 1)]
    axes = node.attributes.get("axes") or tensors.constant(node, 1, "list of axes", every).tolist()
    own = sorted((int(axis) % (len(x.shape) + 1)) - 1 for axis in axes)
    if not own or own[0] < 0:
        raise refuse(node, "takes the mean over the batch", "ReduceMean over other axes")
    return _mean(x, tuple(own), keep=bool(node.attributes.get("keepdims", 1)))


def concatenate(tensors: Tensors, node: OnnxNode) -> Tensor:
    """Join along an axis."""
    parts = [tensors.of(node, at) for at in range(len(node.inputs))]
    axis = int(node.attributes.get("axis", 0))
    constants = [part for part in parts if isinstance(part, np.ndarray)]
    if len(constants) == len(parts):
        return np.concatenate(constants, axis=axis)
    expressions = [part for part in parts if isinstance(part, Expression)]
    axis = axis - 1 if axis > 0 else axis
    if (
        len(expressions) != len(parts)
        or axis == -1 - len(expressions[0].shape)
        or node.attributes["axis"] == 0
    ):
        raise refuse(node, "joins samples, or constants with values", "Concat of channels")
    return joined(expressions, axis)


def windows_of(node: OnnxNode, size: tuple[int, ...], kernel: tuple[int, ...]) -> Windows:
    """Return the windows of a convolution or pooling by the attributes of its node."""
    n = len(size)
    strides = tuple(node.attributes.get("strides", [1] * n))
    dilations = tuple(node.attributes.get("dilations", [1] * n))
    sizes = (*kernel, *strides, *dilations)
    _require(node, len(sizes) == 3 * n and min(sizes) >= 1, f"has a window of {kernel} on {size}")
    if node.attributes.get("ceil_mode"):
        raise refuse(node, "rounds the number of windows up", "the same with ceil_mode = 0")
    pads = tuple(node.attributes.get("pads", [0] * 2 * n))
    automatic = node.attributes.get("auto_pad", "NOTSET")
    if automatic.startswith("SAME"):
        need = [
            max(0, (math.ceil(s / t) - 1) * t + d * (k - 1) + 1 - s)
            for s, t, d, k in zip(size, strides, dilations, kernel, strict=True)
        ]
        less, more = [p // 2 for p in need], [p - p // 2 for p in need]
        pads = (*less, *more) if automatic == "SAME_UPPER" else (*more, *less)
    _require(node, len(pads) == 2 * n and min(pads) >= 0, f"has pads {pads}")
    return Windows(size, kernel, strides, pads, dilations)


def _mean(x: Expression, axes: tuple[int, ...], *, keep: bool) -> Expression:
    index = np.arange(x.size).reshape(x.shape)
    moved = np.moveaxis(index, axes, range(len(axes)))
    left = moved.shape[len(axes) :]
    members = moved.reshape(-1, math.prod(left))
    count, size = members.shape
    rows = np.broadcast_to(np.arange(size), members.shape)
    values = np.full(members.size, 1.0 / count)
    matrix = sparse.csr_array((values, (rows.ravel(), members.ravel())), shape=(size, x.size))
    shape = tuple(1 if i in axes else s for i, s in enumerate(x.shape)) if keep else left
    return x.apply(matrix, shape)


def _bias(node: OnnxNode, bias: NDArray[np.float64], shape: tuple[int, ...]) -> NDArray[np.float64]:
    flat = bias.reshape(-1) if bias.ndim == 2 and bias.shape[0] == 1 else bias
    _require(node, flat.ndim <= 1 and flat.size in (1, shape[0]), f"has a bias of {bias.shape} for {shape}")
    return flat


def _without_batch(node: OnnxNode, constant: NDArray[Any], x: Expression) -> NDArray[Any]:
    """Remove the batch axis of a constant that has one."""
    if constant.ndim == len(x.shape) + 1:
        if constant.shape[0] != 1:
            raise refuse(node, f"has a constant of {constant.shape}: another one for each sample", "Add, Mul")
        return np.asarray(constant[0])
    if constant.ndim > len(x.shape) + 1:
        raise refuse(node, f"combines {x.shape} with {constant.shape}", "a constant of the same shape")
    return constant


def _shifted(node: OnnxNode, x: Expression, constant: NDArray[Any]) -> Expression:
    constant = _without_batch(node, constant, x)
    return x.broadcast(np.broadcast_shapes(x.shape, constant.shape)).shifted(constant)


def _scaled(node: OnnxNode, x: Expression, constant: NDArray[Any]) -> Expression:
    constant = _without_batch(node, constant, x)
    try:
        return x.broadcast(np.broadcast_shapes(x.shape, constant.shape)).scaled(constant)
    except ValueError as error:
        raise refuse(node, f"shapes do not match: {error}", "a constant of the same shape") from error


def _require(node: OnnxNode, condition: bool, reason: str) -> None:
    if not condition:
        raise refuse(node, reason, "export the network again; its shapes contradict each other")


OPERATORS = {
    "Gemm": gemm,
    "MatMul": matmul,
    "Add": add,
    "Sub": subtract,
    "Mul": multiply,
    "Div": divide,
    "Neg": negative,
    "BatchNormalization": batch_normalisation,
    "Conv": convolve,
    "AveragePool": average_pool,
    "GlobalAveragePool": global_average_pool,
    "ReduceMean": reduce_mean,
    "Concat": concatenate,
}
