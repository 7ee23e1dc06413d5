"""Membrane bounds: valid for any input, and tight in simple cases."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from chip.builder import NetworkBuilder
from chip.membrane_bounds import membrane_bounds
from chip.network import Network
from chip.sim.numpy_engine import NumpyEngine
from chip.sim.stimulus import random_spikes


def _one(weights: list[int], **neuron: int) -> Network:
    builder = NetworkBuilder(n_inputs=len(weights))
    builder.add_neuron(**neuron)  # type: ignore[arg-type]
    for source, weight in enumerate(weights):
        builder.connect(source, 0, weight)
    return builder.build()


def _bounds(network: Network) -> tuple[float, float]:
    lower, upper = membrane_bounds(network)
    return float(lower[0]), float(upper[0])


def _membranes(engine: NumpyEngine, drive: NDArray[np.int8]) -> NDArray[Any]:
    """Return membranes after each step; saturation is out of their reach."""
    state = engine.rest(drive.shape[1])
    seen = []
    for step in drive:
        engine.advance(state, step[None], keep_all=False)
        seen.append(state.membrane.copy())
    return np.array(seen)


def test_feedback_as_large_as_the_weights_bounds_both_sides() -> None:
    assert _bounds(_one([3, -2], theta_p=5, theta_n=4, negative=1, w_fb=5)) == (-3, 4)


def test_no_feedback_has_no_bound() -> None:
    assert _bounds(_one([1], theta_p=5)) == (-np.inf, np.inf)
    assert _bounds(_one([3], theta_p=5, w_fb=5)) == (-np.inf, 4)


def test_leak_bounds_the_membrane() -> None:
    lower, upper = _bounds(_one([3], theta_p=5, decay=4))
    assert (lower, upper) == (-48, 48)
    engine = NumpyEngine(_one([3], theta_p=5, decay=4), 10_000)
    assert _membranes(engine, np.ones((500, 1, 1), np.int8)).max() == 48


def test_unsigned_inputs_bound_the_membrane_at_zero() -> None:
    builder = NetworkBuilder(n_inputs=1)
    first, second = builder.add_neuron(theta_p=5, w_fb=5), builder.add_neuron(theta_p=2, w_fb=2)
    builder.connect(0, first, 5)
    builder.connect(builder.source_of(first), second, 1)
    lower, upper = membrane_bounds(builder.build())
    assert (lower[second], upper[second]) == (0, 1)


@settings(max_examples=100, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    weights=st.lists(st.integers(-9, 9).filter(bool), min_size=1, max_size=4),
    theta=st.tuples(st.integers(0, 12), st.integers(0, 12)),
    negative=st.booleans(),
    w_fb=st.integers(0, 40),
    decay=st.integers(0, 3),
)
def test_no_input_exceeds_the_bound(
    seed: int, weights: list[int], theta: tuple[int, int], negative: bool, w_fb: int, decay: int
) -> None:
    network = _one(weights, theta_p=theta[0], theta_n=theta[1], negative=negative, w_fb=w_fb, decay=decay)
    engine = NumpyEngine(network, 1_000_000)
    drive = random_spikes(len(weights), 100, streams=20, rate=0.9, seed=seed)
    # Half the streams are pushed one way, because chance alone seldom goes far.
    drive[:, :10] = np.where(np.arange(10)[:, None] % 2, 1, -1) * np.sign(weights)
    membranes = _membranes(engine, drive)
    lower, upper = membrane_bounds(network)
    assert lower[0] <= membranes.min()
    assert membranes.max() <= upper[0]
