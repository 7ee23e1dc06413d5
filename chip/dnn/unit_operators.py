"""ONNX operators that are not affine, as sums of units that a spiking neuron can take over."""

from __future__ import annotations

import numpy as np

from chip.dnn.expression import Expression
from chip.dnn.linear_operators import windows_of
from chip.dnn.onnx_file import OnnxNode
from chip.dnn.tensors import Tensor, Tensors, refuse

__all__ = ["OPERATORS"]


def relu(tensors: Tensors, node: OnnxNode) -> Tensor:
    """``max(x, 0)``."""
    return tensors.unit(node, tensors.expression(node))


def leaky_relu(tensors: Tensors, node: OnnxNode) -> Tensor:
    """``a x + (1 - a) max(x, 0)``: a unit beside a connection past it."""
    return _leaky(tensors, node, np.asarray(float(node.attributes.get("alpha", 0.01))))


def prelu(tensors: Tensors, node: OnnxNode) -> Tensor:
    """Leaky ReLU with a learned slope for each channel."""
    x, slope = tensors.expression(node), tensors.constant(node, 1, "slope").astype(np.float64)
    if slope.ndim > len(x.shape):
        slope = slope[0]
    return _leaky(tensors, node, slope)


def absolute(tensors: Tensors, node: OnnxNode) -> Tensor:
    """``max(x, 0) + max(-x, 0)``."""
    x = tensors.expression(node)
    return tensors.unit(node, x).plus(tensors.unit(node, x.scaled(-1.0)))


def clip(tensors: Tensors, node: OnnxNode) -> Tensor:
    """``min(max(x, low), high)``: a unit that saturates, as every neuron does at one spike a step."""
    x = tensors.expression(node)
    low, high = _limits(tensors, node)
    if not np.isfinite(low):
        raise refuse(node, "has no lower limit", "Clip with two limits, or Relu")
    if not np.isfinite(high):
        return tensors.unit(node, x.shifted(-low)).shifted(low)
    if high <= low:
        raise refuse(node, f"has the limits {low:g} and {high:g}", "Clip with min below max")
    return (
        tensors.unit(node, x.shifted(-low).scaled(1 / (high - low)), "unit").scaled(high - low).shifted(low)
    )


def hard_sigmoid(tensors: Tensors, node: OnnxNode) -> Tensor:
    """``min(max(a x + b, 0), 1)``."""
    alpha, beta = float(node.attributes.get("alpha", 0.2)), float(node.attributes.get("beta", 0.5))
    return tensors.unit(node, tensors.expression(node).scaled(alpha).shifted(beta), "unit")


def sigmoid(tensors: Tensors, node: OnnxNode) -> Tensor:
    """Logistic function; its code is fitted to the data later."""
    return tensors.unit(node, tensors.expression(node), "sigmoid")


def tanh(tensors: Tensors, node: OnnxNode) -> Tensor:
    """``2 sigmoid(2 x) - 1``."""
    return tensors.unit(node, tensors.expression(node).scaled(2.0), "sigmoid").scaled(2.0).shifted(-1.0)


def max_pool(tensors: Tensors, node: OnnxNode) -> Tensor:
    """Maximum of each window, by a tree of ``max(a, b) = a + max(b - a, 0)``."""
    x = tensors.expression(node)
    if len(x.shape) not in (2, 3) or len(node.outputs) > 1:
        raise refuse(node, f"acts on {x.shape}", "MaxPool in one or two dimensions, with one output")
    windows = windows_of(node, x.shape[1:], tuple(node.attributes["kernel_shape"]))
    index = windows.index()
    # A place in the padding counts as the first place of its window that is not.
    first = index[np.arange(len(index)), (index >= 0).argmax(axis=1)]
    index = np.where(index >= 0, index, first[:, None])
    size = int(np.prod(x.shape[1:]))
    channels = np.arange(x.shape[0])[:, None, None] * size + index
    return _maximum(tensors, node, x, channels).reshaped((x.shape[0], *windows.out))


def global_max_pool(tensors: Tensors, node: OnnxNode) -> Tensor:
    """Maximum of each channel."""
    x = tensors.expression(node)
    index = np.arange(x.size).reshape(x.shape[0], 1, -1)
    return _maximum(tensors, node, x, index).reshaped((x.shape[0], *[1] * (len(x.shape) - 1)))


def _maximum(tensors: Tensors, node: OnnxNode, x: Expression, index: np.ndarray) -> Expression:
    """Maximum over the last axis of an index into ``x``."""
    parts = [x.rows(index[..., at]) for at in range(index.shape[-1])]
    while len(parts) > 1:
        pairs = zip(parts[::2], parts[1::2], strict=False)
        greater = [one.plus(tensors.unit(node, two.plus(one.scaled(-1.0)))) for one, two in pairs]
        parts = [*greater, *([parts[-1]] if len(parts) % 2 else [])]
    return parts[0]


def _leaky(tensors: Tensors, node: OnnxNode, slope: np.ndarray) -> Expression:
    x = tensors.expression(node)
    return x.scaled(slope).plus(tensors.unit(node, x).scaled(1.0 - slope))


def _limits(tensors: Tensors, node: OnnxNode) -> tuple[float, float]:
    """Limits of Clip: attributes before opset 11, inputs since."""
    low, high = (node.attributes.get(name) for name in ("min", "max"))
    found = [
        float(tensors.constant(node, at, "limit", default).reshape(-1)[0])
        for at, default in ((1, -np.inf if low is None else low), (2, np.inf if high is None else high))
    ]
    return found[0], found[1]


OPERATORS = {
    "Relu": relu,
    "LeakyRelu": leaky_relu,
    "PRelu": prelu,
    "Abs": absolute,
    "Clip": clip,
    "HardSigmoid": hard_sigmoid,
    "Sigmoid": sigmoid,
    "Tanh": tanh,
    "MaxPool": max_pool,
    "GlobalMaxPool": global_max_pool,
}
