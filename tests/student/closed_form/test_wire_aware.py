"""Prices of wires make the wires shorter, and what is heard stays what was wanted."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import numpy.typing as npt
import pytest

from anomaly.student.circuit import Circuit
from anomaly.student.closed_form import wire_aware
from anomaly.student.closed_form.closed_form import closed_form, delta_code
from anomaly.student.closed_form.plan import ClosedFormPlan
from anomaly.student.closed_form.tap_wire_costs import TapWireCosts, coarsen_events, tap_wire_costs
from anomaly.student.closed_form.wire_aware import (
    explained_variance,
    measure_wires,
    wire_aware_closed_form,
    wire_demand,
)
from anomaly.student.neuron_limits import NeuronLimits
from chip.arch import ArchSpec
from chip.layout.place import half_perimeters
from chip.rules import check

Centibels = npt.NDArray[np.int32]
COST = 3.0
PLAN = ClosedFormPlan(kinds=("context",), micro_steps=2, quantiles=(0.9,), loads=(1,), slow=0, wire_cost=COST)


@pytest.fixture(scope="module")
def blind(training: list[Centibels], held_out: list[Centibels], limits: NeuronLimits) -> Circuit:
    return closed_form(training, held_out, delta_code(training, PLAN), PLAN, limits)


@pytest.fixture(scope="module")
def prices(
    blind: Circuit, training: list[Centibels], held_out: list[Centibels], senna: ArchSpec
) -> TapWireCosts:
    return tap_wire_costs(
        blind, measure_wires(blind, delta_code(training, PLAN), held_out, senna), PLAN.wire_cost
    )


def same(one: Circuit, other: Circuit) -> bool:
    parts = [(getattr(one, f.name), getattr(other, f.name)) for f in fields(Circuit) if f.name != "sums"]
    parts += [(one.sums.weights, other.sums.weights), (one.sums.quanta, other.sums.quanta)]
    return all(np.array_equal(*pair) for pair in parts)


def test_wires_are_shorter_and_errors_the_same(
    blind: Circuit,
    training: list[Centibels],
    held_out: list[Centibels],
    limits: NeuronLimits,
    senna: ArchSpec,
) -> None:
    code = delta_code(training, PLAN)
    larger, short = wire_aware_closed_form(training, held_out, code, PLAN, limits, senna)
    before, after = (measure_wires(*pair, held_out, senna) for pair in ((blind, code), (short, larger)))
    assert after.activity_wirelength < 0.8 * before.activity_wirelength
    assert after.usage.sum() < 0.95 * before.usage.sum()
    assert wire_demand(after) < 0.8 * wire_demand(before)
    assert explained_variance(short, training, larger, PLAN) > 0.85 * explained_variance(
        blind, training, code, PLAN
    )
    assert [str(one) for one in check(short.to_network(), senna) if one.severity == "error"] == []


def test_without_a_price_nothing_changes(
    blind: Circuit,
    training: list[Centibels],
    held_out: list[Centibels],
    limits: NeuronLimits,
    senna: ArchSpec,
) -> None:
    plan = replace(PLAN, wire_cost=0.0)
    code = delta_code(training, plan)
    kept, circuit = wire_aware_closed_form(training, held_out, code, plan, limits, senna)
    assert kept is code
    assert same(circuit, blind)


def test_errors_that_are_no_longer_the_wanted_ones_are_not_kept(
    blind: Circuit,
    training: list[Centibels],
    held_out: list[Centibels],
    limits: NeuronLimits,
    senna: ArchSpec,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(wire_aware, "_LEAST_EXPLAINED", 1.0)
    code = delta_code(training, PLAN)
    kept, circuit = wire_aware_closed_form(training, held_out, code, PLAN, limits, senna)
    assert kept is code
    assert same(circuit, blind)


def test_integers_explain_nearly_all_and_noise_nothing(blind: Circuit, training: list[Centibels]) -> None:
    code = delta_code(training, PLAN)
    assert 0.9 < explained_variance(blind, training, code, PLAN) <= 1.0
    random = np.random.default_rng(0)
    weights = random.integers(-3, 4, blind.weights.shape).astype(np.int32)
    assert explained_variance(replace(blind, weights=weights), training, code, PLAN) < 0.3


def test_every_tap_has_a_price(blind: Circuit, prices: TapWireCosts) -> None:
    taps = blind.weights.shape[1]
    assert prices.rest.shape == (32, taps)
    assert prices.scale.shape == (16, taps)
    for part in (prices.rest, prices.scale):
        assert np.isfinite(part).all()
        assert part.min() > 1.0


def test_far_wires_are_dear(blind: Circuit, prices: TapWireCosts) -> None:
    """A wire to a sum costs more from bands far away than from the bands beside."""
    away = np.abs(np.arange(32) - np.arange(32)[:, None])
    assert np.median(prices.rest[:, :32][away <= 2]) < np.median(prices.rest[:, :32][away > 8])


def test_events_are_larger_where_they_run_along_much_wire(
    blind: Circuit, training: list[Centibels], held_out: list[Centibels], senna: ArchSpec
) -> None:
    code = delta_code(training, PLAN)
    wires = measure_wires(blind, code, held_out, senna)
    size = coarsen_events(code, blind, wires, COST).threshold / code.threshold
    lengths = np.zeros(len(wires.weight))
    lengths[wires.nets.source] = half_perimeters(wires.nets, wires.fabric, wires.placement)
    taps = blind.wired().taps.reshape(-1, 32)
    along = np.where(taps < 0, 0.0, lengths[taps]).sum(axis=0)
    assert size.min() > 1.0
    assert np.corrcoef(along, size)[0, 1] > 0.9
    assert np.array_equal(coarsen_events(code, blind, wires, 0.0).threshold, code.threshold)


def test_a_relay_that_was_not_needed_costs_what_the_one_before_does(
    blind: Circuit, training: list[Centibels], held_out: list[Centibels], senna: ArchSpec
) -> None:
    weights, rest = blind.weights.copy(), blind.sums.weights.copy()
    weights[:, 32:], rest[:, 32:] = 0, 0
    now = replace(blind, weights=weights, sums=replace(blind.sums, weights=rest))
    assert (now.wired().taps[32:] == -1).all()
    told = tap_wire_costs(
        now, measure_wires(now, delta_code(training, PLAN), held_out, senna), PLAN.wire_cost
    )
    assert np.isfinite(told.rest).all()
    assert told.scale[:, 32:] == pytest.approx(told.scale[:, :32])
