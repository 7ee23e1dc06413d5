"""What linear nodes make of their inputs: for every node, one matrix from each neuron node or Input before it."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from chip.errors import NetworkError
from chip.nir.convolution import Matrix, unrolled, window_of
from chip.nir.graph import LINEAR, PASS, Graph, Node, place
from chip.nir.shapes import Shape
from chip.validation import MAX_SYNAPSES

__all__ = ["Current", "currents"]


@dataclass(frozen=True)
class Current:
    """What arrives at a node in a step.

    Args:
        weights: a matrix [value, source value] for each Input or neuron node that is heard.
        bias: what arrives in every step besides.
    """

    weights: dict[str, Matrix]
    bias: NDArray[np.float64]


def currents(graph: Graph, shapes: dict[str, Shape]) -> dict[str, Current]:
    """What arrives at every neuron node and Output.

    Raises:
        NetworkError: linear nodes form a loop without a neuron in it, or hold more weights than a description may.
    """
    before, after = graph.before(), graph.after()
    budget = _Budget()
    given = {name: _own(name, shapes, budget) for name, node in graph.nodes.items() if not _is_linear(node)}
    left = {name: len(before[name]) for name, node in graph.nodes.items() if _is_linear(node)}
    ready = deque(name for name, count in left.items() if count == 0)
    for source in given:
        for target in after[source]:
            if target in left:
                left[target] -= 1
                ready.extend([target] if left[target] == 0 else [])
    while ready:
        name = ready.popleft()
        if not before[name]:
            raise NetworkError("hears nothing", where=place(graph.nodes[name]))
        shape = shapes[before[name][0]]
        heard = _sum([given[source] for source in before[name]], math.prod(shape))
        given[name] = _through(graph.nodes[name], shape, heard, budget)
        for target in after[name]:
            if target in left:
                left[target] -= 1
                ready.extend([target] if left[target] == 0 else [])
    if stuck := [name for name, count in left.items() if count > 0]:
        raise NetworkError("is on a loop without a neuron", where=place(graph.nodes[stuck[0]]))
    ends = [name for name, node in graph.nodes.items() if not _is_linear(node) and node.kind != "Input"]
    arriving = {name: [given[source] for source in before[name]] for name in ends}
    _limit(arriving)
    return {name: _sum(parts, math.prod(shapes[name])) for name, parts in arriving.items()}


def _limit(arriving: dict[str, list[Current]]) -> None:
    """One matrix may lead to many nodes, each of which needs synapses of its own."""
    count = sum(
        matrix.nnz for parts in arriving.values() for part in parts for matrix in part.weights.values()
    )
    if count > MAX_SYNAPSES:
        raise NetworkError(f"holds {count} synapses, more than {MAX_SYNAPSES}", where="nir")


class _Budget:
    """Refuses before more weights are kept than a description may hold several times over."""

    def __init__(self) -> None:
        self.left = 4 * MAX_SYNAPSES

    def take(self, count: int, node: Node) -> None:
        self.left -= count
        if self.left < 0:
            raise NetworkError(f"makes more than {4 * MAX_SYNAPSES} weights in all", where=place(node))


def _is_linear(node: Node) -> bool:
    return node.kind in LINEAR or node.kind == PASS


def _own(name: str, shapes: dict[str, Shape], budget: _Budget) -> Current:
    size = math.prod(shapes[name])
    return Current({name: sparse.eye_array(size, format="csr")}, np.zeros(size))


def _sum(parts: list[Current], size: int) -> Current:
    if len(parts) == 1:
        return parts[0]
    weights: dict[str, Matrix] = {}
    bias = np.zeros(size)
    for part in parts:
        bias = bias + part.bias
        for source, matrix in part.weights.items():
            weights[source] = weights[source] + matrix if source in weights else matrix
    return Current(weights, bias)


def _through(node: Node, shape: Shape, heard: Current, budget: _Budget) -> Current:
    """What a linear node makes of what it hears."""
    budget.take(heard.bias.size, node)
    if node.kind in (PASS, "Flatten"):
        for matrix in heard.weights.values():
            budget.take(matrix.nnz, node)
        return heard
    own, bias = _matrix(node, shape, heard.bias.size)
    weights = {}
    for source, matrix in heard.weights.items():
        # The exact number of products, and so at least the number of weights that come of them.
        in_column = np.bincount(own.indices, minlength=own.shape[1])
        budget.take(int(in_column @ np.diff(matrix.indptr).astype(np.int64)), node)
        weights[source] = sparse.csr_array(own @ matrix)
    return Current(weights, own @ heard.bias + bias)


def _matrix(node: Node, shape: Shape, size: int) -> tuple[Matrix, NDArray[np.float64]]:
    if node.kind == "Scale":
        scale = np.broadcast_to(node.array("scale").ravel(), (size,))
        return sparse.diags_array(scale, format="csr"), np.zeros(size)
    if node.kind in ("Linear", "Affine"):
        weight = node.array("weight")
        bias = node.array("bias").ravel() if node.kind == "Affine" else np.zeros(weight.shape[0])
        if bias.size != weight.shape[0]:
            raise NetworkError(f"bias has {bias.size} values, not {weight.shape[0]}", where=place(node))
        return sparse.csr_array(weight), bias
    return unrolled(window_of(node, shape))
