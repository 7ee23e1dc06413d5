"""Output shapes of the nodes of a NIR graph, and their agreement along the edges."""

from __future__ import annotations

import math
from collections import deque

from chip.errors import NetworkError
from chip.naming import shown
from chip.nir.convolution import Window
from chip.nir.declaration import Declaration
from chip.nir.graph import NEURONS, PASS, Graph, Node, node_name
from chip.validation import MAX_INPUTS, MAX_NEURONS

__all__ = ["shapes_of", "shapes_without_batch"]

Shape = tuple[int, ...]


def shapes_of(graph: Graph) -> dict[str, Shape]:
    """Infer the output shape of every node.

    Raises:
        NetworkError: a shape is negative, too large or unknown, or two neighbours disagree; names the node.
    """
    predecessors, successors = graph.predecessors(), graph.successors()
    shapes: dict[str, Shape] = {}
    waiting = deque(graph.nodes)
    while waiting:
        name = waiting.popleft()
        if name in shapes:
            continue
        incoming = next((shapes[source] for source in predecessors[name] if source in shapes), None)
        shape = _shape(graph.nodes[name], incoming, bool(predecessors[name]))
        if shape is not None:
            shapes[name] = shape
            waiting.extend(successors[name])
    for name, node in graph.nodes.items():
        if name not in shapes:
            raise NetworkError("has no input of a known shape", where=node_name(node))
    for source, target in graph.edges:
        _agree(graph, shapes, source, target)
    _limit(graph, shapes)
    return shapes


def shapes_without_batch(graph: Graph) -> tuple[Graph, dict[str, Shape], list[Declaration]]:
    """Infer the output shapes; where they only fit without the first dimension of Inputs and Outputs, drop it.

    Some exporters write the shape of a batch of samples. A chip runs one stream at a time.

    Raises:
        NetworkError: see ``shapes_of``; the shapes do not fit without it either.
    """
    try:
        return graph, shapes_of(graph), []
    except NetworkError as error:
        ends = {name: node for name, node in graph.nodes.items() if node.kind in ("Input", "Output")}
        deep = {name: node.array("shape").ravel() for name, node in ends.items()}
        if not any(shape.size > 1 for shape in deep.values()):
            raise
        short = {
            name: Node(name, ends[name].kind, {"shape": shape[1:] if shape.size > 1 else shape})
            for name, shape in deep.items()
        }
        changed = Graph({**graph.nodes, **short}, graph.edges, graph.metadata)
        try:
            shapes = shapes_of(changed)
        except NetworkError:
            raise error from None
        dropped = max(float(shape[0]) for shape in deep.values() if shape.size > 1)
        words = f"the first dimension of inputs and outputs, {dropped:g}, is that of a batch and was dropped"
        return changed, shapes, [Declaration("graph", "batch", words, True)]


def parameters_shape(node: Node) -> Shape:
    """Return the common shape of the parameters of a neuron; (1,) if all of them are single numbers."""
    shapes = {node.array(field).shape for field in node.fields}
    large = {shape for shape in shapes if math.prod(shape) != 1}
    if len(large) > 1:
        message = "has parameters of the shapes " + " and ".join(str(shape) for shape in sorted(large))
        raise NetworkError(message, where=node_name(node))
    return next(iter(large), (1,))


def _shape(node: Node, incoming: Shape | None, has_sources: bool) -> Shape | None:
    if node.kind in ("Input", "Output"):
        return _stated(node)
    if node.kind in NEURONS or node.kind in ("Scale", "Delay"):
        own = parameters_shape(node)
        return incoming if own == (1,) and has_sources else own
    if node.kind in ("Linear", "Affine"):
        weight = node.array("weight")
        if weight.ndim != 2 or 0 in weight.shape:
            raise NetworkError(f"weight has shape {weight.shape}, not two dimensions", where=node_name(node))
        return (weight.shape[0],)
    if incoming is None:
        return None
    if node.kind == PASS:
        return incoming
    return (math.prod(incoming),) if node.kind == "Flatten" else Window(node, incoming).out


def _stated(node: Node) -> Shape:
    values = node.array("shape").ravel()
    if (values != values.round()).any() or (values < 1).any() or (values > MAX_INPUTS).any():
        message = f"shape {values[:8].tolist()} is not made of whole numbers within 1..{MAX_INPUTS}"
        raise NetworkError(message, where=node_name(node))
    if math.prod(shape := tuple(int(value) for value in values)) > MAX_INPUTS:
        raise NetworkError(f"shape {shape} holds more than {MAX_INPUTS} values", where=node_name(node))
    return shape


def _agree(graph: Graph, shapes: dict[str, Shape], source: str, target: str) -> None:
    node, source_shape = graph.nodes[target], shapes[source]
    if node.kind in ("Linear", "Affine"):
        expected = node.array("weight").shape[1]
    elif "Pool" in node.kind or "Conv" in node.kind:
        if Window(node, source_shape).out != shapes[target]:
            raise NetworkError("has inputs of different shapes", where=node_name(node))
        return
    else:
        expected = math.prod(shapes[target])
    if math.prod(source_shape) != expected:
        message = f"takes {expected} values, but '{shown(source)}' gives {math.prod(source_shape)}"
        raise NetworkError(message, where=node_name(node))


def _limit(graph: Graph, shapes: dict[str, Shape]) -> None:
    limits = (("neurons", NEURONS, MAX_NEURONS), ("inputs", ("Input",), MAX_INPUTS))
    for what, kinds, limit in limits:
        count = sum(math.prod(shapes[name]) for name, node in graph.nodes.items() if node.kind in kinds)
        if count > limit:
            raise NetworkError(f"holds {count} {what}, more than {limit}", where="nir")
