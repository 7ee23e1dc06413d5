"""Wire costs of synapses and events, measured on the placement of the previous student.

A tap whose net already passes near a neuron on its way to other sinks is cheap there; one whose net would have to cross
the array for this neuron alone, and spikes often, is expensive. The next choice of taps divides the gain of each by
this cost. Events are enlarged where they run along much wire. The few direct synapses of comparators have no cost: they
make up most of an error, and leaving out the distant ones lowered the AUC and saved next to no wire.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from anomaly.features.delta_encoder import DeltaCode
from anomaly.student.arrays import Floats
from anomaly.student.circuit import Circuit
from chip.layout.place import half_perimeters
from chip.layout.wire_costs import WireCosts
from chip.layout.wirelength_shares import wirelength_shares

# Factor of wire costs of scales: a few near taps predict nearly all that a scale can predict.
_SCALE_FACTOR = 2.0
# Cost of any synapse beyond its own wire, in wires of mean length: it pulls its target away from its other sources.
_BASE_COST = 0.8
# Share by which a wire cost of 1 raises the third power of an event's size in a band with wires of mean length.
_EVENT_FACTOR = 0.3


@dataclass(frozen=True, eq=False)
class TapWireCosts:
    """Divisors of the gain of each tap; 1 where wires cost nothing.

    Args:
        to_sum: from each tap to the sum of each filter, [filters, taps].
        to_scale: from each tap to the scale of each channel, [channels, taps].
    """

    to_sum: Floats
    to_scale: Floats


def tap_wire_costs(circuit: Circuit, wires: WireCosts, wire_cost: float) -> TapWireCosts:
    """Compute the costs of all taps, used or not.

    Args:
        circuit: the circuit that was placed and routed.
        wires: of its network.
        wire_cost: cost of a synapse's wire, in units of the mean wire to sums or to scales.
    """
    wired, filters = circuit.wire(), circuit.filters
    # Sums that no comparator reads are not on the chip, so their wires have no cost.
    absent = wired.sum_neurons < 0
    sources, sums = _nearest_sources(wired.tap_sources, circuit.bands), np.maximum(wired.sum_neurons, 0)
    lengths = wirelength_shares(wires.nets, wires.fabric, wires.placement, sources, sums).T
    present = (circuit.sums.weights != 0) & ~absent[:, None]
    to_sum = _costs(lengths[:filters], present[:filters], wire_cost)
    to_scale = _costs(lengths[filters:], present[filters:], _SCALE_FACTOR * wire_cost)
    to_sum[absent[:filters]], to_scale[absent[filters:]] = 1.0, 1.0
    return TapWireCosts(to_sum, to_scale)


def coarsen_events(code: DeltaCode, circuit: Circuit, wires: WireCosts, wire_cost: float) -> DeltaCode:
    """Enlarge the events of each band, the more so the more wire they run along.

    An event of size s adds a noise of variance s^2 / 12 to every error, and there are about 1 / s of them on the wires
    of a band: the sum of both is least where s^3 grows linearly with the length L of those wires,
    ``s' = s * cbrt(1 + 0.3 * wire_cost * L / mean(L))``.

    Args:
        code: of the circuit.
        circuit: the circuit that was placed and routed.
        wires: of its network.
        wire_cost: weight of the wires.
    """
    lengths = half_perimeters(wires.nets, wires.fabric, wires.placement)
    by_source = np.bincount(wires.nets.source, weights=lengths, minlength=wires.network.n_inputs)
    taps = circuit.wire().tap_sources.reshape(-1, circuit.bands)
    by_band = np.where(taps < 0, 0.0, by_source[np.maximum(taps, 0)]).sum(axis=0)
    size = np.cbrt(1 + _EVENT_FACTOR * wire_cost * by_band / max(float(by_band.mean()), 1e-9))
    return replace(code, threshold=np.rint(code.threshold * size).astype(np.int32))


def _costs(lengths: Floats, present: npt.NDArray[np.bool_], wire_cost: float) -> Floats:
    mean = float(lengths[present].mean()) if present.any() else 1.0
    return np.asarray(1.0 + wire_cost * (_BASE_COST + lengths / max(mean, 1e-9)))


def _nearest_sources(taps: npt.NDArray[np.int64], bands: int) -> npt.NDArray[np.int64]:
    """Return the source of each tap; for a relay that was not needed, the source that it would follow."""
    found = taps.reshape(-1, bands).copy()
    for delay in range(1, len(found)):
        found[delay] = np.where(found[delay] < 0, found[delay - 1], found[delay])
    return found.reshape(-1)
