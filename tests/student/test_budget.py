"""The best that fits, found without building everything; a budget nothing fits says what would do."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from anomaly.errors import UsageError
from anomaly.student.budget import Budget, ResourceUse, choose_within_budget
from anomaly.student.closed_form.plan import ClosedFormPlan

BASE = ClosedFormPlan()


def use(plan: ClosedFormPlan) -> ResourceUse:
    """A student that exists on paper: all that matters is that less of a plan uses less."""
    errors = len(plan.kinds) * 32 // plan.stride
    neurons = errors * (1 + 2 * len(plan.quantiles)) + 64 * plan.micro_steps * ("change" in plan.kinds)
    synapses = errors * (plan.fan_in + 2 * len(plan.quantiles) * plan.direct) + neurons
    return ResourceUse(neurons, synapses, 3.0 * synapses / plan.step, 1e-9 * synapses / plan.step)


def quality(plan: ClosedFormPlan) -> float:
    return len(plan.kinds) + 0.01 * plan.micro_steps + 0.1 * plan.fan_in - plan.step


def best(base: ClosedFormPlan = BASE, **limits: Any) -> ClosedFormPlan:
    return choose_within_budget(Budget(**limits), base, lambda plan: plan, use, quality)


def test_without_limits_it_is_the_plan_itself() -> None:
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
def test_what_comes_out_keeps_the_budget(limits: dict[str, Any]) -> None:
    assert use(best(**limits)).within(Budget(**limits))


def test_more_is_not_given_away() -> None:
    """A limit that the plan keeps changes nothing, and a larger budget gives no less."""
    assert best(max_neurons=10_000, max_sop_per_s=1e9) == BASE
    tight, wide = (quality(best(max_sop_per_s=limit)) for limit in (8_000, 30_000))
    assert tight <= wide


def test_what_a_leak_costs_is_saved_first() -> None:
    """Below that, a student is what it would be if nothing had ever leaked."""
    still = BASE.without_leak()
    dear, cheap = (use(plan).sop_per_s for plan in (BASE, still))
    assert best(max_sop_per_s=dear) == BASE
    assert best(max_sop_per_s=0.5 * (dear + cheap)) == still
    tight: tuple[dict[str, Any], ...] = (
        {"max_sop_per_s": 0.9 * cheap},
        {"max_neurons": 300, "max_sop_per_s": 5_000.0},
    )
    for limits in tight:
        assert best(**limits) == best(still, **limits) != still
        assert best(**limits).leak == 0


def test_on_a_lossy_link_small_students_forget_as_fast_by_the_step() -> None:
    tried: list[ClosedFormPlan] = []

    def build(plan: ClosedFormPlan) -> ClosedFormPlan:
        tried.append(plan)
        return plan

    asked = Budget(max_neurons=300, max_sop_per_s=5_000)
    for base in (BASE.for_lossy_link(), BASE.for_phases().for_lossy_link()):
        tried.clear()
        assert choose_within_budget(asked, base, build, use, quality).leak > 0
        assert {plan.leak_per_step for plan in tried} == {base.leak_per_step}
        assert {plan.micro_steps for plan in tried} == {2, 4}


def test_a_budget_too_small_names_the_smallest() -> None:
    with pytest.raises(UsageError, match="too small for any student: --max-neurons 10 ") as caught:
        best(max_neurons=10)
    one: dict[str, Any] = {"kinds": ("frame",), "quantiles": (0.95,), "loads": (1,), "stride": 2}
    smallest = use(replace(BASE.without_leak(), fan_in=3, direct=1, step=1.0, **one))
    assert f"the smallest that would do has {smallest.neurons} neurons" in str(caught.value.hint)


def test_energy_that_no_student_changes_is_told() -> None:
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
def test_budgets_that_are_none(limits: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        Budget(**limits)


def test_a_plan_that_keeps_the_budget_is_not_put_to_the_vote() -> None:
    def never(_: ClosedFormPlan) -> float:
        raise AssertionError("asked though there was no choice")

    kept = choose_within_budget(Budget(max_neurons=10_000), BASE, lambda plan: plan, use, never)
    assert kept == BASE


@pytest.mark.parametrize("neurons", [600, 300])
def test_with_phases_smaller_students_have_rare_thresholds_too(neurons: int) -> None:
    asked = Budget(max_neurons=neurons)
    found = [
        choose_within_budget(asked, base, lambda plan: plan, use, quality)
        for base in (BASE, BASE.for_phases())
    ]
    assert [use(plan).within(asked) for plan in found] == [True, True]
    assert [min(plan.quantiles) >= 0.98 for plan in found] == [False, True]


def test_with_phases_the_first_of_those_that_are_judged_alike_is_taken() -> None:
    """The criterion is near one for all there."""
    asked, judged = Budget(max_neurons=300), []

    def score(plan: ClosedFormPlan) -> float:
        judged.append(plan)
        return 0.99 + 0.002 * len(judged)

    found = choose_within_budget(asked, BASE.for_phases(), lambda plan: plan, use, score)
    assert found == judged[0] != judged[-1]
    judged.clear()
    found = choose_within_budget(asked, BASE, lambda plan: plan, use, score)
    assert found == judged[-1] != judged[0]
