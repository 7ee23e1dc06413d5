"""A plan with a price for wires starts with the student whose wires are short, as long as it keeps the budget."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from anomaly.student.budget import Budget
from anomaly.student.closed_form.plan import ClosedFormPlan
from anomaly.training import student_start
from anomaly.training.compile import read_chip
from anomaly.training.student_start import choose_start

PLAN = ClosedFormPlan(kinds=("frame",), quantiles=(0.9,), loads=(1,), drift_leak=0, band_stride=4)


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """The plan's student is the only one there is."""

    def first(_budget: Budget, base: ClosedFormPlan, build: Callable[[ClosedFormPlan], Any], *_: Any) -> Any:
        return build(base)

    monkeypatch.setattr(student_start, "choose_within_budget", first)


def chosen(plan: ClosedFormPlan, budget: Budget) -> student_start.StudentStart:
    chip = read_chip("senna")
    random = np.random.default_rng(0)
    levels = [np.rint(-5000 + 300 * random.standard_normal((120, 32))).astype(np.int32) for _ in range(6)]
    return choose_start(levels[:4], levels[4:], plan, chip, budget, lambda _: 0.0)


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize(("wire_cost", "most"), [(0.0, None), (3.0, None), (3.0, 1.0)])
def test_wire_cost_shortens_the_start(
    wire_cost: float, most: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    blind, made = chosen(PLAN, Budget()), []

    def shorter(*_: Any) -> Any:
        made.append(blind.circuit)
        return blind.code, blind.circuit

    monkeypatch.setattr(student_start, "fit_wire_aware_closed_form", shorter)
    plan = ClosedFormPlan(
        kinds=("frame",), quantiles=(0.9,), loads=(1,), drift_leak=0, band_stride=4, wire_cost=wire_cost
    )
    found = chosen(plan, Budget(max_sop_per_s=most))
    assert len(made) == (wire_cost > 0)
    assert (found.circuit is blind.circuit) == (wire_cost > 0 and most is None)
    assert found.plan == plan
