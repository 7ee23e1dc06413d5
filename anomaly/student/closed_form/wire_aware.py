"""The closed form with short wires: built, placed and routed, and built again where synapses were dear.

Every round prunes and regrows: each error chooses its taps anew, by what they explain and what their wires cost as
the last round was placed. Which round is kept needs no label: of those whose errors are still the wanted ones, the one
with least wire.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from anomaly.features.delta_encoder import DeltaCode, DeltaEncoder
from anomaly.features.mel import Centibels
from anomaly.student.circuit import Circuit
from anomaly.student.closed_form.closed_form import closed_form, target_filters
from anomaly.student.closed_form.plan import ClosedFormPlan
from anomaly.student.closed_form.tap_wire_costs import coarsen_events, tap_wire_costs
from anomaly.student.neuron_limits import NeuronLimits
from chip.arch import ArchSpec
from chip.layout.implementation import spike_rates
from chip.layout.wire_costs import WireCosts, wire_costs

_ROUNDS = 2
# Segments of held-out sound that say how often each wire is used.
_HEARD = 6
# Share of the wanted errors' variance that whole weights must explain, as a share of what they did without prices.
_LEAST_EXPLAINED = 0.85


def wire_aware_closed_form(
    training: Sequence[Centibels],
    held_out: Sequence[Centibels],
    code: DeltaCode,
    plan: ClosedFormPlan,
    limits: NeuronLimits,
    arch: ArchSpec,
) -> tuple[DeltaCode, Circuit]:
    """Build the closed form so that its wires are short and used seldom, if the plan has a price for them.

    Args:
        training, held_out, code, plan, limits: as of `closed_form`.
        arch: the chip that it is placed on.

    Returns:
        The encoder, its events larger where they run along much wire, and the circuit.
    """
    circuit = closed_form(training, held_out, code, plan, limits)
    if plan.wire_cost == 0:
        return code, circuit
    wires = measure_wires(circuit, code, held_out, arch)
    best, least = (code, circuit), wire_demand(wires)
    enough = _LEAST_EXPLAINED * explained_variance(circuit, training, code, plan)
    code = coarsen_events(code, circuit, wires, plan.wire_cost)
    for _ in range(_ROUNDS):
        prices = tap_wire_costs(circuit, wires, plan.wire_cost)
        circuit = closed_form(training, held_out, code, plan, limits, prices)
        wires = measure_wires(circuit, code, held_out, arch)
        if wire_demand(wires) < least and explained_variance(circuit, training, code, plan) >= enough:
            best, least = (code, circuit), wire_demand(wires)
    return best


def measure_wires(
    circuit: Circuit, code: DeltaCode, held_out: Sequence[Centibels], arch: ArchSpec
) -> WireCosts:
    """A student on the chip, quickly placed and routed, wires that spike often shortest."""
    network = circuit.to_network()
    chosen = held_out[:: max(1, len(held_out) // _HEARD)][:_HEARD]
    length = min(len(segment) for segment in chosen)
    events = DeltaEncoder(code, len(chosen)).push(np.stack([segment[:length] for segment in chosen]))
    steps = events.reshape(len(chosen), -1, code.bands).transpose(1, 0, 2)
    return wire_costs(network, arch, rates=spike_rates(network, arch, steps))


def wire_demand(wires: WireCosts) -> float:
    """What a placement takes: wire length weighted with spikes, times the mean number of nets in a channel."""
    return wires.activity_wirelength * float(wires.usage.mean())


def explained_variance(
    circuit: Circuit, training: Sequence[Centibels], code: DeltaCode, plan: ClosedFormPlan
) -> float:
    """Share of the wanted errors' variance that comparators hold, mean over errors; thresholds take up any scale.

    In events as large as they are: what larger events miss of a level is not seen here, the wire's price bounds it.
    """
    wanted, gram, _ = target_filters(training, code, plan)
    rows = len(wanted)
    shares = np.diag(circuit.heard[:rows, :rows]) / circuit.sums.quanta[:rows]
    held = circuit.weights[:rows] + circuit.sums.weights[:rows] * shares[:, None]
    both, ours, theirs = (
        np.einsum("rt,ts,rs->r", *pair)
        for pair in ((wanted, gram, held), (held, gram, held), (wanted, gram, wanted))
    )
    return float(np.mean(both**2 / np.maximum(ours * theirs, 1e-12)))
