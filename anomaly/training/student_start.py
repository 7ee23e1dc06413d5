"""Start of distillation: the student in closed form, as planned or the best within a budget."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from anomaly.features.delta_encoder import DeltaCode, DeltaEncoder
from anomaly.features.mel import HOP_S, Centibels
from anomaly.student.budget import Budget, ResourceUse, choose_within_budget
from anomaly.student.circuit import Circuit
from anomaly.student.closed_form.closed_form import fit_closed_form
from anomaly.student.closed_form.encoder_fit import fit_delta_code
from anomaly.student.closed_form.plan import ClosedFormPlan
from anomaly.student.closed_form.taught_filters import TeacherErrors
from anomaly.student.closed_form.wire_aware import fit_wire_aware_closed_form
from anomaly.training.compile import Chip
from chip.run_cost import cost
from chip.sim.simulator import Simulator

# Share of the budget that the start may use: distillation may raise activity a little, and the final use is checked
# again.
_RESERVE = 0.98
_MEASURED_SEGMENTS = 24


@dataclass(frozen=True, eq=False)
class StudentStart:
    """A student in closed form.

    Args:
        code: its encoder.
        circuit: its integers.
        plan: what it was built by.
    """

    code: DeltaCode
    circuit: Circuit
    plan: ClosedFormPlan


def choose_start(
    training: Sequence[Centibels],
    held_out: Sequence[Centibels],
    plan: ClosedFormPlan,
    chip: Chip,
    budget: Budget,
    judge: Callable[[StudentStart], float],
    teacher_errors: TeacherErrors | None = None,
) -> StudentStart:
    """Build the start within the chip's limits and the budget.

    Args:
        training, held_out: levels of normal sound, segments [frames, bands].
        plan: settings without a limit; its leak is dropped where the chip has none.
        chip: architecture that the student must fit.
        budget: upper bounds of its use.
        judge: label-free quality of a start, higher is better; called only if the planned start exceeds the budget.
        teacher_errors: the teacher's signed errors of the training segments; without them the start is fitted to the
            sound alone.

    Raises:
        UsageError: no student is small enough, or the link is lossy and the chip lacks the leak that it needs.
    """
    plan = plan.for_chip(chip.limits)
    array = chip.arch.array

    def build(candidate: ClosedFormPlan) -> StudentStart:
        code = fit_delta_code(training, candidate)
        return StudentStart(
            code,
            fit_closed_form(training, held_out, code, candidate, chip.limits, None, teacher_errors),
            candidate,
        )

    tight = Budget(
        _smaller(budget.max_neurons, int(array.neurons.value)),
        _smaller(budget.max_synapses, int(array.synapses.value)),
        budget.max_sop_per_s,
        budget.max_energy_j,
        budget.energy_calibration,
    )
    start = choose_within_budget(
        tight,
        plan,
        build,
        lambda start: _with_reserve(measured_use(start, held_out, chip, budget), budget),
        judge,
    )
    if start.plan.wire_cost == 0:
        return start
    settings = (start.code, start.plan, chip.limits, chip.arch)
    shorter = StudentStart(
        *fit_wire_aware_closed_form(training, held_out, *settings, teacher_errors), start.plan
    )
    # Fewer synapses should use less of everything; the budget is checked all the same.
    within = _with_reserve(measured_use(shorter, held_out, chip, budget), budget).within(tight)
    return shorter if within else start


def measured_use(
    start: StudentStart, held_out: Sequence[Centibels], chip: Chip, budget: Budget
) -> ResourceUse:
    """Measure neurons, synapses, synaptic operations and energy of a student on held-out normal sound."""
    network = start.circuit.to_network()
    sampled = held_out[:: max(1, len(held_out) // _MEASURED_SEGMENTS)][:_MEASURED_SEGMENTS]
    steps = sop = spikes = 0
    for segment in sampled:
        events = DeltaEncoder(start.code).push(segment[None]).reshape(-1, 1, start.code.bands)
        done = Simulator(network, v_sat=chip.arch.v_sat).run(events)
        steps, sop, spikes = steps + len(events), sop + done.sop, spikes + done.spikes
    return _use(network.n_neurons, network.n_synapses, (steps, sop, spikes), start.code, chip, budget)


def _use(
    neurons: int, synapses: int, counted: tuple[int, int, int], code: DeltaCode, chip: Chip, budget: Budget
) -> ResourceUse:
    steps, sop, spikes = counted
    seconds = max(steps, 1) * HOP_S / code.micro_steps
    energies = cost(chip.arch, max(steps, 1), sop, spikes, seconds).energies
    model = ("stepped", budget.energy_calibration)
    (joule,) = (e.joule for e in energies if (e.policy, e.calibration) == model)
    return ResourceUse(neurons, synapses, float(np.round(sop / seconds, 3)), joule / seconds)


def _smaller(requested: int | None, available: int) -> int:
    return available if requested is None else min(requested, available)


def _with_reserve(use: ResourceUse, budget: Budget) -> ResourceUse:
    """Use plus the reserve for distillation; compared with the requested limits, so that messages name those."""
    joule = use.energy_j / _RESERVE if budget.energy_calibration == "activity" else use.energy_j
    return ResourceUse(use.neurons, use.synapses, use.sop_per_s / _RESERVE, joule)
