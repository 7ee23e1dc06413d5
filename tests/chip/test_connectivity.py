"""Distances, loops and self-sustaining loops of small networks."""

from __future__ import annotations

from chip.builder import NetworkBuilder
from chip.connectivity import neurons_in_loops, self_sustaining, steps_from_inputs


def _chain(weights: list[int], *, back: int = 0, negative: bool = False) -> NetworkBuilder:
    """Return input → 0 → 1 → …, thresholds 5, with a synapse from the last neuron back to the first."""
    builder = NetworkBuilder(n_inputs=1)
    for at, weight in enumerate(weights):
        neuron = builder.add_neuron(theta_p=5, negative=negative, w_fb=5)
        builder.connect(at, neuron, weight)
    if back:
        builder.connect(builder.source_of(len(weights) - 1), 0, back)
    return builder


def test_steps_from_inputs() -> None:
    builder = _chain([5, 5, 5])
    lost = builder.add_neuron(theta_p=1)
    builder.connect(builder.source_of(lost), 2, 1)
    builder.connect(0, 2, 1)
    assert steps_from_inputs(builder.build()).tolist() == [1, 2, 1, -1]


def test_loops_of_any_length_are_found() -> None:
    builder = _chain([1, 1, 1], back=1)
    outside = builder.add_neuron(theta_p=1)
    alone = builder.add_neuron(theta_p=1)
    builder.connect(builder.source_of(outside), alone, 1)
    builder.connect(builder.source_of(alone), alone, 1)
    assert neurons_in_loops(builder.build()).tolist() == [0, 1, 2, alone]
    assert neurons_in_loops(_chain([1, 1]).build()).tolist() == []
    assert neurons_in_loops(NetworkBuilder(n_inputs=2).build()).tolist() == []


def test_loop_is_self_sustaining_if_each_synapse_reaches_the_threshold() -> None:
    assert self_sustaining(_chain([5, 5], back=5).build()).tolist() == [0, 1]
    assert self_sustaining(_chain([5, 4], back=5).build()).tolist() == []
    assert self_sustaining(_chain([5, -5], back=5).build()).tolist() == []


def test_negative_spikes_can_sustain_a_loop() -> None:
    assert self_sustaining(_chain([5, -5], back=5, negative=True).build()).tolist() == [0, 1]
    assert self_sustaining(_chain([5, -5], back=-5, negative=True).build()).tolist() == [0, 1]
    assert self_sustaining(_chain([5, -4], back=-5, negative=True).build()).tolist() == []
