"""Wire costs of taps and events on a placed student."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

from anomaly.student.circuit import Circuit
from anomaly.student.closed_form.closed_form import fit_closed_form
from anomaly.student.closed_form.encoder_fit import fit_delta_code
from anomaly.student.closed_form.plan import ClosedFormPlan
from anomaly.student.closed_form.tap_wire_costs import TapWireCosts, coarsen_events, tap_wire_costs
from anomaly.student.closed_form.wire_aware import measure_wires
from anomaly.student.neuron_limits import NeuronLimits
from chip.arch import ArchSpec
from chip.layout.place import half_perimeters

Centibels = npt.NDArray[np.int32]
COST = 3.0
PLAN = ClosedFormPlan(
    kinds=("context",), micro_steps=2, quantiles=(0.9,), loads=(1,), drift_leak=0, wire_cost=COST
)


@pytest.fixture(scope="module")
def blind(training: list[Centibels], held_out: list[Centibels], limits: NeuronLimits) -> Circuit:
    return fit_closed_form(training, held_out, fit_delta_code(training, PLAN), PLAN, limits)


@pytest.fixture(scope="module")
def costs(
    blind: Circuit, training: list[Centibels], held_out: list[Centibels], senna: ArchSpec
) -> TapWireCosts:
    return tap_wire_costs(
        blind, measure_wires(blind, fit_delta_code(training, PLAN), held_out, senna), PLAN.wire_cost
    )


def test_every_tap_has_a_cost(blind: Circuit, costs: TapWireCosts) -> None:
    taps = blind.tap_weights.shape[1]
    assert costs.to_sum.shape == (32, taps)
    assert costs.to_scale.shape == (16, taps)
    for part in (costs.to_sum, costs.to_scale):
        assert np.isfinite(part).all()
        assert part.min() > 1.0


def test_distant_taps_cost_more(blind: Circuit, costs: TapWireCosts) -> None:
    """A wire to a sum costs more from distant bands than from neighbouring ones."""
    away = np.abs(np.arange(32) - np.arange(32)[:, None])
    assert np.median(costs.to_sum[:, :32][away <= 2]) < np.median(costs.to_sum[:, :32][away > 8])


def test_events_are_larger_where_they_run_along_much_wire(
    blind: Circuit, training: list[Centibels], held_out: list[Centibels], senna: ArchSpec
) -> None:
    code = fit_delta_code(training, PLAN)
    wires = measure_wires(blind, code, held_out, senna)
    size = coarsen_events(code, blind, wires, COST).threshold / code.threshold
    lengths = np.zeros(len(wires.weight))
    lengths[wires.nets.source] = half_perimeters(wires.nets, wires.fabric, wires.placement)
    taps = blind.wire().tap_sources.reshape(-1, 32)
    lengths_by_band = np.where(taps < 0, 0.0, lengths[taps]).sum(axis=0)
    assert size.min() > 1.0
    assert np.corrcoef(lengths_by_band, size)[0, 1] > 0.9
    assert np.array_equal(coarsen_events(code, blind, wires, 0.0).threshold, code.threshold)


def test_a_missing_relay_costs_as_much_as_the_one_before(
    blind: Circuit, training: list[Centibels], held_out: list[Centibels], senna: ArchSpec
) -> None:
    weights, residual = blind.tap_weights.copy(), blind.sums.weights.copy()
    weights[:, 32:], residual[:, 32:] = 0, 0
    now = replace(blind, tap_weights=weights, sums=replace(blind.sums, weights=residual))
    assert (now.wire().tap_sources[32:] == -1).all()
    found = tap_wire_costs(
        now, measure_wires(now, fit_delta_code(training, PLAN), held_out, senna), PLAN.wire_cost
    )
    assert np.isfinite(found.to_sum).all()
    assert found.to_scale[:, 32:] == pytest.approx(found.to_scale[:, :32])
