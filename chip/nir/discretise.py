"""NIR graph as one population of neurons in discrete time, in real numbers.

Step k of a neuron, ``a`` and ``b`` being the decay factors of synaptic current and membrane (snnTorch: alpha, beta)::

    i = a·i + w·s + bias
    v = b·v + i
    s = 1 if v > theta; then v = v_reset, or v = v - feedback

NIR defines continuous time. A spike is a current of 1 that lasts one step of ``dt``. LI, LIF and CubaLIF are
discretised by Euler's method, as in snnTorch: ``b = 1 - dt/tau``, and a current of 1 adds ``r·dt/tau``. IF and I add
``r`` in a step, as in snnTorch and sinabs. snnTorch subtracts the threshold a step late, after the leak: a feedback of
``theta/b`` at the spike.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse import csgraph

from chip.errors import NetworkError
from chip.naming import shown
from chip.nir.convolution import Matrix
from chip.nir.declaration import Declaration
from chip.nir.graph import NEURONS, Graph, node_name
from chip.nir.linear import Current, currents
from chip.nir.neuron_dynamics import Reset, dynamics_of
from chip.nir.readouts import joined
from chip.nir.shapes import shapes_without_batch

__all__ = ["DiscreteNeurons", "Reset", "discretise", "sum_of_delays"]

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
        weights: [neuron, source], the sources being inputs and neurons, then the same a step later, and so on.
        layer: of each neuron: number of groups of neurons, loops counted as one, that a signal passes before it.
        readout: weights of the outputs, [output, neuron].
        output_bias: constant input of each output.
        declared: what was changed in the graph before.
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
    declared: tuple[Declaration, ...] = ()

    @property
    def count(self) -> int:
        """Number of neurons."""
        return self.theta.size

    @property
    def n_inputs(self) -> int:
        """Number of inputs."""
        return len(self.input_names)

    @property
    def n_sources(self) -> int:
        """Number of inputs and neurons."""
        return self.n_inputs + self.count

    @property
    def input_weights(self) -> Matrix:
        """Weights of the inputs without their delays, [neuron, input]."""
        return sum_of_delays(self)[:, : self.n_inputs]

    def node_of(self, neuron: int) -> str:
        """Return the node of a neuron."""
        return self.names[int(np.searchsorted(self.starts, neuron, side="right")) - 1]

    def name_of(self, neuron: int) -> str:
        """Return the name of a neuron: its node and its index within it."""
        at = int(np.searchsorted(self.starts, neuron, side="right")) - 1
        return f"{self.names[at]}[{neuron - self.starts[at]}]"


def sum_of_delays(neurons: DiscreteNeurons) -> Matrix:
    """Return the weights [neuron, input or neuron], those of one source with several delays added up."""
    entries = neurons.weights.tocoo()
    where = (entries.row, entries.col % neurons.n_sources)
    added: Matrix = sparse.csr_array((entries.data, where), shape=(neurons.count, neurons.n_sources))
    return added


def discretise(graph: Graph, dt_s: float, reset: Reset = "zero") -> DiscreteNeurons:
    """Discretise the neurons of a graph and their connections.

    Raises:
        NetworkError: a node does not fit its neighbours, or has parameters that no neuron can have; names it.
    """
    graph, declared = joined(graph)
    graph, shapes, batch = shapes_without_batch(graph)
    arriving = currents(graph, shapes, dt_s)
    neuron_nodes = [name for name, node in graph.nodes.items() if node.kind in NEURONS]
    inputs = [name for name, node in graph.nodes.items() if node.kind == "Input"]
    outputs = [name for name, node in graph.nodes.items() if node.kind == "Output"]
    if not neuron_nodes:
        hint = "a chip of spiking neurons needs one: IF, LIF, CubaLIF, or a Threshold behind an I or LI"
        raise NetworkError("holds no neurons", where="nir", hint=hint)
    sizes = {name: math.prod(shapes[name]) for name in (*inputs, *neuron_nodes, *outputs)}
    parts = [dynamics_of(graph.nodes[name], sizes[name], dt_s, reset) for name in neuron_nodes]
    gain = np.concatenate([part.gain for part in parts])
    weights = _stacked(arriving, neuron_nodes, [*inputs, *neuron_nodes], sizes)
    bias = np.concatenate([arriving[name].bias for name in neuron_nodes])
    starts = np.concatenate([[0], np.cumsum([sizes[name] for name in neuron_nodes])])
    for name in outputs:
        if direct := {source for source, _ in arriving[name].weights} & set(inputs):
            message = f"is connected to '{shown(min(direct))}' without a neuron between"
            raise NetworkError(message, where=node_name(graph.nodes[name]))
    return DiscreteNeurons(
        names=tuple(neuron_nodes),
        starts=tuple(int(start) for start in starts),
        input_names=tuple(f"{name}[{at}]" for name in inputs for at in range(sizes[name])),
        weights=sparse.csr_array(sparse.diags_array(gain) @ weights),
        bias=gain * bias + np.concatenate([part.rest for part in parts]),
        layer=_layers(weights, sum(sizes[name] for name in inputs), starts),
        readout=_stacked(arriving, outputs, neuron_nodes, sizes, delays=False),
        output_bias=np.concatenate([arriving[name].bias for name in outputs]),
        **{
            field: np.concatenate([getattr(part, field) for part in parts])
            for field in ("alpha", "beta", "theta", "feedback", "v_reset")
        },
        declared=(*declared, *batch, *_declared_delays(graph, dt_s), *_assumed_resets(graph)),
    )


def _declared_delays(graph: Graph, dt_s: float) -> Iterator[Declaration]:
    for name, node in graph.nodes.items():
        if node.kind == "Delay":
            steps = node.array("delay").ravel() / dt_s
            off = float(np.abs(steps - np.round(steps)).max(initial=0))
            words = f"a chain of up to {int(np.round(steps).max(initial=0))} neurons for each source"
            rounded = f", rounded by up to {off:.2g} steps" if off > 1e-6 else ""
            yield Declaration(name, "delay", words + rounded, off <= 1e-6)


def _assumed_resets(graph: Graph) -> Iterator[Declaration]:
    for name, node in graph.nodes.items():
        if node.kind in NEURONS and "free" not in node.fields and "v_reset" not in node.fields:
            yield Declaration(name, "reset", "the file gives no v_reset: 0, as the package nir assumes", True)


def _stacked(
    arriving: dict[str, Current],
    targets: list[str],
    sources: list[str],
    sizes: dict[str, int],
    *,
    delays: bool = True,
) -> Matrix:
    """Build one matrix of all targets, one below the other, and all sources side by side, a block for each delay."""
    first = dict(zip(sources, np.cumsum([0, *(sizes[source] for source in sources)]), strict=False))
    width = sum(sizes[source] for source in sources)
    rows, columns, values, top, blocks = [np.zeros(0, int)], [np.zeros(0, int)], [np.zeros(0)], 0, 1
    for target in targets:
        for (source, delay), matrix in arriving[target].weights.items():
            if delay and not delays:
                hint = "put the delay in front of the last neurons"
                raise NetworkError(
                    "is delayed behind the last neuron", where=f"node '{shown(target)}'", hint=hint
                )
            entries = matrix.tocoo()
            rows.append(entries.row + top)
            columns.append(entries.col + first[source] + delay * width)
            values.append(entries.data)
            blocks = max(blocks, delay + 1)
        top += sizes[target]
    where = (np.concatenate(rows), np.concatenate(columns))
    stacked: Matrix = sparse.csr_array((np.concatenate(values), where), shape=(top, blocks * width))
    stacked.eliminate_zeros()
    return stacked


def _layers(weights: Matrix, n_inputs: int, starts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Compute the layer of each neuron: groups before it on the longest way, nodes on a common loop being one group."""
    count = starts.size - 1
    node_of = np.repeat(np.arange(count), np.diff(starts))
    entries = weights.tocoo()
    source = entries.col % (n_inputs + int(starts[-1])) - n_inputs
    between = source >= 0
    pairs = np.unique(np.stack([node_of[entries.row[between]], node_of[source[between]]]), axis=1)
    edges = sparse.csr_array((np.ones(pairs.shape[1]), (pairs[1], pairs[0])), shape=(count, count))
    _, group = csgraph.connected_components(edges, directed=True, connection="strong")
    steps = np.unique(np.stack([group[pairs[1]], group[pairs[0]]]), axis=1)
    steps = steps[:, steps[0] != steps[1]]
    level = np.zeros(group.max() + 1, np.int64)
    # Groups form no loop, so this ends after as many rounds as the longest way has groups.
    while (too_low := level[steps[1]] < level[steps[0]] + 1).any():
        np.maximum.at(level, steps[1][too_low], level[steps[0][too_low]] + 1)
    levels: NDArray[np.int64] = level[group][node_of]
    return levels
