"""The neuron in torch equals the neuron of the simulator, spike for spike, and has a surrogate gradient."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from anomaly.student.distillation.neuron import NeuronLayer, to_integers
from chip.network import Network
from chip.sim.simulator import Simulator

INPUTS, NEURONS, STEPS, STREAMS = 5, 12, 120, 3


def network(
    random: np.random.Generator,
    *,
    negative: bool,
    decay: int,
    feedback: bool,
    most: int,
    inputs: int = INPUTS,
) -> Network:
    """Return a network of one layer, every input connected to every neuron."""
    weights = random.integers(1, 32, (NEURONS, inputs)) * random.choice([-1, 1], (NEURONS, inputs))
    return Network(
        n_inputs=inputs,
        theta_p=random.integers(0, most, NEURONS),
        theta_n=random.integers(0, most, NEURONS),
        negative=np.full(NEURONS, negative),
        w_fb=random.integers(0, most, NEURONS) if feedback else np.zeros(NEURONS, int),
        decay=np.full(NEURONS, decay),
        source=np.tile(np.arange(inputs), NEURONS),
        target=np.repeat(np.arange(NEURONS), inputs),
        weight=weights.ravel(),
        outputs=np.arange(NEURONS),
    )


def layer_of(network: Network, v_sat: int) -> NeuronLayer:
    def column(values: npt.NDArray[np.int32]) -> torch.Tensor:
        return torch.from_numpy(values.astype(np.float32))

    theta_p, theta_n, w_fb = (column(v) for v in (network.theta_p, network.theta_n, network.w_fb))
    negative, decay = bool(network.negative[0]), int(network.decay[0])
    return NeuronLayer(theta_p, theta_n, negative, w_fb, decay, float(v_sat), theta_p + 1)


def matrix_of(network: Network) -> torch.Tensor:
    weights = torch.zeros(NEURONS, network.n_inputs)
    weights[network.target.copy(), network.source.copy()] = torch.from_numpy(
        network.weight.astype(np.float32)
    )
    return weights


def events(random: np.random.Generator, inputs: int = INPUTS) -> npt.NDArray[np.int8]:
    made: npt.NDArray[np.int8] = random.integers(-1, 2, (STEPS, STREAMS, inputs)).astype(np.int8)
    return made


@settings(deadline=None, max_examples=120)
@given(
    seed=st.integers(0, 2**32),
    negative=st.booleans(),
    decay=st.integers(0, 10),
    feedback=st.booleans(),
    v_sat=st.sampled_from([3, 40, 255, 2047]),
)
def test_a_layer_equals_the_simulator(
    seed: int, negative: bool, decay: int, feedback: bool, v_sat: int
) -> None:
    random = np.random.default_rng(seed)
    made = network(random, negative=negative, decay=decay, feedback=feedback, most=200)
    inputs = events(random)
    theirs = Simulator(made, v_sat=v_sat).run(inputs, record="all").neurons
    ours = layer_of(made, v_sat).run(torch.from_numpy(inputs).float() @ matrix_of(made).T)
    assert theirs is not None
    assert np.array_equal(ours.numpy().astype(np.int8), theirs)


def test_cases_of_the_property_are_active() -> None:
    """The property above covers spikes of both signs, saturation and silence."""
    random = np.random.default_rng(0)
    made = network(random, negative=True, decay=3, feedback=True, most=60)
    done = Simulator(made, v_sat=40).run(events(random), record="all")
    assert done.saturations > 100
    assert {-1, 0, 1} <= set(np.unique(done.outputs))


def test_two_layers_act_one_step_apart() -> None:
    random = np.random.default_rng(4)
    first = network(random, negative=True, decay=0, feedback=True, most=60)
    second = network(random, negative=True, decay=5, feedback=True, most=60, inputs=NEURONS)
    joined: dict[str, Any] = {
        name: np.concatenate([getattr(first, name), getattr(second, name)])
        for name in ("theta_p", "theta_n", "negative", "w_fb", "decay")
    }
    both = Network(
        n_inputs=INPUTS,
        **joined,
        source=np.concatenate([first.source, second.source + INPUTS]),
        target=np.concatenate([first.target, second.target + NEURONS]),
        weight=np.concatenate([first.weight, second.weight]),
        outputs=np.arange(NEURONS, 2 * NEURONS),
    )
    inputs = events(random)
    theirs = Simulator(both, v_sat=500).run(inputs).outputs
    spikes = layer_of(first, 500).run(torch.from_numpy(inputs).float() @ matrix_of(first).T)
    late = torch.cat([torch.zeros_like(spikes[:1]), spikes[:-1]])
    ours = layer_of(second, 500).run(late @ matrix_of(second).T)
    assert np.array_equal(ours.numpy().astype(np.int8), theirs)


class SpikeAbove(torch.autograd.Function):
    """The surrogate by its definition: one threshold, one step."""

    @staticmethod
    def forward(ctx: Any, excess: torch.Tensor, width: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(excess, width)
        return (excess >= 0).to(excess.dtype)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor, None]:
        excess, width = ctx.saved_tensors
        return gradients[0] / (width * (1.0 + (excess / width).abs()) ** 2), None


def step_by_step(layer: NeuronLayer, currents: torch.Tensor) -> torch.Tensor:
    """Run the layer's equations step by step, differentiated by torch."""
    spike_above: Any = SpikeAbove.apply
    membrane, spikes = torch.zeros_like(currents[0]), []
    for current in currents:
        if layer.decay:
            exact = membrane - membrane.sign() * torch.floor(membrane.abs() / 2**layer.decay)
            smooth = membrane * (1.0 - 2.0**-layer.decay)
            membrane = smooth + (exact - smooth).detach()
        q = membrane + current
        spike = spike_above(q - layer.theta_p, layer.width)
        if layer.negative:
            spike = spike - spike_above(-q - layer.theta_n, layer.width) * (1.0 - spike.detach())
        membrane = (q - layer.w_fb * spike).clamp(-layer.v_sat, layer.v_sat)
        spikes.append(spike)
    return torch.stack(spikes)


