"""The best student inside a budget, chosen without labels.

The plan that is asked for is taken where it keeps the budget; else the same without a leak, unless the link is lossy.
Smaller ones, as leaky as that, differ in kinds of errors, in events per frame, in thresholds per error, in slow neurons
or none, in synapses per neuron and in how fine events are. For every layout that has few enough neurons, synapses and
steps are made fewer and coarser until the budget is kept; of what is left, the one wins that tells pseudo-anomalies
best, or the first of those that tell them alike.
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
_FRAME: Mapping[str, Any] = {"kinds": ("frame",), "quantiles": (0.95,), "loads": (1,), "slow": 0}
# Steady machines differ in what they need: memory of a lean, thresholds or frames of the past.
_STEADY: tuple[Mapping[str, Any], ...] = (
    {**_TWO},
    {"stride": 2, **_CONTEXT},
    {"micro_steps": 2, **_ONE},
    {"micro_steps": 2, "slow": 0, **_TWO},
    {**_CONTEXT, **_ONE},
)
# With phases, what is rare is told better by two thresholds than by a lean.
_RARE: Mapping[str, Any] = {"quantiles": (0.98, 0.997), "loads": (1, 2)}
_PHASES: tuple[Mapping[str, Any], ...] = (
    {**_RARE},
    {"micro_steps": 2, "slow": 0, **_RARE},
    {"slow": 0, **_CONTEXT, **_RARE},
    {**_CONTEXT, "quantiles": (0.99,), "loads": (1,)},
)
_LEAST: tuple[Mapping[str, Any], ...] = (
    {"slow": 0, **_CONTEXT, "quantiles": (0.95,), "loads": (1,)},
    {**_FRAME},
    {"stride": 2, **_FRAME},
)
_FAN_INS = (25, 16, 10, 6, 3)
_STEPS = (0.3, 0.4, 0.55, 0.75, 1.0)
# Students that are compared by the criterion, at most; those after them hear less.
_COMPARED = 4
# Where a cycle has phases the criterion is near 1 for all, and cannot tell who hears faults at moments: the order above
# does, as it was found on simulated machines.
_TOO_NEAR = 0.01
# Fewer synapses save a few relays at most: a layout that is this much too large is given up.
_HOPELESS = 1.3


@dataclass(frozen=True)
class Budget:
    """What a student may use at most; None where there is no limit.

    Args:
        max_neurons, max_synapses: of the network, relays and read-outs included.
        max_sop_per_s: synaptic operations per second of normal sound.
        max_energy_j: joule per second of normal sound, the clock stepped as frames arrive.
        energy_calibration: cause that the published power is put into, see `chip.run_cost`; worst by default.

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
        """Whether anything is limited at all."""
        return any(getattr(self, item.name) is not None for item in fields(self)[:4])


