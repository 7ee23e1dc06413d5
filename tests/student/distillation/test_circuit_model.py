"""The circuit in torch equals the circuit on the chip, before, during and after training."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
import torch

from anomaly.student.circuit import Circuit
from anomaly.student.circuit_parts import DRIFT_KIND, DriftIntegrators
from anomaly.student.distillation.circuit_model import CircuitModel
from anomaly.student.neuron_limits import NeuronLimits
from chip.sim.simulator import Simulator


def events_for(circuit: Circuit, seed: int, steps: int = 160, streams: int = 4) -> npt.NDArray[np.int8]:
    random = np.random.default_rng(seed)
    trend = np.sin(np.arange(steps)[:, None, None] / 29 + random.uniform(0, 6, (streams, circuit.bands)))
    sign = np.where(random.random((steps, streams, circuit.bands)) < 0.75, np.sign(trend), -np.sign(trend))
    made: npt.NDArray[np.int8] = (sign * (random.random(sign.shape) < 0.4)).astype(np.int8)
    return made


def by_chip(circuit: Circuit, events: npt.NDArray[np.int8], v_sat: int) -> npt.NDArray[np.int8]:
    return Simulator(circuit.to_network(), v_sat=v_sat).run(events).outputs


def by_torch(model: CircuitModel, events: npt.NDArray[np.int8]) -> npt.NDArray[np.int8]:
    with torch.no_grad():
        spikes: npt.NDArray[np.int8] = model(torch.from_numpy(events).float()).numpy().astype(np.int8)
    return spikes


@pytest.mark.parametrize("leak", [0, 3, 6])
@pytest.mark.parametrize("v_sat", [2047, 60])
def test_drift_integrators_equal_those_of_the_simulator(
    circuit: Circuit, drift: DriftIntegrators, limits: NeuronLimits, v_sat: int, leak: int
) -> None:
    divisors = np.concatenate([circuit.divisors, np.full(16, 2, np.int32)])
    kinds = (*circuit.kinds, DRIFT_KIND)
    both = replace(circuit, kinds=kinds, divisors=divisors, drift=replace(drift, leak=leak))
    events = events_for(circuit, 3, steps=400)
    expected = by_chip(both, events, v_sat)
    assert np.array_equal(by_torch(CircuitModel(both, replace(limits, v_sat=v_sat)), events), expected)
    assert expected[:, :, 48:].any()
    # The other read-outs do not depend on them.
    assert np.array_equal(expected[:, :, :48], by_chip(circuit, events, v_sat))


@pytest.mark.parametrize("v_sat", [2047, 60])
def test_the_model_equals_the_simulator_spike_for_spike(
    circuit: Circuit, limits: NeuronLimits, v_sat: int
) -> None:
    events = events_for(circuit, 1)
    expected = by_chip(circuit, events, v_sat)
    assert np.array_equal(by_torch(CircuitModel(circuit, replace(limits, v_sat=v_sat)), events), expected)
    assert expected.any()


def test_the_small_membrane_limit_saturates(circuit: Circuit) -> None:
    network = circuit.to_network()
    assert Simulator(network, v_sat=60).run(events_for(circuit, 1)).saturations > 0


def test_fewer_steps_than_a_delay(circuit: Circuit, limits: NeuronLimits) -> None:
    for steps in (1, 3, 4, 5, 8, 9):
        events = events_for(circuit, 2, steps=steps)
        assert np.array_equal(by_torch(CircuitModel(circuit, limits), events), by_chip(circuit, events, 2047))


def test_an_untrained_model_returns_its_circuit(circuit: Circuit, limits: NeuronLimits) -> None:
    again = CircuitModel(circuit, limits).to_circuit()
    for name in ("tap_weights", "thresholds", "channels", "divisors"):
        assert np.array_equal(getattr(again, name), getattr(circuit, name))
    assert (again.bands, again.delays, again.micro_steps) == (16, 2, 4)


def step(model: CircuitModel, events: torch.Tensor, target: torch.Tensor) -> float:
    loss = (model(events).mean(dim=0) - target).square().sum()
    for parameter in model.parameters():
        parameter.grad = None
    torch.autograd.backward(loss)
    return float(loss.detach())


def test_gradients_are_finite_and_reach_every_synapse(circuit: Circuit, limits: NeuronLimits) -> None:
    model = CircuitModel(circuit, limits)
    step(model, torch.from_numpy(events_for(circuit, 3)).float(), torch.rand(4, 48))
    weights, thresholds = model.weights.grad, model.thresholds.grad
    assert weights is not None
    assert thresholds is not None
    assert torch.isfinite(weights).all()
    assert torch.isfinite(thresholds).all()
    assert (thresholds != 0).float().mean() > 0.9
    present = torch.from_numpy(circuit.tap_weights != 0)
    assert (weights[present] != 0).float().mean() > 0.9
    assert (weights[~present] == 0).all()


def test_training_keeps_the_limits_of_the_chip(one_circuit: Circuit, limits: NeuronLimits) -> None:
    """With large steps towards every limit: integers within bounds, no new synapse, equal spikes."""
    model = CircuitModel(one_circuit, limits)
    optimiser = torch.optim.Adam(model.parameters(), lr=4.0)
    events = events_for(one_circuit, 4)
    for round_ in range(6):
        step(model, torch.from_numpy(events).float(), torch.zeros(4, 48) if round_ % 2 else torch.ones(4, 48))
        optimiser.step()
        now = model.to_circuit()
        assert np.abs(now.tap_weights).max() <= limits.weight_max
        assert 1 <= now.thresholds.min() <= now.thresholds.max() <= limits.threshold_max
        assert (now.tap_weights[one_circuit.tap_weights == 0] == 0).all()
        assert ((now.tap_weights != 0).sum(axis=1) <= (one_circuit.tap_weights != 0).sum(axis=1)).all()
        assert np.array_equal(by_torch(model, events), by_chip(now, events, 2047))
    assert not np.array_equal(now.tap_weights, one_circuit.tap_weights)


def test_training_reduces_the_loss(one_circuit: Circuit, limits: NeuronLimits) -> None:
    model = CircuitModel(one_circuit, limits)
    optimiser = torch.optim.Adam(
        [{"params": [model.weights], "lr": 0.3}, {"params": [model.thresholds], "lr": 3.0}]
    )
    events = torch.from_numpy(events_for(one_circuit, 5)).float()
    losses = []
    for _ in range(25):
        losses.append(step(model, events, torch.full((4, 48), 0.1)))
        optimiser.step()
    assert min(losses[-5:]) < 0.6 * losses[0]
