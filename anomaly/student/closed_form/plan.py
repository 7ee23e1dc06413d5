"""Settings of a student in closed form."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from anomaly.detect.pooling import SUB_BAND_GROUPS
from anomaly.errors import ModelError, UsageError
from anomaly.student.closed_form.whitening_filters import valid_kinds
from anomaly.student.neuron_limits import NeuronLimits

# Largest n of a leak 2^-n a frame that a plan may have: chips have no weaker one.
_MAX_LEAK = 30
# Leak a frame by which a lost event decays within an eighth of a second; event sizes with that leak and without one.
# Chosen on simulated machines (the table in docs/student.md, "Imperfect chips").
_LEAK, _LEAKY_EVENT_SIZE, _EVENT_SIZE = 1, 0.25, 0.3
# Leak with phases. A cycle with phases has levels so far from the mean that _LEAK could not hold them.
_PHASES_LEAK = 2
# Thresholds and loads where a cycle has phases: faults there are short, so rare excesses count, and count more.
_RARE_QUANTILES, _RARE_LOADS = (0.98, 0.997, 0.9995), (1, 3, 6)
# Event size with phases: levels scatter less within a phase than between phases, which sets the scale of an event.
_PHASES_EVENT_SIZE = 0.2


@dataclass(frozen=True)
class ClosedFormPlan:
    """Settings of the closed form.

    Args:
        kinds: of errors, in the order of `FILTER_KINDS`.
        event_size: standard deviations by which one event changes a typical error.
        micro_steps: events per frame and band, which is also relays per frame of delay.
        quantiles: of the error on held-out normals at which comparators fire, one comparator of each sign for each.
        loads: weight of a spike at the read-out for each quantile.
        drift_leak: n of the leak 2^-n a frame of drift integrators, 0 for no integrators.
        direct_fan_in: synapses of a comparator that come straight from bands and relays.
        sum_fan_in: synapses of a sum, at most the chip's.
        min_gain: share of an error's variance that a direct synapse must explain.
        band_stride: every how many bands have errors of their own; all bands are inputs of those.
        wire_cost: cost of a synapse of a sum for a wire of mean length, in units of a synapse without wire, and the
            enlargement of events for their wires (`tap_wire_costs`); 0 ignores wires.
        leak: n of the leak 2^-n a frame by which encoder and neurons decay lost events; 0 for none.
        lossy_link: whether the link is known to lose events, so that every student needs the leak (`for_lossy_link`).
        phases: whether the machine's cycle has phases (`for_phases`).

    Raises:
        ModelError: kinds are unknown or out of order, quantiles and loads differ in number, a number is out of range,
            or the link is lossy and there is no leak.
    """

    kinds: tuple[str, ...] = ("change",)
    event_size: float = _LEAKY_EVENT_SIZE
    micro_steps: int = 4
    quantiles: tuple[float, ...] = (0.84, 0.977, 0.9995)
    loads: tuple[int, ...] = (1, 3, 12)
    drift_leak: int = 4
    direct_fan_in: int = 6
    sum_fan_in: int = 25
    min_gain: float = 1e-5
    band_stride: int = 1
    wire_cost: float = 0.0
    leak: int = _LEAK
    lossy_link: bool = False
    phases: bool = False

    def __post_init__(self) -> None:
        counts = (self.band_stride, self.direct_fan_in, self.sum_fan_in, self.micro_steps)
        if (
            not valid_kinds(self.kinds)
            or not self.quantiles
            or len(self.quantiles) != len(self.loads)
            or not all(0 < quantile < 1 for quantile in self.quantiles)
            or min(*self.loads, *counts) < 1
            or not 0 < self.event_size < np.inf
            or not 0 <= self.min_gain < np.inf
            or not 0 <= self.wire_cost < np.inf
            or not {self.drift_leak, self.leak} <= set(range(_MAX_LEAK + 1))
            or (self.lossy_link and not self.leak)
        ):
            raise ModelError(
                f"no plan for a student: {self}",
                hint="kinds in order, as many loads as quantiles, counts of at least 1, an event size above 0",
            )

    @property
    def leak_per_step(self) -> int:
        """n of the leak 2^-n per micro-step, 0 for none."""
        return frame_to_step_leak(self.leak, self.micro_steps)

    def for_lossy_link(self) -> ClosedFormPlan:
        """Return the plan for a link that loses events: all neurons leak, so that the error of a lost event decays."""
        if self.phases:
            return replace(self, leak=_PHASES_LEAK, lossy_link=True, event_size=_LEAKY_EVENT_SIZE)
        return replace(self, leak=_LEAK, lossy_link=True, event_size=min(self.event_size, _LEAKY_EVENT_SIZE))

    def without_leak(self) -> ClosedFormPlan:
        """Return the plan without a leak and with larger events, about half as many of them.

        Raises:
            ModelError: the link is lossy.
        """
        return replace(self, leak=0, event_size=max(self.event_size, _EVENT_SIZE)) if self.leak else self

    def for_phases(self) -> ClosedFormPlan:
        """Return the plan for a machine whose cycle has phases, say a click, a flow and a rest.

        Its thresholds are rare and its events small. It leaks on a lossy link only, and has that link's event size.
        """
        rare = replace(self, phases=True, quantiles=_RARE_QUANTILES, loads=_RARE_LOADS)
        return (
            rare.for_lossy_link()
            if self.lossy_link
            else replace(rare.without_leak(), event_size=_PHASES_EVENT_SIZE)
        )

    def for_chip(self, limits: NeuronLimits) -> ClosedFormPlan:
        """Return the plan with the leak that the chip supports: its own, or none unless the link is lossy.

        A membrane below 2^n does not decay (the leak takes whole units): that must not be more than half of what the
        heaviest synapse adds.

        Raises:
            UsageError: the link is lossy, and the chip has no such leak, or weights that are small against the leak's
                rounding.
        """
        n = self.leak_per_step
        if n == 0 or (n in limits.leaks and 2 << n <= limits.weight_max + 1):
            return self
        if self.lossy_link:
            raise UsageError(
                f"the chip has no leak of 2^-{n} per step, or weights too small for it",
                where="--lossy-link",
                hint="take 6 bits or more for weights, another chip, or leave the option out",
            )
        return self.without_leak()


def frame_to_step_leak(per_frame: int, micro_steps: int) -> int:
    """Convert n of a leak 2^-n per frame to the n per micro-step; 0 (no leak) stays 0."""
    return per_frame + round(float(np.log2(micro_steps))) if per_frame else 0


def limit_thresholds(plan: ClosedFormPlan, bands: int, limits: NeuronLimits) -> ClosedFormPlan:
    """Return the plan with as many thresholds as read-outs and integrators have synapses for; the highest stay.

    Integrators of several kinds share a read-out; where it has too few synapses, there are no integrators.

    Raises:
        ModelError: a read-out has not even synapses for one threshold.
    """
    # Comparators of a group for one threshold, both signs.
    comparators = 2 * -(-len(range(0, bands, plan.band_stride)) // SUB_BAND_GROUPS)
    most = max(1, limits.fan_in // comparators)
    if comparators > limits.fan_in:
        raise ModelError(
            f"a chip whose neurons have {limits.fan_in} synapses is too small for this student's read-outs",
            hint=f"they count {comparators} comparators at least",
        )
    fewer = replace(plan, quantiles=plan.quantiles[-most:], loads=plan.loads[:most])
    shared = comparators * len(plan.kinds) * len(fewer.quantiles)
    return fewer if shared <= limits.fan_in else replace(fewer, drift_leak=0)
