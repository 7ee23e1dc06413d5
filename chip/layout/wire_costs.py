"""Wire costs of present and possible synapses, for training that takes routing into account."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse import csgraph

from chip.arch import ArchSpec
from chip.errors import FitError, NetworkError
from chip.layout.fabric import Fabric
from chip.layout.implementation import spike_rates
from chip.layout.place import Nets, Placement, half_perimeters, net_weights, place
from chip.layout.route.negotiation import Negotiation, RoutingTree
from chip.network import Network

__all__ = ["SynapseWires", "WireCosts", "connections", "wire_costs"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
# Rounds of negotiation: enough to find congestion, few enough for a training loop.
_ROUNDS = 8
# Additional cost of a segment of the fullest channel, relative to one of an empty channel.
_CONGESTION_COST = 3.0


@dataclass(frozen=True, eq=False)
class SynapseWires:
    """Wire costs of the present synapses, each [synapse], in the order of the network's synapses.

    Args:
        net_length: half the perimeter of the box of the net that the synapse lies on, times the net's weight.
        saving: cost saved by removing this synapse alone: the wire that leads to no other pin.
        share: its part of all wires: a segment is shared evenly by the pins behind it. The sum is the total cost,
            except for the part of the outputs' pads.
    """

    net_length: Floats
    saving: Floats
    share: Floats


@dataclass(frozen=True, eq=False)
class WireCosts:
    """Wire costs of a network as it is placed and routed.

    The unit is a segment (one cell of wire) of a net that spikes as often as the mean net, in an empty channel.
    Nets that spike more count more (``net_weights``), and so do segments of full channels, up to four times.

    Args:
        network: network that is wired.
        nets: its nets.
        fabric: fabric of the chip.
        placement: placement of the blocks; the next call may continue from it.
        trees: routing tree of each net.
        usage: nets in each channel segment; more than ``fabric.width`` cannot be routed.
    """

    network: Network
    nets: Nets
    fabric: Fabric
    placement: Placement
    trees: tuple[RoutingTree, ...]
    usage: Ints

    @property
    def overflow(self) -> int:
        """Number of channel segments that hold more nets than they have tracks."""
        return int((self.usage > self.fabric.width).sum())

    @property
    def activity_wirelength(self) -> float:
        """Half the perimeter of the box around each net times its spikes per step, summed."""
        return float(half_perimeters(self.nets, self.fabric, self.placement) @ self.nets.rate)

    @cached_property
    def segment_cost(self) -> Floats:
        """Cost of one more net in each channel segment, 1 where it is empty, float64[segment]."""
        costs: Floats = 1 + _CONGESTION_COST * (self.usage / max(1, int(self.usage.max(initial=0)))) ** 2
        return costs

    @cached_property
    def weight(self) -> Floats:
        """Weight of a unit of wire of each source, float64[n_inputs + n_neurons]; 1 on average."""
        weights = np.ones(self.network.n_inputs + self.network.n_neurons)
        weights[self.nets.source] = net_weights(self.nets)
        return weights

    def added_cost(self, source: Any, target: Any) -> Floats:
        """Compute the cost that a wire from a source to a neuron would add, float64 of the broadcast shape.

        It is the cost of the cheapest way from the net of the source, as it is routed, to the neuron's cell; 0 where
        the net passes the cell already.

        Args:
            source: inputs first, then neurons, as in a network; a number or an array.
            target: neurons; a number or an array.

        Raises:
            NetworkError: there is no such source or neuron.
        """
        sources, targets = np.broadcast_arrays(np.asarray(source), np.asarray(target))
        _within("source", sources, self.network.n_inputs + self.network.n_neurons)
        _within("target", targets, self.network.n_neurons)
        around = self.fabric.around[self.placement.cell]
        costs = np.zeros(sources.shape)
        flat, flat_targets = costs.reshape(-1), targets.reshape(-1)
        for number in np.unique(sources):
            at = np.flatnonzero(sources.reshape(-1) == number)
            distance = self._distances(int(number))
            flat[at] = self.weight[number] * distance[around[flat_targets[at]]].min(axis=1)
        return costs

    def synapse_wires(self) -> SynapseWires:
        """Compute the wire costs of the present synapses."""
        net = np.searchsorted(self.nets.source, self.network.source)
        weight = self.weight[self.network.source]
        lengths = half_perimeters(self.nets, self.fabric, self.placement)
        saving, share = np.zeros(len(self.nets.block)), np.zeros(len(self.nets.block))
        for number, tree in enumerate(self.trees):
            pins = slice(int(self.nets.start[number]) + 1, int(self.nets.start[number + 1]))
            if pins.start < pins.stop:
                saving[pins], share[pins] = _pin_costs(tree, self.segment_cost)
        pin = self._pins(net)
        # A synapse of a neuron to itself has no pin: its net is needed for the other sinks in any case.
        has_pin = pin >= 0
        return SynapseWires(
            net_length=lengths[net] * weight,
            saving=np.where(has_pin, saving[pin], 0.0) * weight,
            share=np.where(has_pin, share[pin], 0.0) * weight,
        )

    def _pins(self, net: Ints) -> Ints:
        """Return the pin of each synapse on its net; -1 where the neuron drives it itself."""
        nets, count = self.nets, self.nets.n_blocks
        key = nets.net_of_pin() * count + nets.block
        key[nets.start[:-1]] = -1
        order = np.argsort(key)
        pin_key = net * count + self.network.target
        at = np.minimum(np.searchsorted(key[order], pin_key), max(0, key.size - 1))
        pins: Ints = np.where(key[order][at] == pin_key, order[at], -1) if key.size else np.zeros(0, np.int64)
        return pins

    def _distances(self, source: int) -> Floats:
        """Compute the cost of the cheapest way from the net of a source to each segment, that one included."""
        net = int(np.searchsorted(self.nets.source, source))
        if net < len(self.nets) and self.nets.source[net] == source:
            roots, exists = self.trees[net].segments, True
        else:
            first = self.network.n_inputs
            cells, pads = self.placement.cell, self.placement.input_pad + self.fabric.n_cells
            site = cells[source - first] if source >= first else pads[source]
            roots, exists = self.fabric.around[site], False
        roots = roots[roots >= 0]
        distance: Floats = csgraph.dijkstra(self._graph, indices=roots, min_only=True)
        # The distance omits the first segment; a net that does not exist yet needs that too.
        return distance if exists else distance + self.segment_cost[roots].min()

    @cached_property
    def _graph(self) -> sparse.csr_array[np.float64, tuple[int, int]]:
        segment, end = np.nonzero(self.fabric.neighbours >= 0)
        there = self.fabric.neighbours[segment, end]
        shape = (self.fabric.n_segments, self.fabric.n_segments)
        return sparse.csr_array((self.segment_cost[there], (segment, there)), shape=shape)


def wire_costs(
    network: Network,
    arch: ArchSpec,
    *,
    rates: NDArray[np.floating[Any]] | None = None,
    before: WireCosts | None = None,
    seed: int = 0,
    sweeps: int | None = None,
) -> WireCosts:
    """Place and route a network quickly, and compute its wire costs.

    Fan-in and the values of weights and thresholds are ignored; channels may overflow (``overflow``).

    Args:
        network: network to wire; ``connections`` builds one of connectivity alone.
        arch: the chip.
        rates: spikes per step of each source, inputs first; by default measured on random spikes.
        before: costs of a network with as many neurons, inputs and outputs: placement continues from there, in an
            eighth of the time. Otherwise it starts again.
        seed: random seed of the placement; the same seed gives the same costs.
        sweeps: sweeps of the annealing; 0 keeps the placement of ``before``.

    Raises:
        FitError: there are more neurons, inputs or outputs than the chip has.
        NetworkError: there is not one rate for each source.
    """
    fabric = Fabric.of(arch)
    counts = {"neurons": network.n_neurons, "inputs": network.n_inputs, "outputs": network.n_outputs}
    for name, count in counts.items():
        if count > (limit := getattr(arch.array, name).value):
            raise FitError(f"{count} {name} are more than the {limit} of {arch.name}", where="network")
    nets = Nets.of(network, spike_rates(network, arch) if rates is None else rates)
    warm = before.placement if before is not None and _blocks(before.nets) == _blocks(nets) else None
    placement = place(nets, fabric, seed=seed, sweeps=sweeps, before=warm)
    negotiation = Negotiation(nets, fabric, placement)
    negotiation.negotiate(fabric.width, rounds=_ROUNDS)
    return WireCosts(network, nets, fabric, placement, tuple(negotiation.trees), negotiation.usage)


def connections(n_inputs: int, n_neurons: int, source: Any, target: Any, outputs: Any = ()) -> Network:
    """Build a network of connectivity alone, all its weights and thresholds 1, for ``wire_costs``.

    Args:
        n_inputs: number of inputs.
        n_neurons: number of neurons.
        source: source of each synapse, inputs first, then neurons.
        target: neuron of each synapse.
        outputs: output neurons.

    Raises:
        NetworkError: a number is out of range, or a synapse is there twice.
    """
    ones, weights = np.ones(n_neurons, np.int64), np.ones(len(source), np.int64)
    return Network(
        n_inputs=n_inputs,
        theta_p=ones,
        theta_n=ones,
        negative=ones * 0,
        w_fb=ones,
        decay=ones * 0,
        source=np.asarray(source, np.int64),
        target=np.asarray(target, np.int64),
        weight=weights,
        outputs=np.asarray(outputs, np.int64),
    )


def _pin_costs(tree: RoutingTree, segment_cost: Floats) -> tuple[Floats, Floats]:
    """Compute, for each pin after the first, the cost of the wire to no other pin, and its share of all wires."""
    place = {int(segment): at for at, segment in enumerate(tree.segments)}
    parent = [place.get(int(segment), -1) for segment in tree.parents]
    taps = [place[int(segment)] for segment in tree.taps]
    behind = np.bincount(taps, minlength=len(parent)).tolist()
    for at in range(len(parent) - 1, -1, -1):
        if parent[at] >= 0:
            behind[parent[at]] += behind[at]
    alone, shared = np.zeros(len(parent)), np.zeros(len(parent))
    for at, cost in enumerate(segment_cost[tree.segments].tolist()):
        up = parent[at]
        shared[at] = cost / behind[at] + (shared[up] if up >= 0 else 0.0)
        alone[at] = (cost + (alone[up] if up >= 0 else 0.0)) if behind[at] == 1 else 0.0
    return alone[taps], shared[taps]


def _blocks(nets: Nets) -> tuple[int, int, int]:
    return nets.n_neurons, nets.n_inputs, nets.n_outputs


def _within(name: str, values: NDArray[Any], limit: int) -> None:
    wrong = (values < 0) | (values >= limit)
    if values.dtype.kind not in "iu" or wrong.any():
        shown = values.reshape(-1)[int(np.argmax(wrong))]
        raise NetworkError(f"{shown} is none of the {limit} there are", where=name)
