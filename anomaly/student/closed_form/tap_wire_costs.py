"""What synapses and events cost in wire, told by how the last student was placed.

A tap whose net others pull past a neuron anyway costs little there; one that would have to come from the far side of
the array for this neuron alone, and spikes often, costs much. Whoever chooses taps next divides what each is good for
by it. Events are larger where they run along much wire. The few synapses that come straight to comparators have no
price: they are what an error consists of, and to leave the far ones out cost hearing and saved next to no wire.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from anomaly.features.delta_encoder import DeltaCode
from anomaly.student.circuit import Circuit
from anomaly.student.closed_form.integer_weights import Floats
from chip.layout.place import half_perimeters
from chip.layout.wire_costs import WireCosts
from chip.layout.wirelength_shares import wirelength_shares

# How much more wires count that lead to scales: a few near taps tell nearly all that a scale can tell.
_SCALE = 2.0
# What any synapse costs beyond its own wire, in wires of mean length: its target lies farther from all the others.
_LEAST_WIRE = 0.8
# How much of the third power of an event's size a wire cost of 1 adds to a band of mean wires.
_EVENTS = 0.3


@dataclass(frozen=True, eq=False)
class TapWireCosts:
    """What a tap's gain is divided by; 1 where wires cost nothing.

    Args:
        rest: to the sum of a row, [rows, taps].
        scale: to the scale of a channel, [channels, taps].
    """

    rest: Floats
    scale: Floats


def tap_wire_costs(circuit: Circuit, wires: WireCosts, wire_cost: float) -> TapWireCosts:
    """Prices of all taps, those that are there and those that may grow.

    Args:
        circuit: what was placed and routed.
        wires: of its network.
        wire_cost: what the wire of a synapse counts, in units of the mean one of its sort.
    """
    wired, rows = circuit.wired(), circuit.rows
    # Sums that nobody listens to are not on the chip: what is asked of wires for them means nothing.
    absent = wired.sums < 0
    sources, sums = _nearest(wired.taps, circuit.bands), np.maximum(wired.sums, 0)
    wire = wirelength_shares(wires.nets, wires.fabric, wires.placement, sources, sums).T
    there = (circuit.sums.weights != 0) & ~absent[:, None]
    rest = _priced(wire[:rows], there[:rows], wire_cost)
    scale = _priced(wire[rows:], there[rows:], _SCALE * wire_cost)
    rest[absent[:rows]], scale[absent[rows:]] = 1.0, 1.0
    return TapWireCosts(rest, scale)


def coarsen_events(code: DeltaCode, circuit: Circuit, wires: WireCosts, wire_cost: float) -> DeltaCode:
    """The encoder with larger events, the more so the more wire they run along.

    An event of size s is noise of s^2 / 12 at every error, and there are about 1 / s of them on the wires of a band:
    where both together are least, s^3 grows linearly with the length of those wires.

    Args:
        code: of the circuit.
        circuit: what was placed and routed.
        wires: of its network.
        wire_cost: what a wire counts.
    """
    lengths = half_perimeters(wires.nets, wires.fabric, wires.placement)
    of_source = np.bincount(wires.nets.source, weights=lengths, minlength=wires.network.n_inputs)
    taps = circuit.wired().taps.reshape(-1, circuit.bands)
    along = np.where(taps < 0, 0.0, of_source[np.maximum(taps, 0)]).sum(axis=0)
    size = np.cbrt(1 + _EVENTS * wire_cost * along / max(float(along.mean()), 1e-9))
    return replace(code, threshold=np.rint(code.threshold * size).astype(np.int32))


def _priced(wire: Floats, there: npt.NDArray[np.bool_], wire_cost: float) -> Floats:
    mean = float(wire[there].mean()) if there.any() else 1.0
    return np.asarray(1.0 + wire_cost * (_LEAST_WIRE + wire / max(mean, 1e-9)))


def _nearest(taps: npt.NDArray[np.int64], bands: int) -> npt.NDArray[np.int64]:
    """Sources of all taps; of a relay that was not needed, the one that it would listen to."""
    found = taps.reshape(-1, bands).copy()
    for delay in range(1, len(found)):
        found[delay] = np.where(found[delay] < 0, found[delay - 1], found[delay])
    return found.reshape(-1)
