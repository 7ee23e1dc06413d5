"""A NIR graph as one population of neurons in discrete time, still in real numbers.

Step k of a neuron, ``a`` and ``b`` being what the synaptic current and the membrane keep from step to step::

    i = a·i + w·s + bias
    v = b·v + i
    s = 1 if v > theta; then v = v_reset, or v = v - fall

NIR speaks of continuous time. A spike is a current of 1 that lasts one step of ``dt``. LI, LIF and CubaLIF are
stepped as Euler does, as snnTorch does: ``b = 1 - dt/tau``, and a current of 1 adds ``r·dt/tau``. IF and I add ``r`` in
a step, as snnTorch and sinabs have it.
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
from chip.nir.graph import NEURONS, Graph, Node, place
from chip.nir.linear import Current, currents
from chip.nir.populations import BELOW
from chip.nir.shapes import shapes_of

__all__ = ["Reset", "Units", "units_of"]

Reset = Literal["zero", "subtract"]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Units:
    """Neurons in a row, the nodes one after the other.

    Args:
        names: of the neuron nodes.
        starts: of each node in the row, and the end of the last.
        input_names: one of each input value.
        keep_current: a of each neuron, 0 where a spike acts at once and whole.
        keep: b of each neuron.
        theta: threshold that must be exceeded.
        fall: what a spike takes away, if resets subtract; 0 for an integrator under a Threshold.
        v_reset: where a spike leads to, if resets are to a value; NaN for an integrator under a Threshold.
        bias: what arrives in every step.
        weights: [neuron, input or neuron].
        level: of each neuron: how many groups of neurons, loops taken as one, a signal passes before it.
        readout: [output, neuron].
        output_bias: what each output gets in every step.
    """

    names: tuple[str, ...]
    starts: tuple[int, ...]
    input_names: tuple[str, ...]
    keep_current: Floats
    keep: Floats
    theta: Floats
    fall: Floats
    v_reset: Floats
    bias: Floats
    weights: Matrix
    level: NDArray[np.int64]
    readout: Matrix
    output_bias: Floats

    @property
    def count(self) -> int:
        """How many neurons there are."""
        return self.theta.size

    @property
    def n_inputs(self) -> int:
        """How many inputs there are."""
        return len(self.input_names)

    def node_of(self, neuron: int) -> str:
        """The node a neuron belongs to."""
        return self.names[int(np.searchsorted(self.starts, neuron, side="right")) - 1]

    def name_of(self, neuron: int) -> str:
        """A neuron as node and index within it."""
        at = int(np.searchsorted(self.starts, neuron, side="right")) - 1
        return f"{self.names[at]}[{neuron - self.starts[at]}]"


def units_of(graph: Graph, dt_s: float) -> Units:
    """The neurons of a graph and what they hear.

    Raises:
        NetworkError: a node does not fit its neighbours, or has parameters that no neuron can have; names it.
    """
    graph = _fused(graph)
    shapes = shapes_of(graph)
    heard = currents(graph, shapes)
    neurons = [name for name, node in graph.nodes.items() if node.kind in NEURONS]
    inputs = [name for name, node in graph.nodes.items() if node.kind == "Input"]
    outputs = [name for name, node in graph.nodes.items() if node.kind == "Output"]
    if not neurons:
        raise NetworkError("holds no neurons", where="nir")
    sizes = {name: math.prod(shapes[name]) for name in (*inputs, *neurons, *outputs)}
    parts = [_Dynamics.of(graph.nodes[name], sizes[name], dt_s) for name in neurons]
    gain = np.concatenate([part.gain for part in parts])
    weights = _stacked(heard, neurons, [*inputs, *neurons], sizes)
    bias = np.concatenate([heard[name].bias for name in neurons])
    starts = np.concatenate([[0], np.cumsum([sizes[name] for name in neurons])])
    for name in outputs:
        if direct := set(heard[name].weights) & set(inputs):
            words = f"hears {min(direct)!r} without a neuron between"
            raise NetworkError(words, where=place(graph.nodes[name]))
    return Units(
        names=tuple(neurons),
        starts=tuple(int(start) for start in starts),
        input_names=tuple(f"{name}[{at}]" for name in inputs for at in range(sizes[name])),
        weights=sparse.csr_array(sparse.diags_array(gain) @ weights),
        bias=gain * bias + np.concatenate([part.rest for part in parts]),
        level=_levels(weights[:, sum(sizes[name] for name in inputs) :], starts),
        readout=_stacked(heard, outputs, neurons, sizes),
        output_bias=np.concatenate([heard[name].bias for name in outputs]),
        **{
            field: np.concatenate([getattr(part, field) for part in parts])
            for field in ("keep_current", "keep", "theta", "fall", "v_reset")
        },
    )


@dataclass(frozen=True)
class _Dynamics:
    """The parameters of a neuron node, one of each neuron."""

    gain: Floats
    rest: Floats
    keep_current: Floats
    keep: Floats
    theta: Floats
    fall: Floats
    v_reset: Floats

    @staticmethod
    def of(node: Node, size: int, dt_s: float) -> _Dynamics:
        def given(field: str, default: float = 0.0) -> Floats:
            values = node.array(field).ravel() if field in node.fields else np.array([default])
            return np.broadcast_to(values, (size,)).astype(np.float64)

        share = _share(node, "tau_mem" if node.kind == "CubaLIF" else "tau", given, dt_s)
        share_current = _share(node, "tau_syn", given, dt_s)
        theta, v_reset = given("v_threshold"), given("v_reset")
        # A threshold of 0 stands a hair below it in exports of ours: a clock, which fires in every step.
        if (theta < -BELOW).any():
            raise NetworkError("has a negative threshold: it would fire at rest", where=place(node))
        if (v_reset > np.maximum(theta, 0)).any():
            raise NetworkError("is reset above its threshold", where=place(node))
        free = "free" in node.fields
        return _Dynamics(
            gain=given("r") * share * share_current * given("w_in", 1.0),
            # Behind a synaptic current it passes the filter of that, which would let it grow.
            rest=given("v_leak") * share * share_current,
            keep_current=1.0 - share_current,
            keep=1.0 - share if node.kind != "IF" else np.ones(size),
            theta=theta,
            fall=np.zeros(size) if free else theta - v_reset,
            v_reset=np.full(size, np.nan) if free else v_reset,
        )


def _share(node: Node, field: str, given: Callable[[str, float], Floats], dt_s: float) -> Floats:
    """dt/tau: which share of a quantity is renewed in a step; at most all of it."""
    values = given(field, dt_s)
    if (values <= 0).any():
        raise NetworkError(f"{field} is not above 0", where=place(node))
    share: Floats = np.minimum(1.0, dt_s / values)
    return share


def _fused(graph: Graph) -> Graph:
    """Integrators under a Threshold become neurons that a spike leaves as they are."""
    before, after = graph.before(), graph.after()
    nodes, renamed = dict(graph.nodes), {}
    for name, node in graph.nodes.items():
        if node.kind in ("I", "LI"):
            (target,) = after[name] if len(after[name]) == 1 else ("",)
            if target == "" or nodes[target].kind != "Threshold" or len(before[target]) != 1:
                words = "has a membrane that is read directly; the chip gives out spikes"
                hint = "let it lead to one Threshold and to nothing else, or use IF or LIF"
                raise NetworkError(words, where=place(node), hint=hint)
            threshold = nodes.pop(target).array("threshold")
            fields = node.fields | {"v_threshold": threshold, "free": np.ones(1)}
            nodes[name] = Node(name, "IF" if node.kind == "I" else "LIF", fields)
            renamed[target] = name
    for node in nodes.values():
        if node.kind == "Threshold":
            words = "compares what has no memory; a neuron of the chip always has"
            raise NetworkError(words, where=place(node), hint="put it right behind an I or LI")
    edges = [(renamed.get(source, source), target) for source, target in graph.edges if target not in renamed]
    return Graph(nodes, tuple(edges), graph.metadata)


def _stacked(
    heard: dict[str, Current], targets: list[str], sources: list[str], sizes: dict[str, int]
) -> Matrix:
    """One matrix of all targets, one below the other, and all sources side by side."""
    first = dict(zip(sources, np.cumsum([0, *(sizes[source] for source in sources)]), strict=False))
    rows, columns, values, top = [np.zeros(0, int)], [np.zeros(0, int)], [np.zeros(0)], 0
    for target in targets:
        for source, matrix in heard[target].weights.items():
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


def _levels(weights: Matrix, starts: NDArray[np.int64]) -> NDArray[np.int64]:
    """How many groups come before each neuron on the longest way, nodes on a common loop being one group."""
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
    while (late := level[between[1]] < level[between[0]] + 1).any():
        np.maximum.at(level, between[1][late], level[between[0][late]] + 1)
    levels: NDArray[np.int64] = level[group][node_of]
    return levels
