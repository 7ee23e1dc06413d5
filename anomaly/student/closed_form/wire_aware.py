"""The closed form with short wires: fitted, placed and routed, and fitted again with the cost of each wire.

Every round prunes and regrows synapses: each filter chooses its taps again, by what they explain and by the cost of
their wires in the last placement. The round that is kept is chosen without labels: of those whose whole weights still
explain the target filters, the one with least wire.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from anomaly.features.delta_encoder import DeltaCode, DeltaEncoder
from anomaly.features.mel import Centibels
from anomaly.student.circuit import Circuit
from anomaly.student.closed_form.closed_form import fit_closed_form
from anomaly.student.closed_form.error_filters import target_filters
from anomaly.student.closed_form.plan import ClosedFormPlan
from anomaly.student.closed_form.tap_wire_costs import coarsen_events, tap_wire_costs
from anomaly.student.closed_form.taught_filters import TeacherErrors
from anomaly.student.neuron_limits import NeuronLimits
from chip.arch import ArchSpec
from chip.layout.implementation import spike_rates
from chip.layout.wire_costs import WireCosts, wire_costs

_ROUNDS = 2
# Segments of held-out sound from which spike rates are counted.
_RATE_SEGMENTS = 6
# Share of the target filters' variance that whole weights must explain, relative to the fit without wire costs.
_MIN_EXPLAINED = 0.85


def fit_wire_aware_closed_form(
    training: Sequence[Centibels],
    held_out: Sequence[Centibels],
    code: DeltaCode,
    plan: ClosedFormPlan,
    limits: NeuronLimits,
    arch: ArchSpec,
    teacher_errors: TeacherErrors | None = None,
) -> tuple[DeltaCode, Circuit]:
    """Fit the closed form so that its wires are short and rarely used, if the plan has a wire cost.

    Args:
        training, held_out, code, plan, limits: as of `fit_closed_form`.
        arch: the chip that it is placed on.
        teacher_errors: as of `fit_closed_form`.

    Returns:
        The encoder, its events larger where they run along much wire, and the circuit.
    """
    circuit = fit_closed_form(training, held_out, code, plan, limits, None, teacher_errors)
    if plan.wire_cost == 0:
        return code, circuit
    wires = measure_wires(circuit, code, held_out, arch)
    best, least = (code, circuit), wire_demand(wires)
    enough = _MIN_EXPLAINED * explained_variance(circuit, training, code, plan, teacher_errors)
    code = coarsen_events(code, circuit, wires, plan.wire_cost)
    for _ in range(_ROUNDS):
        costs = tap_wire_costs(circuit, wires, plan.wire_cost)
        circuit = fit_closed_form(training, held_out, code, plan, limits, costs, teacher_errors)
        wires = measure_wires(circuit, code, held_out, arch)
        if (
            wire_demand(wires) < least
            and explained_variance(circuit, training, code, plan, teacher_errors) >= enough
        ):
            best, least = (code, circuit), wire_demand(wires)
    return best


def measure_wires(
    circuit: Circuit, code: DeltaCode, held_out: Sequence[Centibels], arch: ArchSpec
) -> WireCosts:
    """Place and route a student quickly, wires with many spikes shortest, and return its wires.

    Args:
        circuit, code: the student.
        held_out: segments of sound from which spike rates are counted.
        arch: the chip.
    """
    network = circuit.to_network()
    chosen = held_out[:: max(1, len(held_out) // _RATE_SEGMENTS)][:_RATE_SEGMENTS]
    length = min(len(segment) for segment in chosen)
    events = DeltaEncoder(code, len(chosen)).push(np.stack([segment[:length] for segment in chosen]))
    steps = events.reshape(len(chosen), -1, code.bands).transpose(1, 0, 2)
    return wire_costs(network, arch, rates=spike_rates(network, arch, steps))


def wire_demand(wires: WireCosts) -> float:
    """Return the wire length of a placement weighted with spikes, times the mean number of nets in a channel."""
    return wires.activity_wirelength * float(wires.usage.mean())


def explained_variance(
    circuit: Circuit,
    training: Sequence[Centibels],
    code: DeltaCode,
    plan: ClosedFormPlan,
    teacher_errors: TeacherErrors | None = None,
) -> float:
    """Return the share of the target filters' variance that comparators hold, mean over filters.

    Scale does not matter, since thresholds take up any. Filters are in events of the given encoder: the loss by larger
    events is not part of it; the wire cost limits that.
    """
    targets, gram, _ = target_filters(training, code, plan, teacher_errors)
    count = len(targets)
    shares = np.diag(circuit.sum_weights[:count, :count]) / circuit.sums.quanta[:count]
    fitted = circuit.tap_weights[:count] + circuit.sums.weights[:count] * shares[:, None]
    both, ours, theirs = (
        np.einsum("rt,ts,rs->r", *pair)
        for pair in ((targets, gram, fitted), (fitted, gram, fitted), (targets, gram, targets))
    )
    return float(np.mean(both**2 / np.maximum(ours * theirs, 1e-12)))