@settings(deadline=None, max_examples=60)
@given(
    seed=st.integers(0, 2**32),
    negative=st.booleans(),
    decay=st.integers(0, 8),
    feedback=st.booleans(),
    v_sat=st.sampled_from([40, 2047]),
)
def test_gradients_are_those_of_the_equations(
    seed: int, negative: bool, decay: int, feedback: bool, v_sat: int
) -> None:
    random = np.random.default_rng(seed)
    made = network(random, negative=negative, decay=decay, feedback=feedback, most=200)
    currents = torch.from_numpy(events(random)[:50]).double() @ matrix_of(made).T.double()
    single = layer_of(made, v_sat)
    given_values = [currents, *(value.double() for value in (single.theta_p, single.theta_n, single.w_fb))]
    output_weights = torch.from_numpy(random.standard_normal(currents.shape))
    found = []
    for run in (step_by_step, NeuronLayer.run):
        given_, theta_p, theta_n, w_fb = (value.clone().requires_grad_() for value in given_values)
        layer = NeuronLayer(theta_p, theta_n, negative, w_fb, decay, float(v_sat), single.width.double())
        spikes = run(layer, given_)
        torch.autograd.backward((spikes * output_weights).sum())
        found.append(
            (spikes.detach(), [given_.grad, theta_p.grad, theta_n.grad if negative else None, w_fb.grad])
        )
    (theirs, expected), (ours, got) = found
    assert torch.equal(ours, theirs)
    for one, other in zip(got, expected, strict=True):
        assert (one is None) == (other is None)
        if one is not None and other is not None:
            assert torch.allclose(one, other, rtol=1e-6, atol=1e-9)


def test_without_leak_and_feedback_a_membrane_is_a_running_sum() -> None:
    random = np.random.default_rng(1)
    made = network(random, negative=False, decay=0, feedback=False, most=100)
    currents = torch.from_numpy(events(random)).float() @ matrix_of(made).T
    layer = layer_of(made, 2**20)
    assert torch.equal(layer.run(currents), (currents.cumsum(dim=0) >= layer.theta_p).float())


