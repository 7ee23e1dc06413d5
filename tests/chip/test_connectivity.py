"""Who reaches whom: checked on networks small enough to see."""

from __future__ import annotations

from chip.builder import NetworkBuilder
from chip.connectivity import neurons_in_loops, self_sustaining, steps_from_inputs


def _chain(weights: list[int], *, back: int = 0, negative: bool = False) -> NetworkBuilder:
    """input → 0 → 1 → …, thresholds 5, with a synapse from the last neuron back to the first."""
    builder = NetworkBuilder(n_inputs=1)
    for at, weight in enumerate(weights):
        neuron = builder.add_neuron(theta_p=5, negative=negative, w_fb=5)
        builder.connect(at, neuron, weight)
    if back:
        builder.connect(builder.source_of(len(weights) - 1), 0, back)
    return builder


def test_counts_the_steps_from_the_inputs() -> None:
    builder = _chain([5, 5, 5])
    lost = builder.add_neuron(theta_p=1)
    builder.connect(builder.source_of(lost), 2, 1)
    builder.connect(0, 2, 1)
    assert steps_from_inputs(builder.build()).tolist() == [1, 2, 1, -1]


def test_finds_loops_of_any_length() -> None:
    builder = _chain([1, 1, 1], back=1)
    outside = builder.add_neuron(theta_p=1)
    alone = builder.add_neuron(theta_p=1)
    builder.connect(builder.source_of(outside), alone, 1)
    builder.connect(builder.source_of(alone), alone, 1)
    assert neurons_in_loops(builder.build()).tolist() == [0, 1, 2, alone]
    assert neurons_in_loops(_chain([1, 1]).build()).tolist() == []
    assert neurons_in_loops(NetworkBuilder(n_inputs=2).build()).tolist() == []


def test_a_loop_sustains_itself_only_where_each_synapse_reaches_the_threshold() -> None:
    assert self_sustaining(_chain([5, 5], back=5).build()).tolist() == [0, 1]
    assert self_sustaining(_chain([5, 4], back=5).build()).tolist() == []
    assert self_sustaining(_chain([5, -5], back=5).build()).tolist() == []


def test_a_negative_spike_can_keep_a_loop_going() -> None:
    assert self_sustaining(_chain([5, -5], back=5, negative=True).build()).tolist() == [0, 1]
    assert self_sustaining(_chain([5, -5], back=-5, negative=True).build()).tolist() == [0, 1]
    assert self_sustaining(_chain([5, -4], back=-5, negative=True).build()).tolist() == []
