"""Reconstruction of a network from the state of every switch: drivers are traced from wire to wire."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chip.errors import BitstreamError
from chip.layout.design import Design
from chip.layout.fabric import Fabric
from chip.layout.place.placement import Placement
from chip.network import Network

__all__ = ["Configuration", "rebuild"]

Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Configuration:
    """Programmed state of each resource, before it is interpreted as a network.

    Args:
        cell: cells in use, ascending.
        number: number of the neuron in each of them.
        neuron: parameters of the neuron in each of them, by name.
        tap: wire that each synapse slot taps, [cell, slot], as in ``Design``.
        weight: of each slot; 0 where there is no synapse.
        input_pad: input pads in use, ascending.
        input_number: number of the input at each of them.
        output_pad: output pads in use, ascending.
        output_number: number of the output at each of them.
        output_tap: track that each of them taps.
        segment: channel segments in use, ascending.
        switch: state of each of their wires, [segment, track], as in ``Design``.
    """

    cell: Ints
    number: Ints
    neuron: dict[str, Ints]
    tap: Ints
    weight: Ints
    input_pad: Ints
    input_number: Ints
    output_pad: Ints
    output_number: Ints
    output_tap: Ints
    segment: Ints
    switch: Ints


def rebuild(configuration: Configuration, fabric: Fabric) -> Design:
    """Interpret a configuration as a design.

    Raises:
        BitstreamError: a switch selects what does not exist, wires drive each other in a circle or lead
            nowhere, a tap selects a wire without driver, or numbers are not those of 0, 1, 2, …
        NetworkError: the resulting network is invalid.
    """
    for name, number in (
        ("neurons", configuration.number),
        ("inputs", configuration.input_number),
        ("outputs", configuration.output_number),
    ):
        if not np.array_equal(np.sort(number), np.arange(number.size)):
            raise BitstreamError(
                f"does not number its {number.size} {name} from 0 without gaps", where="frames"
            )
    wires = _Wires.of(configuration, fabric)
    row, slot = np.nonzero(configuration.weight)
    side, track = np.divmod(configuration.tap[row, slot], fabric.width)
    # A tap has as many codes as fit into its bits, which may be more than there are wires.
    beside = fabric.around[configuration.cell[row], np.minimum(side, fabric.around.shape[1] - 1)]
    synapse_wires = wires.tapped(
        beside, np.where(side < fabric.around.shape[1], track, fabric.width), configuration.cell[row]
    )
    pad_site = configuration.output_pad + fabric.first_output
    output_wires = wires.tapped(fabric.around[pad_site, 0], configuration.output_tap, pad_site)
    wires.refuse_dangling(np.concatenate([synapse_wires, output_wires]))
    source, output = _sources(configuration, fabric, wires.driver[synapse_wires]), wires.driver[output_wires]
    if (output >= fabric.n_cells).any():
        pad = int(pad_site[np.argmax(output >= fabric.n_cells)])
        raise BitstreamError("listens to an input, not to a neuron", where=fabric.site_name(pad))
    return _design(configuration, fabric, wires, (source, row, slot), output)


def _sources(configuration: Configuration, fabric: Fabric, site: Ints) -> Ints:
    """Return the number of the source at each site, inputs first."""
    source_at = np.full(fabric.n_sites, -1)
    source_at[configuration.cell] = configuration.number + configuration.input_pad.size
    source_at[configuration.input_pad + fabric.n_cells] = configuration.input_number
    sources: Ints = source_at[site]
    return sources


def _design(
    configuration: Configuration,
    fabric: Fabric,
    wires: _Wires,
    synapses: tuple[Ints, Ints, Ints],
    output: Ints,
) -> Design:
    """Sort the parts of the design by their numbers."""
    source, row, slot = synapses
    target = configuration.number[row]
    order = np.lexsort((source, target))
    by_number = np.argsort(configuration.number)
    outputs, inputs = np.argsort(configuration.output_number), np.argsort(configuration.input_number)
    parameters: dict[str, Any] = {name: values[by_number] for name, values in configuration.neuron.items()}
    network = Network(
        n_inputs=configuration.input_pad.size,
        **parameters,
        source=source[order],
        target=target[order],
        weight=configuration.weight[row, slot][order],
        outputs=(_sources(configuration, fabric, output) - configuration.input_pad.size)[outputs],
    )
    return Design(
        network=network,
        placement=Placement(
            configuration.cell[by_number], configuration.input_pad[inputs], configuration.output_pad[outputs]
        ),
        wire=wires.wire,
        switch=wires.switch,
        synapse_tap=configuration.tap[row, slot][order],
        output_tap=configuration.output_tap[outputs],
    )


@dataclass(frozen=True, eq=False)
class _Wires:
    """Wires in use, the wire that drives each (its index among them, or its own), and the site at the root."""

    fabric: Fabric
    wire: Ints
    switch: Ints
    upstream: Ints
    driver: Ints

    @classmethod
    def of(cls, configuration: Configuration, fabric: Fabric) -> _Wires:
        row, track = np.nonzero(configuration.switch)
        segment, switch = configuration.segment[row], configuration.switch[row, track]
        wire = segment * fabric.width + track
        used = np.concatenate([configuration.cell, configuration.input_pad + fabric.n_cells])
        parent, site = _selected(fabric, segment, switch)
        at = np.minimum(np.searchsorted(wire, parent), max(0, wire.size - 1))
        from_wire = (parent >= 0) & (wire[at] == parent)
        from_site = np.isin(site, used)
        if (silent := ~(from_wire | from_site)).any():
            which = int(np.argmax(silent))
            raise _at(fabric, wire[which], f"selects a driver that is not in use (state {switch[which]})")
        upstream = np.where(from_wire, at, np.arange(wire.size))
        root = upstream
        for _ in range(wire.size.bit_length()):
            root = root[root]
        if (circle := ~from_site[root]).any():
            raise _at(fabric, wire[np.argmax(circle)], "is driven in a circle")
        return cls(fabric, wire, switch, upstream, site[root])

    def tapped(self, segment: Ints, track: Ints, site: Ints) -> Ints:
        """Return the indices of the wires that sites tap."""
        selected = np.where(track < self.fabric.width, segment * self.fabric.width + track, -1)
        at = np.minimum(np.searchsorted(self.wire, selected), max(0, self.wire.size - 1))
        known = self.wire[at] == selected if self.wire.size else np.zeros(selected.shape, np.bool_)
        if not known.all():
            undriven = int(site[np.argmin(known)])
            raise BitstreamError(
                "listens to a wire that nothing drives", where=self.fabric.site_name(undriven)
            )
        return at

    def refuse_dangling(self, tapped: Ints) -> None:
        """Refuse wires that lead nowhere."""
        useful = np.zeros(self.wire.size, np.bool_)
        useful[tapped] = True
        follows = self.upstream != np.arange(self.wire.size)
        useful[self.upstream[follows]] = True
        if not useful.all():
            raise _at(self.fabric, self.wire[np.argmin(useful)], "leads nowhere")


def _selected(fabric: Fabric, segment: Ints, switch: Ints) -> tuple[Ints, Ints]:
    """Return the wire and the site that each switch selects; -1 for none."""
    n_neighbours, n_beside = fabric.neighbours.shape[1], fabric.beside.shape[1]
    side, track = np.divmod(switch - 1, fabric.width)
    neighbour = np.where(
        side < n_neighbours, fabric.neighbours[segment, np.minimum(side, n_neighbours - 1)], -1
    )
    parent = np.where(neighbour >= 0, neighbour * fabric.width + track, -1)
    k = switch - 1 - n_neighbours * fabric.width
    site = fabric.beside[segment, np.clip(k, 0, n_beside - 1)]
    return parent, np.where((k >= 0) & (k < n_beside), site, -1)


def _at(fabric: Fabric, wire: np.int64, message: str) -> BitstreamError:
    segment, track = divmod(int(wire), fabric.width)
    return BitstreamError(message, where=f"{fabric.segment_name(segment)}, track {track}")