def test_neurons_of_one_layer_may_have_different_leaks() -> None:
    random = np.random.default_rng(3)
    made = network(random, negative=True, decay=0, feedback=True, most=60)
    leaks = np.arange(NEURONS) % 7
    fields = ("theta_p", "theta_n", "negative", "w_fb", "source", "target", "weight", "outputs")
    mixed = Network(n_inputs=INPUTS, decay=leaks, **{name: getattr(made, name) for name in fields})
    inputs = events(random)
    theirs = Simulator(mixed, v_sat=500).run(inputs).outputs
    layer = replace(layer_of(made, 500), decay=torch.from_numpy(leaks))
    ours = layer.run(torch.from_numpy(inputs).float() @ matrix_of(made).T)
    assert np.array_equal(ours.numpy().astype(np.int8), theirs)


@pytest.mark.parametrize("decay", [0, 4])
@pytest.mark.parametrize("negative", [False, True])
@pytest.mark.parametrize("feedback", [0.0, 20.0])
def test_gradients_are_finite_and_not_zero(decay: int, negative: bool, feedback: float) -> None:
    random = np.random.default_rng(2)
    weights = (
        torch.randn(NEURONS, INPUTS, generator=torch.Generator().manual_seed(0)).mul(10).requires_grad_()
    )
    theta = torch.full((NEURONS,), 20.0, requires_grad=True)
    layer = NeuronLayer(
        theta, theta, negative, torch.full((NEURONS,), feedback), decay, 2047.0, theta.detach()
    )
    spikes = layer.run(torch.from_numpy(events(random)).float() @ to_integers(weights, 31).T)
    torch.autograd.backward((spikes * torch.linspace(1, 2, NEURONS)).sum())
    for gradient in (weights.grad, theta.grad):
        assert gradient is not None
        assert torch.isfinite(gradient).all()
        assert (gradient != 0).any(dim=-1).all()


def test_the_gradient_of_a_threshold_is_negative() -> None:
    theta = torch.tensor([5.0], requires_grad=True)
    layer = NeuronLayer(theta, theta, False, torch.zeros(1), 0, 2047.0, torch.tensor([2.0]))
    torch.autograd.backward(layer.run(torch.tensor([[[4.0]]])).sum())
    # The slope of a fast sigmoid, 1 / (width (1 + |excess| / width)^2), at an excess of -1.
    assert theta.grad is not None
    assert theta.grad.item() == pytest.approx(-1 / (2 * (1 + 0.5) ** 2))


def test_a_leak_has_a_smooth_gradient() -> None:
    currents = torch.zeros(3, 1, 1)
    currents[0] = 5.0
    currents.requires_grad_()
    theta = torch.tensor([100.0])
    layer = NeuronLayer(theta, theta, False, torch.zeros(1), 2, 2047.0, torch.tensor([1e6]))
    spikes = layer.run(currents)
    torch.autograd.backward(spikes[2].sum())
    assert currents.grad is not None
    slope = currents.grad.flatten() / currents.grad[2, 0, 0]
    # A quarter leaks in each step.
    assert slope.tolist() == pytest.approx([0.75**2, 0.75, 1.0], rel=1e-3)


@settings(deadline=None)
@given(st.lists(st.floats(-400, 400, width=32), min_size=1, max_size=20))
def test_integers_stay_within_their_limits(values: list[float]) -> None:
    symmetric = to_integers(torch.tensor(values), 31)
    positive = to_integers(torch.tensor(values), 255, low=1.0)
    for rounded, low, high in ((symmetric, -31, 31), (positive, 1, 255)):
        assert torch.equal(rounded, rounded.round())
        assert low <= float(rounded.min()) <= float(rounded.max()) <= high


def test_rounding_passes_the_gradient() -> None:
    values = torch.tensor([0.4, -7.6, 30.9, 50.0], requires_grad=True)
    torch.autograd.backward((to_integers(values, 31) * torch.tensor([1.0, 2.0, 3.0, 4.0])).sum())
    assert values.grad is not None
    # Beyond the limit there is nothing to gain.
    assert values.grad.tolist() == [1.0, 2.0, 3.0, 0.0]
