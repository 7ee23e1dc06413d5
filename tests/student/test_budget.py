"""Choice within a budget: the best student that fits; the error of an impossible budget gives the smallest."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from anomaly.errors import UsageError
from anomaly.student.budget import Budget, ResourceUse, choose_within_budget
from anomaly.student.closed_form.plan import ClosedFormPlan

BASE = ClosedFormPlan()


def measure(plan: ClosedFormPlan) -> ResourceUse:
    """Return made-up resources that decrease with each setting of the plan."""
    errors = len(plan.kinds) * 32 // plan.band_stride
    neurons = errors * (1 + 2 * len(plan.quantiles)) + 64 * plan.micro_steps * ("change" in plan.kinds)
    synapses = errors * (plan.sum_fan_in + 2 * len(plan.quantiles) * plan.direct_fan_in) + neurons
    return ResourceUse(neurons, synapses, 3.0 * synapses / plan.event_size, 1e-9 * synapses / plan.event_size)


def quality(plan: ClosedFormPlan) -> float:
    return len(plan.kinds) + 0.01 * plan.micro_steps + 0.1 * plan.sum_fan_in - plan.event_size


def best(base: ClosedFormPlan = BASE, **limits: Any) -> ClosedFormPlan:
    return choose_within_budget(Budget(**limits), base, lambda plan: plan, measure, quality)


def test_without_limits_the_plan_is_unchanged() -> None:
    assert best() == BASE
    assert not Budget().limited


@pytest.mark.parametrize(
    "limits",
    [
        {"max_neurons": 600},
        {"max_neurons": 300},
        {"max_synapses": 900},
        {"max_synapses": 300},
        {"max_sop_per_s": 20_000},
        {"max_sop_per_s": 2_000.0},
        {"max_energy_j": 5e-6, "energy_calibration": "activity"},
        {"max_neurons": 300, "max_synapses": 500, "max_sop_per_s": 5_000},
    ],
)
def test_the_chosen_plan_keeps_the_budget(limits: dict[str, Any]) -> None:
    assert measure(best(**limits)).within(Budget(**limits))


def test_a_larger_budget_gives_no_less() -> None:
    """A limit that the plan keeps changes nothing, either."""
    assert best(max_neurons=10_000, max_sop_per_s=1e9) == BASE
    tight, wide = (quality(best(max_sop_per_s=limit)) for limit in (8_000, 30_000))
    assert tight <= wide


def test_the_leak_is_dropped_first() -> None:
    """Smaller students are those of the plan without a leak."""
    leakless = BASE.without_leak()
    expensive, cheap = (measure(plan).sop_per_s for plan in (BASE, leakless))
    assert best(max_sop_per_s=expensive) == BASE
    assert best(max_sop_per_s=0.5 * (expensive + cheap)) == leakless
    tight: tuple[dict[str, Any], ...] = (
        {"max_sop_per_s": 0.9 * cheap},
        {"max_neurons": 300, "max_sop_per_s": 5_000.0},
    )
    for limits in tight:
        assert best(**limits) == best(leakless, **limits) != leakless
        assert best(**limits).leak == 0


def test_on_a_lossy_link_small_students_have_the_same_leak_per_step() -> None:
    built: list[ClosedFormPlan] = []

    def build(plan: ClosedFormPlan) -> ClosedFormPlan:
        built.append(plan)
        return plan

    budget = Budget(max_neurons=300, max_sop_per_s=5_000)
    for base in (BASE.for_lossy_link(), BASE.for_phases().for_lossy_link()):
        built.clear()
        assert choose_within_budget(budget, base, build, measure, quality).leak > 0
        assert {plan.leak_per_step for plan in built} == {base.leak_per_step}
        assert {plan.micro_steps for plan in built} == {2, 4}


def test_a_budget_too_small_names_the_smallest() -> None:
    with pytest.raises(UsageError, match="too small for any student: --max-neurons 10 ") as caught:
        best(max_neurons=10)
    one: dict[str, Any] = {
        "kinds": ("frame",),
        "quantiles": (0.95,),
        "loads": (1,),
        "band_stride": 2,
        "drift_leak": 0,
    }
    smallest = measure(replace(BASE.without_leak(), sum_fan_in=3, direct_fan_in=1, event_size=1.0, **one))
    assert f"the smallest that would do has {smallest.neurons} neurons" in str(caught.value.hint)


def test_an_energy_below_every_student_is_refused() -> None:
    with pytest.raises(UsageError, match="--max-energy 1e-12"):
        best(max_energy_j=1e-12)


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        ({"max_neurons": 0}, "--max-neurons: is 0, not a number above 0"),
        ({"max_synapses": -1}, "--max-synapses: is -1"),
        ({"max_sop_per_s": float("nan")}, "--max-sop-per-s: is nan"),
        ({"max_energy_j": float("inf")}, "--max-energy: is inf"),
        ({"energy_calibration": "solar"}, "there is no calibration 'solar'"),
    ],
)
def test_invalid_budgets_are_refused(limits: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        Budget(**limits)


def test_a_plan_that_keeps_the_budget_is_not_evaluated() -> None:
    def never(_: ClosedFormPlan) -> float:
        raise AssertionError("evaluated though there was no choice")

    kept = choose_within_budget(Budget(max_neurons=10_000), BASE, lambda plan: plan, measure, never)
    assert kept == BASE


@pytest.mark.parametrize("neurons", [600, 300])
def test_smaller_students_with_phases_have_rare_thresholds(neurons: int) -> None:
    budget = Budget(max_neurons=neurons)
    found = [
        choose_within_budget(budget, base, lambda plan: plan, measure, quality)
        for base in (BASE, BASE.for_phases())
    ]
    assert [measure(plan).within(budget) for plan in found] == [True, True]
    assert [min(plan.quantiles) >= 0.98 for plan in found] == [False, True]


def test_with_phases_the_first_of_indistinguishable_students_is_chosen() -> None:
    """The criterion is near one for all of them there."""
    budget, scored = Budget(max_neurons=300), []

    def score(plan: ClosedFormPlan) -> float:
        scored.append(plan)
        return 0.99 + 0.002 * len(scored)

    found = choose_within_budget(budget, BASE.for_phases(), lambda plan: plan, measure, score)
    assert found == scored[0] != scored[-1]
    scored.clear()
    found = choose_within_budget(budget, BASE, lambda plan: plan, measure, score)
    assert found == scored[-1] != scored[0]
