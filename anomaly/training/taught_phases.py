"""The first thing that a student is taught: the phases of the machine's cycle, where its teacher knows any."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from anomaly.detect.student import StudentDetector
from anomaly.features.delta import DeltaCode
from anomaly.features.mel import SAMPLE_RATE_HZ, Centibels, Samples
from anomaly.student.circuit import Circuit
from anomaly.student.distil import DistilPlan, Setting
from anomaly.student.lead import lead
from anomaly.student.phased import Phased, phased
from anomaly.teacher.told import PhaseTeller
from anomaly.training.compile import Chip


def taught_phases(
    training: Sequence[Centibels],
    held_out: Sequence[Centibels],
    teller: PhaseTeller | None,
    code: DeltaCode,
    chip: Chip,
    allowed: Callable[[Circuit], bool],
) -> Phased | None:
    """A student whose thresholds follow the phases that its teacher hears.

    Args:
        training, held_out: levels of normal sound, segments [frames, bands].
        teller: says which phase the teacher hears; None for a teacher without.
        code: encoder of the start.
        chip: where it must fit.
        allowed: whether a circuit keeps the budget.

    Returns:
        The student; None where the teacher knows no phases, or the chip or the budget has no room for them.
    """
    if teller is None:
        return None
    made = phased(training, [teller.of(segment) for segment in training], held_out, code, chip.limits)
    if made is None:
        return None
    network, array = made.circuit.to_network(), chip.arch.array
    fits = network.n_neurons <= array.neurons.value and network.n_synapses <= array.synapses.value
    return made if fits and allowed(made.circuit) else None


def nearer(
    made: Circuit, start: Circuit, setting: Setting, sounds: Sequence[Samples], plan: DistilPlan, seed: int
) -> bool:
    """Whether the teacher leads the start by as much as distillation asks for, and a circuit by less.

    The lead is on the machine's own sound at the wrong time. Where the teacher hears no more of that than the start,
    phases are nothing to learn: a machine that turns steadily has them by chance, and what they take away is missed.

    Args:
        made, start: the two.
        setting: what students of this teacher have in common.
        sounds: normal sound, float32, 16 kHz.
        plan: of distillation.
        seed: of the windows.
    """
    if sum(map(len, sounds)) < plan.least_sound_s * SAMPLE_RATE_HZ:
        return False

    def ahead(circuit: Circuit) -> float:
        student = StudentDetector(setting.code, circuit.to_network(), setting.limits.v_sat)
        return lead(setting.teacher.fresh(), student, sounds, setting.front_end, plan.checks, seed=seed)

    before = ahead(start)
    return before >= plan.least_lead and ahead(made) < before
