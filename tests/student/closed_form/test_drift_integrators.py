"""Drift integrators detect a bias of errors, and fire on normal sound at the rate of their quantiles."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

from anomaly.features.delta_encoder import DeltaEncoder
from anomaly.student.circuit import Circuit
from anomaly.student.closed_form.closed_form import fit_closed_form
from anomaly.student.closed_form.drift_integrators import fit_drift_integrators
from anomaly.student.closed_form.encoder_fit import fit_delta_code
from anomaly.student.closed_form.plan import ClosedFormPlan
from anomaly.student.neuron_limits import NeuronLimits
from chip.sim.simulator import Simulator

Centibels = npt.NDArray[np.int32]
PLAN = ClosedFormPlan()
QUANTILES, LOADS = (0.8, 0.95), np.array([1, 2], np.int32)


@pytest.fixture(scope="module")
def student(training: list[Centibels], held_out: list[Centibels], limits: NeuronLimits) -> Circuit:
    return fit_closed_form(training, held_out, fit_delta_code(training, PLAN), PLAN, limits)


def rates(
    student: Circuit, segments: list[Centibels], training: list[Centibels]
) -> dict[str, npt.NDArray[np.float64]]:
    """Return the share of steps after the warm-up in which each comparator and each integrator fires."""
    network = student.to_network()
    places = {
        name: [i for i, label in enumerate(network.labels) if label.endswith(name)]
        for name in ("comparator", "slow neuron")
    }
    events = DeltaEncoder(fit_delta_code(training, PLAN), len(segments)).push(np.stack(segments))
    steps = events.reshape(len(segments), -1, 32).transpose(1, 0, 2)
    neurons = Simulator(network, v_sat=2047).run(steps, record="all").neurons
    assert neurons is not None
    return {name: neurons[32:, :, where].mean(axis=(0, 1)) for name, where in places.items()}


def test_integrators_fire_at_the_rate_of_their_quantiles(
    student: Circuit, training: list[Centibels], held_out: list[Centibels]
) -> None:
    found_rates = rates(student, held_out, training)["slow neuron"].reshape(2, 3, 32)
    for found, quantile in zip(found_rates.mean(axis=(0, 2)), PLAN.quantiles, strict=True):
        assert 0.6 * (1 - quantile) < found < 1.6 * (1 - quantile)


def test_integrators_detect_a_small_shift_better_than_comparators(
    student: Circuit, training: list[Centibels], held_out: list[Centibels]
) -> None:
    shifted = [segment + 100 * (np.arange(32) == 7) for segment in held_out]
    before, after = (
        rates(student, held_out, training),
        rates(student, [s.astype(np.int32) for s in shifted], training),
    )
    more = {name: (after[name].sum() - before[name].sum()) / before[name].sum() for name in before}
    assert more["slow neuron"] > 3 * more["comparator"] > 0


def test_integrators_read_their_own_error_with_both_signs(student: Circuit, limits: NeuronLimits) -> None:
    assert student.drift is not None
    weights = student.drift.weights.reshape(2, 3, 32, 2, 3, 32)
    units = weights[0, 0, range(32), 0, 0, range(32)]
    assert (units >= 1).all()
    assert np.abs(weights).max() <= limits.weight_max
    expected = np.einsum("i,j,k,ab->iajkb", [1, -1], [1, -1], PLAN.loads, np.diag(units))
    assert np.array_equal(weights, np.repeat(expected[:, None], 3, axis=1))
    assert student.drift.thresholds.max() <= limits.threshold_max
    assert student.drift.leak in limits.leaks


def test_without_a_leak_there_are_no_integrators(
    training: list[Centibels], held_out: list[Centibels], limits: NeuronLimits
) -> None:
    none = replace(limits, leaks=())
    for plan, chip in ((replace(PLAN, drift_leak=0), limits), (PLAN.for_chip(none), none)):
        code = fit_delta_code(training, plan)
        student = fit_closed_form(training, held_out, code, plan, chip)
        assert student.drift is None
        assert student.kinds == PLAN.kinds


@pytest.mark.parametrize("weight_max", [7, 31])
def test_thresholds_are_quantiles_of_the_integer_membranes(limits: NeuronLimits, weight_max: int) -> None:
    random = np.random.default_rng(3)
    signed_loads = [random.integers(-3, 4, (4, steps, 5)) for steps in (300, 500)]
    small = replace(limits, weight_max=weight_max)
    drift = fit_drift_integrators(
        signed_loads, np.arange(5, dtype=np.int32), (QUANTILES, LOADS), small, 20, 4
    )
    units = drift.weights.reshape(2, 2, 5, 2, 2, 5)[0, 0, range(5), 0, 0, range(5)]
    membranes: list[npt.NDArray[np.int64]] = []
    for part in signed_loads:
        membrane = np.zeros((4, 5), np.int64)
        for step in range(part.shape[1]):
            membrane -= np.sign(membrane) * (np.abs(membrane) // 16)
            membrane += units * part[:, step - 1] if step else 0
            if step >= 20:
                membranes.append(membrane.copy())
            membrane = np.clip(membrane, -limits.v_sat, limits.v_sat)
    quantiles = np.rint(
        [np.quantile(sign * np.concatenate(membranes), QUANTILES, axis=0) for sign in (1, -1)]
    )
    assert np.array_equal(drift.thresholds.reshape(2, 2, 5), np.clip(quantiles, 1, limits.threshold_max))
    # The unit is as large as the chip allows.
    assert (units == weight_max // 2).all() or quantiles.max() <= limits.threshold_max
