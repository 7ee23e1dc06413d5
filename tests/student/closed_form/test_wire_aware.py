"""Wire costs shorten the wires, and the filters remain close to their targets."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import numpy.typing as npt
import pytest

from anomaly.student.circuit import Circuit
from anomaly.student.closed_form import wire_aware
from anomaly.student.closed_form.closed_form import fit_closed_form
from anomaly.student.closed_form.encoder_fit import fit_delta_code
from anomaly.student.closed_form.plan import ClosedFormPlan
from anomaly.student.closed_form.wire_aware import (
    explained_variance,
    fit_wire_aware_closed_form,
    measure_wires,
    wire_demand,
)
from anomaly.student.neuron_limits import NeuronLimits
from chip.arch import ArchSpec
from chip.rules import check

Centibels = npt.NDArray[np.int32]
COST = 3.0
PLAN = ClosedFormPlan(
    kinds=("context",), micro_steps=2, quantiles=(0.9,), loads=(1,), drift_leak=0, wire_cost=COST
)


@pytest.fixture(scope="module")
def blind(training: list[Centibels], held_out: list[Centibels], limits: NeuronLimits) -> Circuit:
    return fit_closed_form(training, held_out, fit_delta_code(training, PLAN), PLAN, limits)


def equal(one: Circuit, other: Circuit) -> bool:
    parts = [(getattr(one, f.name), getattr(other, f.name)) for f in fields(Circuit) if f.name != "sums"]
    parts += [(one.sums.weights, other.sums.weights), (one.sums.quanta, other.sums.quanta)]
    return all(np.array_equal(*pair) for pair in parts)


@pytest.mark.slow
def test_wires_are_shorter_and_filters_explained(
    blind: Circuit,
    training: list[Centibels],
    held_out: list[Centibels],
    limits: NeuronLimits,
    senna: ArchSpec,
) -> None:
    code = fit_delta_code(training, PLAN)
    larger, short = fit_wire_aware_closed_form(training, held_out, code, PLAN, limits, senna)
    before, after = (measure_wires(*pair, held_out, senna) for pair in ((blind, code), (short, larger)))
    assert after.activity_wirelength < 0.8 * before.activity_wirelength
    assert after.usage.sum() < 0.95 * before.usage.sum()
    assert wire_demand(after) < 0.8 * wire_demand(before)
    assert explained_variance(short, training, larger, PLAN) > 0.85 * explained_variance(
        blind, training, code, PLAN
    )
    assert [str(one) for one in check(short.to_network(), senna) if one.severity == "error"] == []


def test_without_a_wire_cost_nothing_changes(
    blind: Circuit,
    training: list[Centibels],
    held_out: list[Centibels],
    limits: NeuronLimits,
    senna: ArchSpec,
) -> None:
    plan = replace(PLAN, wire_cost=0.0)
    code = fit_delta_code(training, plan)
    kept, circuit = fit_wire_aware_closed_form(training, held_out, code, plan, limits, senna)
    assert kept is code
    assert equal(circuit, blind)


def test_a_round_that_explains_too_little_is_not_kept(
    blind: Circuit,
    training: list[Centibels],
    held_out: list[Centibels],
    limits: NeuronLimits,
    senna: ArchSpec,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(wire_aware, "_MIN_EXPLAINED", 1.0)
    code = fit_delta_code(training, PLAN)
    kept, circuit = fit_wire_aware_closed_form(training, held_out, code, PLAN, limits, senna)
    assert kept is code
    assert equal(circuit, blind)


def test_explained_variance_is_high_for_the_fit_and_low_for_noise(
    blind: Circuit, training: list[Centibels]
) -> None:
    code = fit_delta_code(training, PLAN)
    assert 0.9 < explained_variance(blind, training, code, PLAN) <= 1.0
    random = np.random.default_rng(0)
    weights = random.integers(-3, 4, blind.tap_weights.shape).astype(np.int32)
    assert explained_variance(replace(blind, tap_weights=weights), training, code, PLAN) < 0.3
