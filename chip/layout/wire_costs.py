"""What each wire costs: for those who choose synapses while they train, and want the result to route well."""

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
# Rounds of negotiation: enough to see where it is crowded, few enough for a training loop.
_ROUNDS = 8
# How much more a segment of the fullest channel costs than one of an empty channel.
_CROWDED = 3.0


@dataclass(frozen=True, eq=False)
class SynapseWires:
    """What the wires of the synapses cost, each [synapse], in the order of the network's synapses.

    Args:
        net_length: half the perimeter of the box of the net that the synapse lies on, times the net's weight.
        removing: what would be saved at once without this synapse: the wire that leads to no other pin.
        share: its part of all wires: a segment is shared evenly by the pins behind it. Sums to what everything
            costs, but for the part of the outputs' pads.
    """

    net_length: Floats
    removing: Floats
    share: Floats


@dataclass(frozen=True, eq=False)
class WireCosts:
    """Costs of the wires of a network as it is placed and routed now.

    The unit is a segment (one cell of wire) of a net that spikes as often as the mean net, in an empty channel.
    Nets that spike more count more (``net_weights``), and so do segments of full channels, up to four times.

    Args:
        network: whose wires they are.
        nets: its nets.
        fabric: where they lie.
        placement: of the blocks; the next call may go on from it.
        trees: way of each net.
        usage: nets in each channel segment; where that is more than ``fabric.width``, it would not route.
    """

    network: Network
    nets: Nets
    fabric: Fabric
    placement: Placement
    trees: tuple[RoutingTree, ...]
    usage: Ints

    @property
    def overflow(self) -> int:
        """Channel segments that hold more nets than they have tracks."""
        return int((self.usage > self.fabric.width).sum())

    @property
    def activity_wirelength(self) -> float:
        """Half the perimeter of the box around each net times its spikes per step, summed."""
        return float(half_perimeters(self.nets, self.fabric, self.placement) @ self.nets.rate)

    @cached_property
    def price(self) -> Floats:
        """What one net more costs in each channel segment, 1 where it is empty, float64[segment]."""
        prices: Floats = 1 + _CROWDED * (self.usage / max(1, int(self.usage.max(initial=0)))) ** 2
        return prices

    @cached_property
    def weight(self) -> Floats:
        """What a unit of wire counts from each source, float64[n_inputs + n_neurons]; 1 on average."""
        weights = np.ones(self.network.n_inputs + self.network.n_neurons)
        weights[self.nets.source] = net_weights(self.nets)
        return weights

    def of(self, source: Any, target: Any) -> Floats:
        """What a wire from a source to a neuron would add, float64 of the shape that both have together.

        It is the cheapest way from the net of the source, as it is routed now, to the neuron's cell; 0 where the
        net passes the cell already.

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
        flat, wanted = costs.reshape(-1), targets.reshape(-1)
        for number in np.unique(sources):
            at = np.flatnonzero(sources.reshape(-1) == number)
            away = self._distances(int(number))
            flat[at] = self.weight[number] * away[around[wanted[at]]].min(axis=1)
        return costs

    def existing(self) -> SynapseWires:
        """What the wires of the synapses that are there cost."""
        net = np.searchsorted(self.nets.source, self.network.source)
        weight = self.weight[self.network.source]
        lengths = half_perimeters(self.nets, self.fabric, self.placement)
        removing, share = np.zeros(len(self.nets.block)), np.zeros(len(self.nets.block))
        for number, tree in enumerate(self.trees):
            pins = slice(int(self.nets.start[number]) + 1, int(self.nets.start[number + 1]))
            if pins.start < pins.stop:
                removing[pins], share[pins] = _pin_costs(tree, self.price)
        pin = self._pins(net)
        # A synapse of a neuron to itself has no pin: its net would be there for the other hearers.
        heard = pin >= 0
        return SynapseWires(
            net_length=lengths[net] * weight,
            removing=np.where(heard, removing[pin], 0.0) * weight,
            share=np.where(heard, share[pin], 0.0) * weight,
        )

    def _pins(self, net: Ints) -> Ints:
        """The pin at which each synapse listens to its net; -1 where the neuron drives it itself."""
        nets, count = self.nets, self.nets.n_blocks
        key = nets.net_of_pin() * count + nets.block
        key[nets.start[:-1]] = -1
        order = np.argsort(key)
        wanted = net * count + self.network.target
        at = np.minimum(np.searchsorted(key[order], wanted), max(0, key.size - 1))
        pins: Ints = np.where(key[order][at] == wanted, order[at], -1) if key.size else np.zeros(0, np.int64)
        return pins

    def _distances(self, source: int) -> Floats:
        """The price of the cheapest way from the net of a source to each segment, that one included."""
        net = int(np.searchsorted(self.nets.source, source))
        if net < len(self.nets) and self.nets.source[net] == source:
            roots, paid = self.trees[net].segments, True
        else:
            first = self.network.n_inputs
            cells, pads = self.placement.cell, self.placement.input_pad + self.fabric.n_cells
            site = cells[source - first] if source >= first else pads[source]
            roots, paid = self.fabric.around[site], False
        roots = roots[roots >= 0]
        away: Floats = csgraph.dijkstra(self._graph, indices=roots, min_only=True)
        # The way to a segment costs the segments after the first; a net that is not there yet pays that too.
        return away if paid else away + self.price[roots].min()

    @cached_property
    def _graph(self) -> sparse.csr_array[np.float64, tuple[int, int]]:
        segment, end = np.nonzero(self.fabric.neighbours >= 0)
        there = self.fabric.neighbours[segment, end]
        shape = (self.fabric.n_segments, self.fabric.n_segments)
        return sparse.csr_array((self.price[there], (segment, there)), shape=shape)


def wire_costs(
    network: Network,
    arch: ArchSpec,
    *,
    rates: NDArray[np.floating[Any]] | None = None,
    before: WireCosts | None = None,
    seed: int = 0,
    sweeps: int | None = None,
) -> WireCosts:
    """Place and route a network quickly, and say what its wires cost.

    Fan-in and the values of weights and thresholds do not matter; channels may overflow (``overflow``).

    Args:
        network: what is wired; ``connections`` makes one of connectivity alone.
        arch: the chip.
        rates: spikes per step of each source, inputs first; without them a run on random spikes tells.
        before: of a network with as many neurons, inputs and outputs: placement goes on from there, in an eighth
            of the time. Otherwise it starts anew.
        seed: of the placement; the same seed gives the same costs.
        sweeps: of the annealing; 0 keeps the placement of ``before`` as it is.

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
    """A network of connectivity alone, all its weights and thresholds 1, for ``wire_costs``.

    Args:
        n_inputs: number of inputs.
        n_neurons: number of neurons.
        source: of each synapse, inputs first, then neurons.
        target: neuron of each synapse.
        outputs: neurons that are read.

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


def _pin_costs(tree: RoutingTree, price: Floats) -> tuple[Floats, Floats]:
    """Of each pin after the first: the price of the wire behind which there is no other, and its share of all."""
    place = {int(segment): at for at, segment in enumerate(tree.segments)}
    parent = [place.get(int(segment), -1) for segment in tree.parents]
    taps = [place[int(segment)] for segment in tree.taps]
    behind = np.bincount(taps, minlength=len(parent)).tolist()
    for at in range(len(parent) - 1, -1, -1):
        if parent[at] >= 0:
            behind[parent[at]] += behind[at]
    alone, shared = np.zeros(len(parent)), np.zeros(len(parent))
    for at, cost in enumerate(price[tree.segments].tolist()):
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
