"""Implementation of a network that obeys the rules: profile, place, route, assign tracks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chip.arch import ArchSpec
from chip.layout.design import Design, design_of
from chip.layout.fabric import Fabric
from chip.layout.place import Nets, half_perimeters, place
from chip.layout.route import Routing, route
from chip.network import Network
from chip.sim.simulator import Simulator
from chip.sim.stimulus import random_spikes

__all__ = ["Implementation", "implement", "spike_rates"]

_PROFILE_STEPS, _PROFILE_STREAMS = 128, 4


@dataclass(frozen=True, eq=False)
class Implementation:
    """Design with its routing and wirelength.

    Args:
        design: content of the bitstream.
        nets: nets of the network.
        routing: routing trees of the nets.
        wirelength: half the perimeter of the box around each net, summed, in cells.
        activity_wirelength: the same, each net times its spikes per step.
    """

    design: Design
    nets: Nets
    routing: Routing
    wirelength: int
    activity_wirelength: float

    def layout(self, fabric: Fabric) -> dict[str, Any]:
        """Return the positions of cells and pads and the congestion map as plain values.

        Congestion counts the nets in each channel segment: ``horizontal`` is [k][x] of H(x, k), from the lowest
        channel up, ``vertical`` is [y][k] of V(k, y).
        """
        placement, usage = self.design.placement, self.routing.usage
        split = (fabric.rows + 1) * fabric.columns
        return {
            "neurons": fabric.position[placement.cell].tolist(),
            "input_pads": placement.input_pad.tolist(),
            "output_pads": placement.output_pad.tolist(),
            "congestion": {
                "horizontal": usage[:split].reshape(fabric.rows + 1, fabric.columns).tolist(),
                "vertical": usage[split:].reshape(fabric.rows, fabric.columns + 1).tolist(),
            },
        }


def implement(
    network: Network,
    arch: ArchSpec,
    *,
    rates: NDArray[np.floating[Any]] | None = None,
    seed: int = 0,
    search: bool = False,
) -> Implementation:
    """Place and route a network that obeys the design rules.

    Args:
        network: network to implement.
        arch: the chip.
        rates: spikes per step of each source, inputs first; by default measured on random spikes.
        seed: random seed of the placement.
        search: also search for the smallest channel width that suffices.

    Raises:
        FitError: a channel overflows.
        NetworkError: there is not one rate for each source.
    """
    fabric = Fabric.of(arch)
    nets = Nets.of(network, spike_rates(network, arch) if rates is None else rates)
    placement = place(nets, fabric, seed=seed)
    routing = route(nets, fabric, placement, search=search)
    lengths = half_perimeters(nets, fabric, placement)
    return Implementation(
        design=design_of(network, nets, fabric, placement, routing.trees),
        nets=nets,
        routing=routing,
        wirelength=int(lengths.sum()),
        activity_wirelength=float(lengths @ nets.rate),
    )


def spike_rates(
    network: Network, arch: ArchSpec, spikes: NDArray[np.integer[Any]] | None = None
) -> NDArray[np.float64]:
    """Measure spikes per step of each source, inputs first, on given input or on sparse random spikes.

    Args:
        network: network to run.
        arch: the chip, which sets the saturation of membranes.
        spikes: -1, 0 or +1 of each [step, stream, input].
    """
    if spikes is None:
        spikes = random_spikes(network.n_inputs, _PROFILE_STEPS, streams=_PROFILE_STREAMS)
    run = Simulator(network, v_sat=arch.v_sat).run(spikes)
    steps = max(1, spikes.shape[0] * spikes.shape[1])
    counts = np.count_nonzero(spikes, axis=(0, 1)), run.neuron_spikes
    rates: NDArray[np.float64] = np.concatenate(counts) / steps
    return rates
