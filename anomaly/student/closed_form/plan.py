"""What a student in closed form is built by."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from anomaly.detect.pooling import SUB_BAND_GROUPS
from anomaly.errors import ModelError, UsageError
from anomaly.student.closed_form.whitening_filters import valid_kinds
from anomaly.student.neuron_limits import NeuronLimits

# No chip has a weaker leak, a frame.
_MOST_LEAK = 30
# A leak a frame by which a lost event is forgotten within an eighth of a second, and events that make up for it; events
# where nothing leaks.
_LEAK, _LEAKY_STEP, _STEP = 1, 0.25, 0.3
# A cycle with phases takes levels so far that they could not be held by it.
_PHASES_LEAK = 2
# Where a cycle has phases, faults are heard at moments: what is rare counts, and counts more.
_RARE_QUANTILES, _RARE_LOADS = (0.98, 0.997, 0.9995), (1, 3, 6)
# What differs within a phase is less than what phases differ by, which sets the scale of an event.
_PHASES_STEP = 0.2


@dataclass(frozen=True)
class ClosedFormPlan:
    """Settings of the closed form.

    Args:
        kinds: of errors, in the order of `KINDS`.
        step: size of an event: it moves a typical error by this many standard deviations.
        micro_steps: events per frame and band, which is also relays per frame of delay.
        quantiles: of the error on held-out normals at which comparators fire, one of each sign for each.
        loads: what a spike beyond each quantile counts.
        slow: n of the leak 2^-n a frame of neurons that remember which way errors lean, 0 for none of them.
        direct: synapses of a comparator that come straight from bands and relays.
        fan_in: synapses of a sum, at most the chip's.
        least_gain: share of an error's variance that a direct synapse must be good for.
        stride: every how many bands have errors of their own; all of them are heard by those.
        wire_cost: how much dearer a synapse of a sum is for a wire of mean length, and how much larger events are
            for their wires (`prices`); 0 is blind to wires.
        leak: n of the leak 2^-n a frame by which neurons forget lost events, the encoder knowing it; 0 for none.
        lossy: whether the link is known to lose events, so that no student may go without the leak (`for_lossy_link`).
        phases: whether the machine's cycle has phases (`for_phases`).

    Raises:
        ModelError: kinds are unknown or out of order, quantiles and loads differ in number, or a number makes no
            sense, or the link is lossy and there is no leak.
    """

    kinds: tuple[str, ...] = ("change",)
    step: float = _LEAKY_STEP
    micro_steps: int = 4
    quantiles: tuple[float, ...] = (0.8, 0.95, 0.99)
    loads: tuple[int, ...] = (1, 2, 3)
    slow: int = 4
    direct: int = 6
    fan_in: int = 25
    least_gain: float = 1e-5
    stride: int = 1
    wire_cost: float = 0.0
    leak: int = _LEAK
    lossy: bool = False
    phases: bool = False

    def __post_init__(self) -> None:
        if (
            not valid_kinds(self.kinds)
            or not self.quantiles
            or len(self.quantiles) != len(self.loads)
            or not all(0 < quantile < 1 for quantile in self.quantiles)
            or min(*self.loads, self.stride, self.direct, self.fan_in, self.micro_steps) < 1
            or not 0 < self.step < np.inf
            or not 0 <= self.least_gain < np.inf
            or not 0 <= self.wire_cost < np.inf
            or not {self.slow, self.leak} <= set(range(_MOST_LEAK + 1))
            or (self.lossy and not self.leak)
        ):
            raise ModelError(
                f"no plan for a student: {self}",
                hint="kinds in order, as many loads as quantiles, counts of at least 1, a step above 0",
            )

    @property
    def leak_per_step(self) -> int:
        """n of the leak 2^-n per micro-step, 0 for none."""
        return frame_to_step_leak(self.leak, self.micro_steps)

    def for_lossy_link(self) -> ClosedFormPlan:
        """The plan where events are known to get lost between host and chip: it insists that neurons forget them."""
        if self.phases:
            return replace(self, leak=_PHASES_LEAK, lossy=True, step=_LEAKY_STEP)
        return replace(self, leak=_LEAK, lossy=True, step=min(self.step, _LEAKY_STEP))

    def without_leak(self) -> ClosedFormPlan:
        """The plan of neurons that forget nothing: larger events do, and there are little more than half as many.

        Raises:
            ModelError: the link is lossy.
        """
        return replace(self, leak=0, step=max(self.step, _STEP)) if self.leak else self

    def for_phases(self) -> ClosedFormPlan:
        """The plan where a machine's cycle has phases, a click, a flow and a rest: rare thresholds, fine events.

        It leaks on a lossy link only, and there events are as fine as that asks for.
        """
        rare = replace(self, phases=True, quantiles=_RARE_QUANTILES, loads=_RARE_LOADS)
        return rare.for_lossy_link() if self.lossy else replace(rare.without_leak(), step=_PHASES_STEP)

    def on(self, limits: NeuronLimits) -> ClosedFormPlan:
        """The plan as far as the chip can leak: else without a leak, unless the link is known to be lossy.

        A membrane that holds less than 2^n keeps it: that must not be more than half of what the heaviest synapse adds.

        Raises:
            UsageError: the link is lossy, and the chip has no such leak, or weights that are small against the leak's
                rounding.
        """
        n = self.leak_per_step
        if n == 0 or (n in limits.leaks and 2 << n <= limits.weight_max + 1):
            return self
        if self.lossy:
            raise UsageError(
                f"the chip has no leak of 2^-{n} per step, or weights too small for it",
                where="--lossy-link",
                hint="take 6 bits or more for weights, another chip, or leave the option out",
            )
        return self.without_leak()


def frame_to_step_leak(per_frame: int, micro_steps: int) -> int:
    """n of a leak 2^-n per step that is 2^-per_frame a frame; 0 stays 0."""
    return per_frame + round(float(np.log2(micro_steps))) if per_frame else 0


def limit_thresholds(plan: ClosedFormPlan, bands: int, limits: NeuronLimits) -> ClosedFormPlan:
    """The plan with as many thresholds as read-outs and slow neurons have synapses for; the highest stay.

    Slow neurons of several kinds share a read-out; where it has too few synapses, there are none.

    Raises:
        ModelError: a read-out has not even synapses for one threshold.
    """
    # Rows of a group, of either sign.
    errors = 2 * -(-len(range(0, bands, plan.stride)) // SUB_BAND_GROUPS)
    most = max(1, limits.fan_in // errors)
    if errors > limits.fan_in:
        raise ModelError(
            f"a chip whose neurons have {limits.fan_in} synapses is too small for this student's read-outs",
            hint=f"they count {errors} comparators at least",
        )
    fewer = replace(plan, quantiles=plan.quantiles[-most:], loads=plan.loads[:most])
    shared = errors * len(plan.kinds) * len(fewer.quantiles)
    return fewer if shared <= limits.fan_in else replace(fewer, slow=0)
