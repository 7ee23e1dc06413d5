"""Division of a network into the populations of a NIR graph and the weight matrices between them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from chip.connectivity import steps_from_inputs
from chip.errors import NetworkError
from chip.network import Network

__all__ = ["BELOW", "Blocks", "Population", "blocks_of", "populations_of"]

# Distance of thresholds below the integer, so that ">" and ">=" of different simulators mean the same. A resetting
# simulator subtracts that much too little, which gives one spike too many in 4095. With membranes up to 2047 it is the
# smallest distance that float32 adds up without rounding.
BELOW = 2.0**-12
MAX_WEIGHTS = 1 << 26
Integers = NDArray[np.int64]
Blocks = dict[tuple[str, str], NDArray[np.float32] | None]


@dataclass(frozen=True)
class Population:
    """Neurons of one IF or LIF node; a neuron with a negative output occurs twice.

    Args:
        name: of the node.
        neuron: index in the network, of each.
        sign: +1 for the half that sends +1, -1 for the one that sends -1.
        theta: threshold of each.
        decay: n of the leak of each; all 0, or none.
        layer: steps from the inputs, or 0 if the network has no layers.
    """

    name: str
    neuron: Integers
    sign: Integers
    theta: Integers
    decay: Integers
    layer: int

    @property
    def size(self) -> int:
        """Number of neurons, halves counted singly."""
        return self.neuron.size


def populations_of(network: Network) -> list[Population]:
    """Divide a network by layers, and into leaking and other neurons.

    Raises:
        NetworkError: the network has no input, neuron or output.
    """
    for count, what in (
        (network.n_inputs, "inputs"),
        (network.n_neurons, "neurons"),
        (network.n_outputs, "outputs"),
    ):
        if count == 0:
            raise NetworkError(f"has no {what}, which a NIR graph needs", where="network")
    layer = _layers(network)
    found = []
    for at in range(int(layer.max()) + 1):
        for kind, leaks in (("if", False), ("lif", True)):
            members = np.flatnonzero((layer == at) & ((network.decay > 0) == leaks))
            if members.size:
                found.append(_population(network, f"{kind}_{at}", _in_output_order(network, members), at))
    return found


def _layers(network: Network) -> Integers:
    """Return the layer of each neuron if every synapse leads to the next and outputs are in the last; else all 0."""
    steps = steps_from_inputs(network)
    from_input = network.source < network.n_inputs
    source = np.where(from_input, 0, steps[np.maximum(network.source - network.n_inputs, 0)])
    strict = (steps > 0).all() and (source + 1 == steps[network.target]).all()
    if strict and (steps[network.outputs] == steps.max()).all():
        return steps - 1
    return np.zeros(network.n_neurons, np.int64)


def _in_output_order(network: Network, members: Integers) -> Integers:
    """Return the outputs in their order if they are exactly the members, so that no matrix is needed behind them."""
    outputs = network.outputs.astype(np.int64)
    return outputs if np.array_equal(np.sort(outputs), members) else members


def _population(network: Network, name: str, members: Integers, layer: int) -> Population:
    signed = members[network.negative[members]]
    neuron = np.concatenate([members, signed])
    sign = np.repeat([1, -1], [members.size, signed.size])
    theta = np.where(sign > 0, network.theta_p[neuron], network.theta_n[neuron]).astype(np.int64)
    return Population(name, neuron, sign, theta, network.decay[neuron].astype(np.int64), layer)


def blocks_of(network: Network, populations: list[Population]) -> Blocks:
    """Build the matrix of each connection of "input", populations and "output"; None for an identity.

    Raises:
        NetworkError: the matrices would be too large.
    """
    layered = populations[-1].layer > 0
    pairs = [
        (one, other)
        for one in populations
        for other in populations
        if other.layer == one.layer + 1
        or (other.layer == one.layer and (not layered or _feeds_back(network, one)))
    ]
    first = [population for population in populations if population.layer == 0]
    size = sum(one.size * other.size for one, other in pairs)
    size += sum(network.n_inputs * one.size for one in first)
    size += sum(network.n_outputs * one.size for one in populations)
    if size > MAX_WEIGHTS:
        message = f"would take matrices of {size} weights, more than {MAX_WEIGHTS}"
        raise NetworkError(message, where="network", hint="NIR knows no sparse matrices; export a part")
    blocks: Blocks = {("input", one.name): _synapses(network, None, one) for one in first}
    for one, other in pairs:
        weight = _synapses(network, one, other)
        if one is other:
            weight += _feedback(network, one)
        if weight.any():
            blocks[one.name, other.name] = weight
    blocks |= _readout(network, populations)
    return blocks


def _feeds_back(network: Network, population: Population) -> bool:
    """Return whether the reset of NIR by the threshold differs from the feedback of the chip."""
    odd = population.theta != network.w_fb[population.neuron]
    return bool(odd.any() or (population.sign < 0).any())


def _synapses(network: Network, source: Population | None, target: Population) -> NDArray[np.float32]:
    """Build the matrix [target, source]; inputs are signed already, halves of a neuron have the sign they send."""
    inputs = network.n_inputs
    if source is None:
        columns = np.arange(inputs)
        sign = np.ones(inputs, np.int64)
    else:
        columns, sign = source.neuron + inputs, source.sign
    # Column of each source of the network: that of its half for +1, and that of its half for -1.
    place = np.full((2, inputs + network.n_neurons), -1)
    place[(sign < 0).astype(int), columns] = np.arange(columns.size)
    rows = np.full((2, network.n_neurons), -1)
    rows[(target.sign < 0).astype(int), target.neuron] = np.arange(target.size)
    weight = np.zeros((target.size, columns.size), np.float32)
    for to, to_sign in ((0, 1), (1, -1)):
        for of, of_sign in ((0, 1), (1, -1)):
            row, column = rows[to, network.target], place[of, network.source]
            there = (row >= 0) & (column >= 0)
            weight[row[there], column[there]] = to_sign * of_sign * network.weight[there]
    return weight


def _feedback(network: Network, population: Population) -> NDArray[np.float32]:
    """Build the matrix that corrects, one step later, a reset by the threshold of the half that fired alone."""
    w_fb = network.w_fb[population.neuron]
    kept = np.where(population.decay > 0, 1 - np.exp2(-population.decay), 1.0)
    weight = np.diag(kept * (population.theta - BELOW - w_fb)).astype(np.float32)
    minus = np.flatnonzero(population.sign < 0)
    first = {int(neuron): at for at, neuron in enumerate(population.neuron[: population.size - minus.size])}
    for at in minus:
        other = first[int(population.neuron[at])]
        weight[at, other] += kept[at] * w_fb[at]
        weight[other, at] += kept[at] * w_fb[at]
    return weight


def _readout(network: Network, populations: list[Population]) -> Blocks:
    last = [population for population in populations if population.layer == populations[-1].layer]
    if len(last) == 1 and np.array_equal(last[0].neuron, network.outputs):
        return {(last[0].name, "output"): None}
    blocks: Blocks = {}
    for population in last:
        # Even without outputs in it: the package nir adds an Output to a node that leads nowhere.
        weight = (network.outputs[:, None] == population.neuron) * population.sign
        blocks[population.name, "output"] = weight.astype(np.float32)
    return blocks
