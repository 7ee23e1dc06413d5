"""NIR graph as one population of neurons in discrete time, in real numbers.

Step k of a neuron, ``a`` and ``b`` being the decay factors of synaptic current and membrane (snnTorch: alpha, beta)::

    i = a·i + w·s + bias
    v = b·v + i
    s = 1 if v > theta; then v = v_reset, or v = v - feedback

NIR defines continuous time. A spike is a current of 1 that lasts one step of ``dt``. LI, LIF and CubaLIF are
discretised by Euler's method, as in snnTorch: ``b = 1 - dt/tau``, and a current of 1 adds ``r·dt/tau``. IF and I add
``r`` in a step, as in snnTorch and sinabs.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse import csgraph

from chip.errors import NetworkError
from chip.nir.convolution import Matrix
from chip.nir.graph import NEURONS, Graph, Node, node_name
from chip.nir.linear import Current, currents
from chip.nir.populations import BELOW
from chip.nir.shapes import shapes_of

__all__ = ["DiscreteNeurons", "Reset", "discretise"]

Reset = Literal["zero", "subtract"]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class DiscreteNeurons:
    """Neurons of all nodes, one node after the other.

    Args:
        names: names of the neuron nodes.
        starts: first neuron of each node, and the end of the last.
        input_names: name of each input value.
        alpha: decay factor of the synaptic current of each neuron, 0 without synaptic current.
        beta: decay factor of the membrane of each neuron.
        theta: threshold that must be exceeded.
        feedback: amount that a spike subtracts, if resets subtract; 0 for an integrator under a Threshold.
        v_reset: membrane after a spike, if resets are to a value; NaN for an integrator under a Threshold.
        bias: constant input of every step.
        weights: [neuron, input or neuron].
        layer: of each neuron: number of groups of neurons, loops counted as one, that a signal passes before it.
        readout: weights of the outputs, [output, neuron].
        output_bias: constant input of each output.
    """

    names: tuple[str, ...]
    starts: tuple[int, ...]
    input_names: tuple[str, ...]
    alpha: Floats
    beta: Floats
    theta: Floats
    feedback: Floats
    v_reset: Floats
    bias: Floats
    weights: Matrix
    layer: NDArray[np.int64]
    readout: Matrix
    output_bias: Floats

    @property
    def count(self) -> int:
        """Number of neurons."""
        return self.theta.size

    @property
    def n_inputs(self) -> int:
        """Number of inputs."""
        return len(self.input_names)

    def node_of(self, neuron: int) -> str:
        """Return the node of a neuron."""
        return self.names[int(np.searchsorted(self.starts, neuron, side="right")) - 1]

    def name_of(self, neuron: int) -> str:
        """Return the name of a neuron: its node and its index within it."""
        at = int(np.searchsorted(self.starts, neuron, side="right")) - 1
        return f"{self.names[at]}[{neuron - self.starts[at]}]"


def discretise(graph: Graph, dt_s: float) -> DiscreteNeurons:
    """Discretise the neurons of a graph and their connections.

    Raises:
        NetworkError: a node does not fit its neighbours, or has parameters that no neuron can have; names it.
    """
    graph = _fused(graph)
    shapes = shapes_of(graph)
    arriving = currents(graph, shapes)
    neuron_nodes = [name for name, node in graph.nodes.items() if node.kind in NEURONS]
    inputs = [name for name, node in graph.nodes.items() if node.kind == "Input"]
    outputs = [name for name, node in graph.nodes.items() if node.kind == "Output"]
    if not neuron_nodes:
        raise NetworkError("holds no neurons", where="nir")
    sizes = {name: math.prod(shapes[name]) for name in (*inputs, *neuron_nodes, *outputs)}
    parts = [_Dynamics.of(graph.nodes[name], sizes[name], dt_s) for name in neuron_nodes]
    gain = np.concatenate([part.gain for part in parts])
    weights = _stacked(arriving, neuron_nodes, [*inputs, *neuron_nodes], sizes)
    bias = np.concatenate([arriving[name].bias for name in neuron_nodes])
    starts = np.concatenate([[0], np.cumsum([sizes[name] for name in neuron_nodes])])
    for name in outputs:
        if direct := set(arriving[name].weights) & set(inputs):
            message = f"is connected to {min(direct)!r} without a neuron between"
            raise NetworkError(message, where=node_name(graph.nodes[name]))
    return DiscreteNeurons(
        names=tuple(neuron_nodes),
        starts=tuple(int(start) for start in starts),
        input_names=tuple(f"{name}[{at}]" for name in inputs for at in range(sizes[name])),
        weights=sparse.csr_array(sparse.diags_array(gain) @ weights),
        bias=gain * bias + np.concatenate([part.rest for part in parts]),
        layer=_layers(weights[:, sum(sizes[name] for name in inputs) :], starts),
        readout=_stacked(arriving, outputs, neuron_nodes, sizes),
        output_bias=np.concatenate([arriving[name].bias for name in outputs]),
        **{
            field: np.concatenate([getattr(part, field) for part in parts])
            for field in ("alpha", "beta", "theta", "feedback", "v_reset")
        },
    )


@dataclass(frozen=True)
class _Dynamics:
    """Parameters of a neuron node, one value for each neuron."""

    gain: Floats
    rest: Floats
    alpha: Floats
    beta: Floats
    theta: Floats
    feedback: Floats
    v_reset: Floats

    @staticmethod
    def of(node: Node, size: int, dt_s: float) -> _Dynamics:
        def parameter(field: str, default: float = 0.0) -> Floats:
            values = node.array(field).ravel() if field in node.fields else np.array([default])
            return np.broadcast_to(values, (size,)).astype(np.float64)

        share = _share(node, "tau_mem" if node.kind == "CubaLIF" else "tau", parameter, dt_s)
        share_current = _share(node, "tau_syn", parameter, dt_s)
        theta, v_reset = parameter("v_threshold"), parameter("v_reset")
        # A threshold of 0 is exported as slightly less: a clock, which fires in every step.
        if (theta < -BELOW).any():
            raise NetworkError("has a negative threshold: it would fire at rest", where=node_name(node))
        if (v_reset > np.maximum(theta, 0)).any():
            raise NetworkError("is reset above its threshold", where=node_name(node))
        free = "free" in node.fields
        return _Dynamics(
            gain=parameter("r") * share * share_current * parameter("w_in", 1.0),
            # With a synaptic current the rest passes its filter, whose gain is 1 / share_current.
            rest=parameter("v_leak") * share * share_current,
            alpha=1.0 - share_current,
            beta=1.0 - share if node.kind != "IF" else np.ones(size),
            theta=theta,
            feedback=np.zeros(size) if free else theta - v_reset,
            v_reset=np.full(size, np.nan) if free else v_reset,
        )


def _share(node: Node, field: str, parameter: Callable[[str, float], Floats], dt_s: float) -> Floats:
    """Return dt/tau, the share of a quantity that is renewed in a step; at most 1."""
    values = parameter(field, dt_s)
    if (values <= 0).any():
        raise NetworkError(f"{field} is not above 0", where=node_name(node))
    share: Floats = np.minimum(1.0, dt_s / values)
    return share


def _fused(graph: Graph) -> Graph:
    """Merge integrators with the Threshold behind them into neurons without reset."""
    predecessors, successors = graph.predecessors(), graph.successors()
    nodes, renamed = dict(graph.nodes), {}
    for name, node in graph.nodes.items():
        if node.kind in ("I", "LI"):
            (target,) = successors[name] if len(successors[name]) == 1 else ("",)
            if target == "" or nodes[target].kind != "Threshold" or len(predecessors[target]) != 1:
                message = "has a membrane that is read directly; the chip gives out spikes"
                hint = "let it lead to one Threshold and to nothing else, or use IF or LIF"
                raise NetworkError(message, where=node_name(node), hint=hint)
            threshold = nodes.pop(target).array("threshold")
            fields = node.fields | {"v_threshold": threshold, "free": np.ones(1)}
            nodes[name] = Node(name, "IF" if node.kind == "I" else "LIF", fields)
            renamed[target] = name
    for node in nodes.values():
        if node.kind == "Threshold":
            message = "compares what has no memory; a neuron of the chip always has"
            raise NetworkError(message, where=node_name(node), hint="put it right behind an I or LI")
    edges = [(renamed.get(source, source), target) for source, target in graph.edges if target not in renamed]
    return Graph(nodes, tuple(edges), graph.metadata)


def _stacked(
    arriving: dict[str, Current], targets: list[str], sources: list[str], sizes: dict[str, int]
) -> Matrix:
    """Build one matrix of all targets, one below the other, and all sources side by side."""
    first = dict(zip(sources, np.cumsum([0, *(sizes[source] for source in sources)]), strict=False))
    rows, columns, values, top = [np.zeros(0, int)], [np.zeros(0, int)], [np.zeros(0)], 0
    for target in targets:
        for source, matrix in arriving[target].weights.items():
            entries = matrix.tocoo()
            rows.append(entries.row + top)
            columns.append(entries.col + first[source])
            values.append(entries.data)
        top += sizes[target]
    where = (np.concatenate(rows), np.concatenate(columns))
    shape = (top, sum(sizes[source] for source in sources))
    stacked: Matrix = sparse.csr_array((np.concatenate(values), where), shape=shape)
    stacked.eliminate_zeros()
    return stacked


def _layers(weights: Matrix, starts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Compute the layer of each neuron: groups before it on the longest way, nodes on a common loop being one group."""
    count = starts.size - 1
    node_of = np.repeat(np.arange(count), np.diff(starts))
    entries = weights.tocoo()
    pairs = np.unique(np.stack([node_of[entries.row], node_of[entries.col]]), axis=1)
    edges = sparse.csr_array((np.ones(pairs.shape[1]), (pairs[1], pairs[0])), shape=(count, count))
    _, group = csgraph.connected_components(edges, directed=True, connection="strong")
    between = np.unique(np.stack([group[pairs[1]], group[pairs[0]]]), axis=1)
    between = between[:, between[0] != between[1]]
    level = np.zeros(group.max() + 1, np.int64)
    # Groups form no loop, so this ends after as many rounds as the longest way has groups.
    while (too_low := level[between[1]] < level[between[0]] + 1).any():
        np.maximum.at(level, between[1][too_low], level[between[0][too_low]] + 1)
    levels: NDArray[np.int64] = level[group][node_of]
    return levels
