"""NIR graph as plain values: known nodes, edges between two of them, subgraphs flattened."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chip.errors import NetworkError
from chip.naming import shown

__all__ = ["Graph", "Node", "graph_of"]

# Fields that a node must have, and those it may have; v_reset and w_in came with later versions of NIR.
NEURONS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "IF": (("r", "v_threshold"), ("v_reset",)),
    "LIF": (("tau", "r", "v_leak", "v_threshold"), ("v_reset",)),
    "CubaLIF": (("tau_syn", "tau_mem", "r", "v_leak", "v_threshold"), ("v_reset", "w_in")),
    "I": (("r",), ()),
    "LI": (("tau", "r", "v_leak"), ()),
    "CubaLI": (("tau_syn", "tau_mem", "r", "v_leak"), ("w_in",)),
    "Threshold": (("threshold",), ()),
}
_CONVOLUTION = ("weight", "bias", "stride", "padding", "dilation", "groups")
_POOL = ("kernel_size", "stride", "padding")
LINEAR: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "Linear": (("weight",), ()),
    "Affine": (("weight", "bias"), ()),
    "Scale": (("scale",), ()),
    "Delay": (("delay",), ()),
    "Flatten": (("start_dim", "end_dim"), ("input_type",)),
    "Conv1d": (_CONVOLUTION, ("input_shape",)),
    "Conv2d": (_CONVOLUTION, ("input_shape",)),
    "SumPool2d": (_POOL, ()),
    "AvgPool2d": (_POOL, ()),
}
ENDS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "Input": (("shape",), ()),
    "Output": (("shape",), ()),
}
KNOWN = {**ENDS, **LINEAR, **NEURONS}
# Kind of the Input and Output of a subgraph, which pass their values on.
PASS = "pass"
# Infinite in a file of snnTorch with beta = 1, where tau = dt / (1 - beta) and r = tau / dt.
_MAY_BE_INFINITE = ("tau", "tau_mem", "tau_syn", "r")
MAX_EDGES = 100_000
MAX_NESTED = 8


@dataclass(frozen=True)
class Node:
    """One node.

    Args:
        name: of the node; those of a subgraph follow its name and a dot.
        kind: type in NIR.
        fields: its parameters: arrays of float64, or a text for the padding "same" and "valid".
    """

    name: str
    kind: str
    fields: dict[str, Any]

    def array(self, name: str) -> NDArray[np.float64]:
        """Return a parameter as an array.

        Raises:
            NetworkError: it is a text.
        """
        value = self.fields[name]
        if isinstance(value, str):
            raise NetworkError(f"{name} is {value!r}, not a number"[:120], where=node_name(self))
        array: NDArray[np.float64] = value
        return array

    def shape(self) -> tuple[int, ...]:
        """Return the shape that an Input or Output states."""
        return tuple(int(length) for length in self.array("shape").ravel())


@dataclass(frozen=True)
class Graph:
    """Nodes by name and the edges between them.

    Args:
        nodes: in the order of the file.
        edges: name of source and target.
        metadata: metadata of the graph, unchecked.
    """

    nodes: dict[str, Node]
    edges: tuple[tuple[str, str], ...]
    metadata: dict[str, Any]

    def predecessors(self) -> dict[str, list[str]]:
        """Return the sources of every node."""
        found: dict[str, list[str]] = {name: [] for name in self.nodes}
        for source, target in self.edges:
            found[target].append(source)
        return found

    def successors(self) -> dict[str, list[str]]:
        """Return the targets of every node."""
        found: dict[str, list[str]] = {name: [] for name in self.nodes}
        for source, target in self.edges:
            found[source].append(target)
        return found


def node_name(node: Node) -> str:
    """Return the name of a node in error messages."""
    return f"node '{shown(node.name)}' ({shown(node.kind)})"


def graph_of(tree: Mapping[str, Any]) -> Graph:
    """Build the graph of nested dictionaries, as ``NIRGraph.to_dict`` or a file gives them.

    Raises:
        NetworkError: an unknown node, a missing field, an edge that ends nowhere; names the node.
    """
    nodes: dict[str, Node] = {}
    edges: list[tuple[str, str]] = []
    _collect(tree, "", 0, nodes, edges)
    kinds = {node.kind for node in nodes.values()}
    for needed in ("Input", "Output"):
        if needed not in kinds:
            raise NetworkError(f"has no {needed} node", where="nir")
    for source, target in edges:
        if nodes[source].kind == "Output":
            raise NetworkError(f"leads on to '{shown(target)}'", where=node_name(nodes[source]))
        if nodes[target].kind == "Input":
            raise NetworkError(f"has an input from '{shown(source)}'", where=node_name(nodes[target]))
    metadata = tree.get("metadata")
    return Graph(nodes, tuple(edges), metadata if isinstance(metadata, dict) else {})


def _collect(
    tree: Mapping[str, Any], prefix: str, depth: int, nodes: dict[str, Node], edges: list[tuple[str, str]]
) -> tuple[list[str], list[str]]:
    """Add the nodes and edges of a graph, subgraphs included; return its inputs and outputs."""
    where = f"graph '{shown(prefix.removesuffix('.'))}'" if prefix else "nir"
    if depth > MAX_NESTED:
        raise NetworkError(f"is nested more than {MAX_NESTED} deep", where=where)
    found, listed = tree.get("nodes"), tree.get("edges")
    if tree.get("type") != "NIRGraph" or not isinstance(found, Mapping) or listed is None:
        raise NetworkError("is not a NIRGraph with nodes and edges", where=where)
    begins: dict[str, list[str]] = {}
    ends: dict[str, list[str]] = {}
    for name, inner in found.items():
        full = f"{prefix}{name}"
        if not isinstance(inner, Mapping) or not isinstance(inner.get("type"), str):
            raise NetworkError("has no type", where=f"node '{shown(full)}'")
        if inner["type"] == "NIRGraph":
            begins[name], ends[name] = _collect(inner, f"{full}.", depth + 1, nodes, edges)
        else:
            nodes[full] = _node(full, inner, nested=depth > 0)
            begins[name] = ends[name] = [full]
    for source, target in _pairs(listed, where):
        for end in (source, target):
            if end not in found:
                hint = f"the file is damaged; its nodes here are {shown(', '.join(found))}"
                raise NetworkError(f"an edge names '{shown(end)}', which is no node", where=where, hint=hint)
        edges += [(one, other) for one in ends[source] for other in begins[target]]
    if len(edges) > MAX_EDGES or len(set(edges)) != len(edges):
        message = "has an edge twice" if len(edges) <= MAX_EDGES else f"has more than {MAX_EDGES} edges"
        raise NetworkError(message, where=where)
    kinds = {name: str(inner["type"]) for name, inner in found.items()}
    inputs = [f"{prefix}{name}" for name, kind in kinds.items() if kind == "Input"]
    outputs = [f"{prefix}{name}" for name, kind in kinds.items() if kind == "Output"]
    if depth and (len(inputs), len(outputs)) != (1, 1):
        raise NetworkError("has not one Input and one Output, as a graph within a graph must", where=where)
    return inputs, outputs


def _pairs(listed: Any, where: str) -> list[tuple[str, str]]:
    pairs = []
    for row in listed if isinstance(listed, list | tuple | np.ndarray) else [None]:
        if not isinstance(row, list | tuple | np.ndarray) or not all(isinstance(end, str) for end in row):
            raise NetworkError("has edges that are not pairs of names", where=where)
        if len(row) == 2:
            pairs.append((str(row[0]), str(row[1])))
        elif len(row):
            raise NetworkError("has edges that are not pairs of names", where=where)
    return pairs


def _node(name: str, values: Mapping[str, Any], *, nested: bool) -> Node:
    kind = values["type"]
    where = f"node '{shown(name)}' ({shown(kind)})"
    if kind not in KNOWN:
        hint = f"the chip can do {', '.join(KNOWN)}"
        raise NetworkError("is of a type that is not supported", where=where, hint=hint)
    needed, possible = KNOWN[kind]
    if missing := [field for field in needed if values.get(field) is None]:
        raise NetworkError(f"lacks {', '.join(missing)}", where=where)
    fields = {
        field: _value(f"{where}.{field}", values[field], infinite=field in _MAY_BE_INFINITE)
        for field in (*needed, *possible)
        if values.get(field) is not None
    }
    if nested and kind in ENDS:
        return Node(name, PASS, fields)
    return Node(name, kind, fields)


def _value(where: str, value: Any, *, infinite: bool) -> Any:
    """Validate a parameter: real, finite numbers (``infinite``: +inf too), or a text."""
    if isinstance(value, str):
        return value
    try:
        given = np.asarray(value)
        if given.dtype.kind == "c":
            hint = "the chip has real weights only; write the real part, if the imaginary one is zero"
            raise NetworkError("holds complex numbers", where=where, hint=hint)
        array = given.astype(np.float64)
    except (TypeError, ValueError, RuntimeError) as error:
        raise NetworkError("is not an array of numbers", where=where) from error
    usable = np.isfinite(array) | (infinite & np.isposinf(array))
    if not usable.all():
        at = np.unravel_index(int(np.argmin(usable)), array.shape)
        index = ", ".join(str(int(one)) for one in at)
        raise NetworkError(f"is {array[at]} at [{index}]", where=where)
    return array
