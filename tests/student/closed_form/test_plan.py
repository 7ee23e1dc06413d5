"""Plans: leaks for chips and links, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from anomaly.errors import ModelError, UsageError
from anomaly.student.closed_form.plan import ClosedFormPlan
from anomaly.student.neuron_limits import NeuronLimits

PLAN = ClosedFormPlan()
LOSSY = PLAN.for_lossy_link()
LEAKLESS = PLAN.without_leak()


@pytest.mark.parametrize(
    ("change", "supported"),
    [
        ({}, True),
        ({"leaks": ()}, False),
        ({"leaks": (1, 2, 4, 5, 6)}, False),
        ({"weight_max": 15}, True),
        ({"weight_max": 7}, False),
    ],
)
def test_a_plan_has_the_leak_that_the_chip_supports(
    limits: NeuronLimits, change: dict[str, Any], supported: bool
) -> None:
    """Without support there is no leak, and an error where the link is known to lose events."""
    chip = replace(limits, **change)
    assert LEAKLESS.for_chip(chip) == LEAKLESS
    assert PLAN.for_chip(chip) == (PLAN if supported else LEAKLESS)
    if supported:
        assert LOSSY.for_chip(chip) == LOSSY
    else:
        with pytest.raises(UsageError, match="--lossy-link: the chip has no leak of 2\\^-3"):
            LOSSY.for_chip(chip)


def test_a_plan_without_a_leak_has_larger_events() -> None:
    assert (PLAN.leak, LEAKLESS.leak) == (1, 0)
    assert LEAKLESS.event_size > PLAN.event_size
    assert LEAKLESS.without_leak() is LEAKLESS
    assert replace(PLAN, event_size=0.5).without_leak().event_size == 0.5
    with pytest.raises(ModelError, match="no plan for a student"):
        LOSSY.without_leak()


def test_with_phases_only_a_lossy_link_has_a_leak() -> None:
    phases = PLAN.for_phases()
    assert phases.leak == 0
    assert phases.event_size < LEAKLESS.event_size
    lossy = phases.for_lossy_link()
    assert lossy == LOSSY.for_phases()
    assert (lossy.quantiles, lossy.loads, lossy.event_size) == (
        phases.quantiles,
        phases.loads,
        PLAN.event_size,
    )
    assert lossy.leak > 0


@pytest.mark.parametrize(
    "change",
    [
        {"kinds": ("change", "frame")},
        {"kinds": ("loud",)},
        {"loads": (1,)},
        {"loads": (0, 1, 2)},
        {"quantiles": ()},
        {"quantiles": (0.9, 1.5, 0.99)},
        {"direct_fan_in": 0},
        {"sum_fan_in": 0},
        {"event_size": 0.0},
        {"event_size": float("nan")},
        {"micro_steps": 0},
        {"min_gain": -1.0},
        {"lossy_link": True, "leak": 0},
    ],
)
def test_invalid_plans_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ModelError, match="no plan for a student"):
        replace(PLAN, **change)
