"""Choice of the best student inside a resource budget, without labels.

The requested plan is used if it keeps the budget; else the same plan without a leak, unless the link is lossy. Smaller
plans have the same leak as that and differ in kinds of errors, events per frame, thresholds per error, drift
integrators, synapses per neuron and event size. For every layout with few enough neurons, synapses are removed and
events enlarged until the budget is kept. Of these students the one with the best criterion (AUC on pseudo-anomalies) is
chosen, or the first whose criterion is not distinguishable from the best.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import cache
from typing import Any, Literal, TypeVar

from anomaly.errors import UsageError
from anomaly.student.closed_form.plan import ClosedFormPlan

Student = TypeVar("Student")
EnergyCalibration = Literal["activity", "clock", "leakage"]
CALIBRATIONS: tuple[EnergyCalibration, ...] = ("activity", "clock", "leakage")

_TWO: Mapping[str, Any] = {"quantiles": (0.9, 0.98), "loads": (1, 2)}
_ONE: Mapping[str, Any] = {"quantiles": (0.9,), "loads": (1,)}
_CONTEXT: Mapping[str, Any] = {"kinds": ("context",), "micro_steps": 2}
_FRAME: Mapping[str, Any] = {"kinds": ("frame",), "quantiles": (0.95,), "loads": (1,), "drift_leak": 0}
# Layouts for machines without phases. Which of them suits a machine differs: drift integrators, more thresholds or more
# frames of the past.
_STEADY: tuple[Mapping[str, Any], ...] = (
    {**_TWO},
    {"band_stride": 2, **_CONTEXT},
    {"micro_steps": 2, **_ONE},
    {"micro_steps": 2, "drift_leak": 0, **_TWO},
    {**_CONTEXT, **_ONE},
)
# Layouts for machines with phases, where two rare thresholds separate better than drift integrators do.
_RARE: Mapping[str, Any] = {"quantiles": (0.98, 0.997), "loads": (1, 2)}
_PHASES: tuple[Mapping[str, Any], ...] = (
    {**_RARE},
    {"micro_steps": 2, "drift_leak": 0, **_RARE},
    {"drift_leak": 0, **_CONTEXT, **_RARE},
    {**_CONTEXT, "quantiles": (0.99,), "loads": (1,)},
)
# The smallest layouts, for every machine.
_SMALLEST: tuple[Mapping[str, Any], ...] = (
    {"drift_leak": 0, **_CONTEXT, "quantiles": (0.95,), "loads": (1,)},
    {**_FRAME},
    {"band_stride": 2, **_FRAME},
)
# Synapses of a sum, and event sizes in standard deviations of a typical error, that are tried in turn.
_FAN_INS = (25, 16, 10, 6, 3)
_EVENT_SIZES = (0.3, 0.4, 0.55, 0.75, 1.0)
# Most students that are compared by the criterion: later layouts are smaller and had a lower AUC on simulated machines.
_MAX_COMPARED = 4
# Differences of the criterion that are ignored where a cycle has phases. There it is near 1 for all students and does
# not rank them by short faults; the order of the layouts does, as measured on simulated machines.
_CRITERION_TOLERANCE = 0.01
# A layout with more than this multiple of the allowed neurons is skipped: fewer synapses save a few relays at most.
_MAX_NEURON_EXCESS = 1.3


@dataclass(frozen=True)
class Budget:
    """Upper limits of a student's resources; None where there is no limit.

    Args:
        max_neurons, max_synapses: of the network, relays and read-outs included.
        max_sop_per_s: synaptic operations per second of normal sound.
        max_energy_j: joule per second of normal sound, the clock stepped as frames arrive.
        energy_calibration: cause that the published power is attributed to, see `chip.run_cost`; the one with the
            highest energy by default.

    Raises:
        UsageError: a limit is not positive, or there is no such calibration.
    """

    max_neurons: int | None = None
    max_synapses: int | None = None
    max_sop_per_s: float | None = None
    max_energy_j: float | None = None
    energy_calibration: EnergyCalibration = "leakage"

    def __post_init__(self) -> None:
        for item in fields(self)[:4]:
            value = getattr(self, item.name)
            if value is not None and not 0 < value < float("inf"):
                raise UsageError(f"is {value}, not a number above 0", where=_option(item.name))
        energy_calibration(self.energy_calibration)

    @property
    def limited(self) -> bool:
        """Return whether any resource is limited."""
        return any(getattr(self, item.name) is not None for item in fields(self)[:4])


def energy_calibration(name: str) -> EnergyCalibration:
    """Look an energy calibration up by name.

    Raises:
        UsageError: there is none.
    """
    for known in CALIBRATIONS:
        if name == known:
            return known
    raise UsageError(
        f"there is no calibration {name!r}",
        where="--energy-calibration",
        hint=f"one of {', '.join(CALIBRATIONS)}",
    )


@dataclass(frozen=True)
class ResourceUse:
    """Resources that a student uses, in the units of `Budget`."""

    neurons: int
    synapses: int
    sop_per_s: float
    energy_j: float

    def within(self, budget: Budget) -> bool:
        """Return whether every limit is kept."""
        return not any(True for _ in self.violations(budget))

    def violations(self, budget: Budget) -> Iterator[str]:
        """Describe each limit that is exceeded, with the amount that the student needs."""
        for name in ("neurons", "synapses", "sop_per_s", "energy_j"):
            limit, value = getattr(budget, f"max_{name}"), getattr(self, name)
            if limit is not None and value > limit:
                yield f"{_option(f'max_{name}')} {limit:g} (it needs {value:.4g})"


def choose_within_budget(
    budget: Budget,
    base: ClosedFormPlan,
    build: Callable[[ClosedFormPlan], Student],
    measure: Callable[[Student], ResourceUse],
    criterion: Callable[[Student], float],
) -> Student:
    """Build the plan's own student if it keeps the budget, else the best smaller one that does.

    A leak nearly doubles the synaptic operations: unless the link is lossy it is dropped first, and no smaller student
    has it.

    Args:
        budget: limits of the student.
        base: the plan where nothing is limited.
        build: makes a student of a plan.
        measure: returns the resources that a student uses.
        criterion: quality of a student, higher is better; evaluated only where several students keep the budget.

    Raises:
        UsageError: no student is small enough; the hint gives the smallest.
    """
    # The plan's own student is the first layout's too.
    build = cache(build)
    student = build(base)
    if not budget.limited or measure(student).within(budget):
        return student
    if base.leak and not base.lossy_link:
        return choose_within_budget(budget, base.without_leak(), build, measure, criterion)
    candidates: list[Student] = []
    for layout in _layouts(base):
        if (found := _largest_within(budget, layout, build, measure)) is not None:
            candidates.append(found)
        if len(candidates) == _MAX_COMPARED:
            break
    if not candidates:
        raise _too_small(budget, measure(build(_reduced(layout, _FAN_INS[-1], _EVENT_SIZES[-1]))))
    tolerance = _CRITERION_TOLERANCE if base.phases else 0.0
    return candidates[0] if len(candidates) == 1 else _first_best(candidates, criterion, tolerance)


def _too_small(budget: Budget, smallest: ResourceUse) -> UsageError:
    violations = "; ".join(smallest.violations(budget)) or "not all of its limits can be kept at once"
    return UsageError(
        f"the budget is too small for any student: {violations}",
        hint=f"the smallest that would do has {smallest.neurons} neurons, {smallest.synapses} synapses, "
        f"{smallest.sop_per_s:,.0f} SOP and {smallest.energy_j:.3g} J ({budget.energy_calibration}) "
        "per second of sound",
    )


def _first_best(
    candidates: Sequence[Student], criterion: Callable[[Student], float], tolerance: float
) -> Student:
    """Return the first student whose criterion is within a tolerance of the best."""
    scores = [criterion(student) for student in candidates]
    return next(s for s, score in zip(candidates, scores, strict=True) if score >= max(scores) - tolerance)


def _layouts(base: ClosedFormPlan) -> Iterator[ClosedFormPlan]:
    """Yield plans from large to small, the base first."""
    yield base
    for layout in (*(_PHASES if base.phases else _STEADY), *_SMALLEST):
        plan = replace(base, **layout)
        if base.leak:
            # The same leak per step keeps the range of levels that can be held, in events.
            fewer = base.leak_per_step - plan.leak_per_step
            plan = replace(plan, leak=base.leak + fewer)
        if plan != base:
            yield plan


def _reduced(layout: ClosedFormPlan, fan_in: int, event_size: float) -> ClosedFormPlan:
    """Return the layout with fewer synapses, those of comparators in proportion, and larger events."""
    direct = min(layout.direct_fan_in, 1 + fan_in // 4)
    return replace(layout, sum_fan_in=fan_in, direct_fan_in=direct, event_size=event_size)


def _largest_within(
    budget: Budget,
    layout: ClosedFormPlan,
    build: Callable[[ClosedFormPlan], Student],
    measure: Callable[[Student], ResourceUse],
) -> Student | None:
    """Build the student of a layout with most synapses and smallest events that keeps the budget, if any does."""
    fan_ins = [layout.sum_fan_in, *(n for n in _FAN_INS if n < layout.sum_fan_in)]
    sizes = [layout.event_size, *(s for s in _EVENT_SIZES if s > layout.event_size)]
    fan_in = size = 0
    while True:
        student = build(_reduced(layout, fan_ins[fan_in], sizes[size]))
        used = measure(student)
        if used.within(budget):
            return student
        if budget.max_neurons is not None and used.neurons > _MAX_NEURON_EXCESS * budget.max_neurons:
            return None
        if budget.max_energy_j is not None and budget.energy_calibration != "activity" and fan_in + size > 0:
            # Clock and leakage do not depend on the network's activity.
            return None
        # Larger events cost less AUC than fewer synapses do, but do not save any synapse.
        synapses = budget.max_synapses is not None and used.synapses > budget.max_synapses
        if fan_in + 1 < len(fan_ins) and (synapses or fan_in < size or size + 1 == len(sizes)):
            fan_in += 1
        elif size + 1 < len(sizes):
            size += 1
        else:
            return None


def _option(name: str) -> str:
    return "--max-energy" if name == "max_energy_j" else f"--{name.replace('_', '-')}"
