"""Integrators of a NIR graph, joined to what reads them: a Threshold, a neuron, or an Output.

The chip gives out spikes and no membranes. An integrator under a Threshold is a neuron without reset; an LI before a
LIF is the synaptic current of a CubaLIF; an LI before an Output is a filter of spikes that is computed outside.
"""

from __future__ import annotations

import numpy as np

from chip.errors import NetworkError
from chip.nir.declaration import Declaration
from chip.nir.graph import LINEAR, PASS, Graph, Node, node_name

__all__ = ["INTEGRATORS", "joined"]

INTEGRATORS = ("I", "LI", "CubaLI")
_HINT = "let it lead to one Threshold, to one LIF, or to an Output; or use IF or LIF in its place"


def joined(graph: Graph) -> tuple[Graph, list[Declaration]]:
    """Join integrators to their readers, and declare those that are left to the reader of the outputs.

    Raises:
        NetworkError: a membrane is read otherwise, or a Threshold has no integrator; names the node.
    """
    predecessors, successors = graph.predecessors(), graph.successors()
    nodes, renamed, declared = dict(graph.nodes), {}, []
    for name, node in graph.nodes.items():
        if node.kind not in INTEGRATORS:
            continue
        reader = successors[name][0] if len(successors[name]) == 1 else ""
        alone = reader != "" and len(predecessors[reader]) == 1
        kind = nodes[reader].kind if alone and reader in nodes else ""
        if kind == "Threshold" and node.kind != "CubaLI":
            nodes[name] = _comparator(node, nodes.pop(reader))
            renamed[reader] = name
        elif kind == "LIF" and node.kind == "LI":
            nodes[name] = _filtered(node, nodes.pop(reader))
            renamed[reader] = name
        elif _only_outputs(graph, successors, name):
            nodes[name] = Node(name, PASS, {})
            declared.append(_outside(node))
        else:
            raise NetworkError(
                "has a membrane that is read directly; the chip gives out spikes",
                where=node_name(node),
                hint=_HINT,
            )
    for node in nodes.values():
        if node.kind == "Threshold":
            message = "compares what has no memory; a neuron of the chip always has"
            raise NetworkError(message, where=node_name(node), hint="put it right behind an I or LI")
    edges = [(renamed.get(source, source), target) for source, target in graph.edges if target not in renamed]
    return Graph(nodes, tuple(edges), graph.metadata), declared


def _comparator(node: Node, threshold: Node) -> Node:
    fields = node.fields | {"v_threshold": threshold.array("threshold"), "free": np.ones(1)}
    return Node(node.name, "IF" if node.kind == "I" else "LIF", fields)


def _filtered(node: Node, neuron: Node) -> Node:
    """Join an LI and the LIF behind it: its membrane is the synaptic current of the neuron."""
    if node.array("v_leak").any():
        message = "has a v_leak other than 0 and leads to a LIF"
        raise NetworkError(message, where=node_name(node), hint="put the current into v_leak of the LIF")
    fields = {name: value for name, value in neuron.fields.items() if name != "tau"}
    fields |= {"tau_mem": neuron.fields["tau"], "tau_syn": node.fields["tau"], "w_in": node.fields["r"]}
    return Node(node.name, "CubaLIF", fields)


def _only_outputs(graph: Graph, successors: dict[str, list[str]], name: str) -> bool:
    """Return whether all ways from a node lead through linear nodes to Outputs."""
    waiting, seen = list(successors[name]), set[str]()
    while waiting:
        at = waiting.pop()
        kind = graph.nodes[at].kind
        if kind not in LINEAR and kind not in ("Output", PASS):
            return False
        if at not in seen:
            seen.add(at)
            waiting += successors[at]
    return bool(seen)


def _outside(node: Node) -> Declaration:
    words = f"the outputs count the spikes that {node.kind} would filter; its filter is computed outside of the chip"
    return Declaration(node.name, "readout", words, False)
