"""Linear nodes composed into one matrix from each neuron node or Input to each neuron node or Output."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from chip.errors import NetworkError
from chip.nir.convolution import Matrix, Window, unrolled
from chip.nir.graph import LINEAR, PASS, Graph, Node, node_name
from chip.nir.shapes import Shape
from chip.validation import MAX_SYNAPSES

__all__ = ["Current", "currents", "delay_steps"]

# Each step of a delay takes a neuron for each source.
MAX_DELAY = 1000


@dataclass(frozen=True)
class Current:
    """Input of a node in a step, as a function of the spikes.

    Args:
        weights: a matrix [value, source value] for each Input or neuron node that contributes, and each delay of
            its spikes in steps.
        bias: constant part.
    """

    weights: dict[tuple[str, int], Matrix]
    bias: NDArray[np.float64]


def currents(graph: Graph, shapes: dict[str, Shape], dt_s: float) -> dict[str, Current]:
    """Compute the input of every neuron node and Output.

    Raises:
        NetworkError: a delay is negative or too long; linear nodes form a loop without a neuron in it, or hold more
            weights than a description may.
    """
    predecessors, successors = graph.predecessors(), graph.successors()
    budget = _Budget()
    outputs = {name: _own(name, shapes, budget) for name, node in graph.nodes.items() if not _is_linear(node)}
    left = {name: len(predecessors[name]) for name, node in graph.nodes.items() if _is_linear(node)}
    ready = deque(name for name, count in left.items() if count == 0)
    for source in outputs:
        for target in successors[source]:
            if target in left:
                left[target] -= 1
                ready.extend([target] if left[target] == 0 else [])
    while ready:
        name = ready.popleft()
        if not predecessors[name]:
            raise NetworkError("has no input", where=node_name(graph.nodes[name]))
        shape = shapes[predecessors[name][0]]
        total = _sum([outputs[source] for source in predecessors[name]], math.prod(shape))
        outputs[name] = _apply(graph.nodes[name], shape, total, budget, dt_s)
        for target in successors[name]:
            if target in left:
                left[target] -= 1
                ready.extend([target] if left[target] == 0 else [])
    if stuck := [name for name, count in left.items() if count > 0]:
        raise NetworkError("is on a loop without a neuron", where=node_name(graph.nodes[stuck[0]]))
    ends = [name for name, node in graph.nodes.items() if not _is_linear(node) and node.kind != "Input"]
    arriving = {name: [outputs[source] for source in predecessors[name]] for name in ends}
    _limit(arriving)
    return {name: _sum(parts, math.prod(shapes[name])) for name, parts in arriving.items()}


def _limit(arriving: dict[str, list[Current]]) -> None:
    """Refuse too many synapses: one matrix may lead to many nodes, each of which needs synapses of its own."""
    count = sum(
        matrix.nnz for parts in arriving.values() for part in parts for matrix in part.weights.values()
    )
    if count > MAX_SYNAPSES:
        raise NetworkError(f"holds {count} synapses, more than {MAX_SYNAPSES}", where="nir")


class _Budget:
    """Limit on the weights of all intermediate matrices: several times what a description may hold."""

    def __init__(self) -> None:
        self.left = 4 * MAX_SYNAPSES

    def take(self, count: int, node: Node) -> None:
        self.left -= count
        if self.left < 0:
            raise NetworkError(f"makes more than {4 * MAX_SYNAPSES} weights in all", where=node_name(node))


def _is_linear(node: Node) -> bool:
    return node.kind in LINEAR or node.kind == PASS


def _own(name: str, shapes: dict[str, Shape], budget: _Budget) -> Current:
    size = math.prod(shapes[name])
    return Current({(name, 0): sparse.eye_array(size, format="csr")}, np.zeros(size))


def _sum(parts: list[Current], size: int) -> Current:
    if len(parts) == 1:
        return parts[0]
    weights: dict[tuple[str, int], Matrix] = {}
    bias = np.zeros(size)
    for part in parts:
        bias = bias + part.bias
        for source, matrix in part.weights.items():
            weights[source] = weights[source] + matrix if source in weights else matrix
    return Current(weights, bias)


def _apply(node: Node, shape: Shape, arriving: Current, budget: _Budget, dt_s: float) -> Current:
    """Apply a linear node to its input."""
    budget.take(arriving.bias.size, node)
    if node.kind == "Delay":
        return _delayed(node, arriving, budget, dt_s)
    if node.kind in (PASS, "Flatten"):
        for matrix in arriving.weights.values():
            budget.take(matrix.nnz, node)
        return arriving
    own, bias = _matrix(node, shape, arriving.bias.size)
    weights = {}
    for source, matrix in arriving.weights.items():
        # The exact number of products, and so at least the number of weights that come of them.
        in_column = np.bincount(own.indices, minlength=own.shape[1])
        budget.take(int(in_column @ np.diff(matrix.indptr).astype(np.int64)), node)
        weights[source] = sparse.csr_array(own @ matrix)
    return Current(weights, own @ arriving.bias + bias)


def _delayed(node: Node, arriving: Current, budget: _Budget, dt_s: float) -> Current:
    """Delay each value by a whole number of steps."""
    steps = np.broadcast_to(delay_steps(node, dt_s), (arriving.bias.size,))
    weights: dict[tuple[str, int], Matrix] = {}
    for step in np.unique(steps).tolist():
        chosen = sparse.diags_array((steps == step).astype(np.float64), format="csr")
        for (source, before), matrix in arriving.weights.items():
            budget.take(matrix.nnz, node)
            part = sparse.csr_array(chosen @ matrix)
            key = source, before + int(step)
            if key[1] > MAX_DELAY:
                raise NetworkError(f"adds up to more than {MAX_DELAY} steps", where=node_name(node))
            weights[key] = weights[key] + part if key in weights else part
    return Current(weights, arriving.bias)


def delay_steps(node: Node, dt_s: float) -> NDArray[np.int64]:
    """Return the delays of a Delay node in steps.

    Raises:
        NetworkError: one is negative, or longer than ``MAX_DELAY`` steps.
    """
    delay = node.array("delay").ravel()
    if (delay < 0).any():
        raise NetworkError("has a negative delay", where=node_name(node))
    if (longest := float(delay.max(initial=0)) / dt_s) > MAX_DELAY:
        message = f"delays by {longest:.4g} steps, more than {MAX_DELAY}"
        hint = f"take a longer step: --dt {float(delay.max()) / 16:.1g}"
        raise NetworkError(message, where=node_name(node), hint=hint)
    return np.round(delay / dt_s).astype(np.int64)


def _matrix(node: Node, shape: Shape, size: int) -> tuple[Matrix, NDArray[np.float64]]:
    if node.kind == "Scale":
        scale = np.broadcast_to(node.array("scale").ravel(), (size,))
        return sparse.diags_array(scale, format="csr"), np.zeros(size)
    if node.kind in ("Linear", "Affine"):
        weight = node.array("weight")
        bias = node.array("bias").ravel() if node.kind == "Affine" else np.zeros(weight.shape[0])
        if bias.size != weight.shape[0]:
            raise NetworkError(f"bias has {bias.size} values, not {weight.shape[0]}", where=node_name(node))
        return sparse.csr_array(weight), bias
    return unrolled(Window(node, shape))
