"""Design: a placed and routed network, with the state of every switch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from chip.errors import FitError
from chip.layout.fabric import Fabric
from chip.layout.place.nets import Nets
from chip.layout.place.placement import Placement
from chip.layout.route.negotiation import RoutingTree
from chip.network import Network

__all__ = ["Design", "design_of"]

Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Design:
    """Complete content of a bitstream.

    A wire is numbered segment * width + track. Its switch holds 0 if nothing drives it, 1 + n * width + track
    if the wire with that track in the n-th neighbour of its segment does, and 1 + N * width + k if the k-th
    site beside its segment does (N neighbours).

    Args:
        network: without labels.
        placement: of its neurons, inputs and outputs.
        wire: wires in use, ascending.
        switch: state of each wire in use.
        synapse_tap: wire that each synapse taps, as side * width + track of the segments around its cell.
        output_tap: track that each output taps, in the segment beside its pad.
    """

    network: Network
    placement: Placement
    wire: Ints
    switch: Ints
    synapse_tap: Ints
    output_tap: Ints

    def usage(self, fabric: Fabric) -> Ints:
        """Count the nets in each channel segment: a wire carries one."""
        return np.bincount(self.wire // fabric.width, minlength=fabric.n_segments).astype(np.int64)


def design_of(
    network: Network, nets: Nets, fabric: Fabric, placement: Placement, trees: Sequence[RoutingTree]
) -> Design:
    """Assign tracks to all nets: in each segment in the order of the nets.

    Raises:
        FitError: a segment has fewer tracks than nets.
    """
    segment = np.concatenate([np.zeros(0, np.int64), *(tree.segments for tree in trees)])
    parent = np.concatenate([np.zeros(0, np.int64), *(tree.parents for tree in trees)])
    net = np.repeat(np.arange(len(trees)), [len(tree.segments) for tree in trees])
    order = np.lexsort((net, segment))
    segment, parent, net = segment[order], parent[order], net[order]
    rank = np.arange(len(segment)) - np.searchsorted(segment, segment)
    if (rank >= fabric.width).any():
        full = fabric.segment_name(int(segment[np.argmax(rank >= fabric.width)]))
        raise FitError(f"holds more than {fabric.width} nets", where=full)
    tracks = _Tracks(net * fabric.n_segments + segment, rank, fabric.n_segments)
    site = placement.sites(fabric)
    taps = _Taps.of(nets, fabric, trees, tracks, site)
    first_output = nets.n_neurons + nets.n_inputs
    return Design(
        network=network.canonical(),
        placement=placement,
        wire=segment * fabric.width + rank,
        switch=_switches(
            fabric, segment, parent, tracks.find(net, parent), site[nets.block[nets.start[net]]]
        ),
        synapse_tap=taps.find(network.source, network.target),
        output_tap=taps.find(network.outputs + network.n_inputs, np.arange(network.n_outputs) + first_output),
    )


@dataclass(frozen=True, eq=False)
class _Taps:
    """Lookup of the wire beside its site that a block taps."""

    nets: Nets
    key: Ints
    tap: Ints

    @classmethod
    def of(
        cls, nets: Nets, fabric: Fabric, trees: Sequence[RoutingTree], tracks: _Tracks, site: Ints
    ) -> _Taps:
        # A neuron with a synapse to itself taps the first wire that it drives.
        alone = np.diff(nets.start) == 1
        parts = [part for net, tree in enumerate(trees) for part in _pin_segments(tree, bool(alone[net]))]
        segment = np.concatenate([np.zeros(0, np.int64), *parts])
        side = np.argmax(fabric.around[site[nets.block]] == segment[:, None], axis=1)
        net = nets.net_of_pin()
        key = net * nets.n_blocks + nets.block
        order = np.argsort(key)
        return cls(nets, key[order], (side * fabric.width + tracks.find(net, segment))[order])

    def find(self, source: Ints, block: Ints) -> Ints:
        """Return the tap of each block on the net of each source."""
        net = np.searchsorted(self.nets.source, source)
        found: Ints = self.tap[np.searchsorted(self.key, net * self.nets.n_blocks + block)]
        return found


def _pin_segments(tree: RoutingTree, alone: bool) -> tuple[Ints, ...]:
    """Return the segment at each pin of a net, its driver first."""
    return (tree.taps,) if alone else (tree.segments[:1], tree.taps)


class _Tracks:
    """Lookup of the track of a net in a segment."""

    def __init__(self, key: Ints, track: Ints, n_segments: int) -> None:
        order = np.argsort(key)
        # The last entry is found for keys above all others.
        self._key, self._track = np.append(key[order], -1), np.append(track[order], -1)
        self._n_segments = n_segments

    def find(self, net: Ints, segment: Ints) -> Ints:
        """Return the track, or -1 where the net does not pass the segment (or the segment is -1)."""
        key = net * self._n_segments + segment
        at = np.searchsorted(self._key[:-1], key)
        found: Ints = np.where((self._key[at] == key) & (segment >= 0), self._track[at], -1)
        return found


def _switches(fabric: Fabric, segment: Ints, parent: Ints, parent_track: Ints, driver: Ints) -> Ints:
    """Compute the state of the switch of each wire; ``driver`` is the site that drives its net."""
    neighbour = np.argmax(fabric.neighbours[segment] == parent[:, None], axis=1)
    beside = np.argmax(fabric.beside[segment] == driver[:, None], axis=1)
    from_wire = 1 + neighbour * fabric.width + parent_track
    from_site = 1 + fabric.neighbours.shape[1] * fabric.width + beside
    states: Ints = np.where(parent >= 0, from_wire, from_site)
    return states