def energy_calibration(name: str) -> EnergyCalibration:
    """The calibration of that name.

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
    """What a student uses, in the words of `Budget`."""

    neurons: int
    synapses: int
    sop_per_s: float
    energy_j: float

    def within(self, budget: Budget) -> bool:
        """Whether no limit is passed."""
        return not any(True for _ in self.beyond(budget))

    def beyond(self, budget: Budget) -> Iterator[str]:
        """Each limit that is passed, with what would do."""
        for name in ("neurons", "synapses", "sop_per_s", "energy_j"):
            limit, value = getattr(budget, f"max_{name}"), getattr(self, name)
            if limit is not None and value > limit:
                yield f"{_option(f'max_{name}')} {limit:g} (it needs {value:.4g})"


def choose_within_budget(
    budget: Budget,
    base: ClosedFormPlan,
    build: Callable[[ClosedFormPlan], Student],
    use: Callable[[Student], ResourceUse],
    judge: Callable[[Student], float],
) -> Student:
    """The plan's own student if it keeps the budget; else, from large to small, the one judged best of those that do.

    A leak takes nearly twice the operations: unless the link is lossy it goes first, and no smaller one has it.

    Args:
        budget: what it may use.
        base: the plan where nothing is limited.
        build: makes a student of a plan.
        use: measures what it uses.
        judge: higher is better; asked only where there is a choice.

    Raises:
        UsageError: no student is small enough; the hint gives the smallest.
    """
    # The plan's own student is the first layout's too.
    build = cache(build)
    whole = build(base)
    if not budget.limited or use(whole).within(budget):
        return whole
    if base.leak and not base.lossy:
        return choose_within_budget(budget, base.without_leak(), build, use, judge)
    inside: list[Student] = []
    for layout in _layouts(base):
        if (found := _largest(budget, layout, build, use)) is not None:
            inside.append(found)
        if len(inside) == _COMPARED:
            break
    if inside:
        return inside[0] if len(inside) == 1 else _elected(inside, judge, _TOO_NEAR if base.phases else 0.0)
    least = use(build(_thinned(layout, _FAN_INS[-1], _STEPS[-1])))
    beyond = "; ".join(least.beyond(budget)) or "not all of its limits can be kept at once"
    raise UsageError(
        f"the budget is too small for any student: {beyond}",
        hint=f"the smallest that would do has {least.neurons} neurons, {least.synapses} synapses, "
        f"{least.sop_per_s:,.0f} SOP and {least.energy_j:.3g} J ({budget.energy_calibration}) per second of sound",
    )


def _elected(inside: Sequence[Student], judge: Callable[[Student], float], too_near: float) -> Student:
    """The first that is not worse than the best by more than can be told."""
    scores = [judge(student) for student in inside]
    return next(s for s, score in zip(inside, scores, strict=True) if score >= max(scores) - too_near)


def _layouts(base: ClosedFormPlan) -> Iterator[ClosedFormPlan]:
    yield base
    for layout in (*(_PHASES if base.phases else _STEADY), *_LEAST):
        plan = replace(base, **layout)
        if base.leak:
            # As far as levels can be held, in events: the same leak per step.
            fewer = base.leak_per_step - plan.leak_per_step
            plan = replace(plan, leak=base.leak + fewer)
        if plan != base:
            yield plan


def _thinned(layout: ClosedFormPlan, fan_in: int, step: float) -> ClosedFormPlan:
    """The layout with fewer synapses, those of comparators in proportion, and coarser events."""
    return replace(layout, fan_in=fan_in, direct=min(layout.direct, 1 + fan_in // 4), step=step)


def _largest(
    budget: Budget,
    layout: ClosedFormPlan,
    build: Callable[[ClosedFormPlan], Student],
    use: Callable[[Student], ResourceUse],
) -> Student | None:
    """The student of a layout with most synapses and finest steps that keeps the budget."""
    fan_ins = [layout.fan_in, *(n for n in _FAN_INS if n < layout.fan_in)]
    steps = [layout.step, *(s for s in _STEPS if s > layout.step)]
    fan_in = step = 0
    while True:
        made = build(_thinned(layout, fan_ins[fan_in], steps[step]))
        used = use(made)
        if used.within(budget):
            return made
        if budget.max_neurons is not None and used.neurons > _HOPELESS * budget.max_neurons:
            return None
        if budget.max_energy_j is not None and budget.energy_calibration != "activity" and fan_in + step > 0:
            # Clock and leakage do not depend on what the network does.
            return None
        # Coarser events cost less hearing than fewer synapses do, but do not save any synapse.
        synapses = budget.max_synapses is not None and used.synapses > budget.max_synapses
        if fan_in + 1 < len(fan_ins) and (synapses or fan_in < step or step + 1 == len(steps)):
            fan_in += 1
        elif step + 1 < len(steps):
            step += 1
        else:
            return None


def _option(name: str) -> str:
    return "--max-energy" if name == "max_energy_j" else f"--{name.replace('_', '-')}"
