"""What synapses cost in wire, tap by tap: told by how the last student was placed and routed.

A tap whose net passes a neuron already costs next to nothing there; one that would have to come from the far side of
the array, through full channels, and spikes often, costs much. Whoever chooses taps next divides what each is good for
by it. The few synapses that come straight to comparators have no price: they are what an error consists of, and to
leave the far ones out cost hearing and saved next to no wire.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from anomaly.student.circuit import Circuit
from anomaly.student.rounding import Floats
from chip.wires import WireCosts

# How much more wires count that lead to scales: a few near taps tell nearly all that a scale can tell.
_SCALE = 10 / 3
# What any synapse costs beyond its own wire, in wires of mean length: its target lies farther from all the others.
_LEAST_WIRE = 0.22


@dataclass(frozen=True, eq=False)
class Prices:
    """What a tap's gain is divided by; 1 where wires cost nothing.

    Args:
        rest: to the sum of a row, [rows, taps].
        scale: to the scale of a channel, [channels, taps].
    """

    rest: Floats
    scale: Floats


def prices_of(circuit: Circuit, wires: WireCosts, wire_cost: float) -> Prices:
    """Prices of all taps, those that are there and those that may grow.

    Args:
        circuit: what was placed and routed.
        wires: of its network.
        wire_cost: what the wire of a synapse counts, in units of the mean one of its sort.
    """
    wired, rows = circuit.wired(), circuit.rows
    # Sums that nobody listens to are not on the chip: what is asked of wires for them means nothing.
    absent = wired.sums < 0
    sums, sources = np.maximum(wired.sums, 0)[:, None], _nearest(wired.taps, circuit.bands)[None, :]
    wire = _there(wires)[sources, sums]
    wire = np.where(np.isnan(wire), wires.of(sources, sums), wire)
    there = (circuit.sums.weights != 0) & ~absent[:, None]
    rest = _priced(wire[:rows], there[:rows], wire_cost)
    scale = _priced(wire[rows:], there[rows:], _SCALE * wire_cost)
    rest[absent[:rows]], scale[absent[rows:]] = 1.0, 1.0
    return Prices(rest, scale)


def _priced(wire: Floats, there: npt.NDArray[np.bool_], wire_cost: float) -> Floats:
    mean = float(wire[there].mean()) if there.any() else 1.0
    return np.asarray(1.0 + wire_cost * (_LEAST_WIRE + wire / max(mean, 1e-9)))


def _there(wires: WireCosts) -> Floats:
    """Its part of all wire for each synapse there is, not a number for the others, [sources, neurons]."""
    network = wires.network
    found = np.full((network.n_inputs + network.n_neurons, network.n_neurons), np.nan)
    found[network.source, network.target] = wires.existing().share
    return found


def _nearest(taps: npt.NDArray[np.int64], bands: int) -> npt.NDArray[np.int64]:
    """Sources of all taps; of a relay that was not needed, the one that it would listen to."""
    found = taps.reshape(-1, bands).copy()
    for delay in range(1, len(found)):
        found[delay] = np.where(found[delay] < 0, found[delay - 1], found[delay])
    return found.reshape(-1)
