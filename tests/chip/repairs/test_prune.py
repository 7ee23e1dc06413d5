"""Pruning: idle neurons, then the least useful synapses, neurons and outputs."""

from __future__ import annotations

from collections.abc import Callable

from chip.arch import ArchSpec
from chip.network import Network
from chip.repairs import Repaired, repair
from chip.rules import check
from chip.sim.stimulus import random_spikes

MakeNetwork = Callable[..., Network]
WithLimits = Callable[..., ArchSpec]
RepairOne = Callable[[Network, ArchSpec, str, str], Repaired]
Errors = Callable[[Network, ArchSpec], list[str]]


def test_least_useful_synapse_is_cut_without_a_free_cell(
    senna: ArchSpec, make_sum: MakeNetwork, with_limits: WithLimits
) -> None:
    full = with_limits(senna, "array", neurons=1, synapses=25)
    network = make_sum([9] * 10 + [1] + [9] * 15, theta=20)
    result = repair(network, full)
    assert result.errors == ()
    assert result.actions[0].done == "1 least useful synapses cut"
    assert 10 not in result.network.source


def test_usefulness_depends_on_activity(
    senna: ArchSpec, make_sum: MakeNetwork, with_limits: WithLimits
) -> None:
    full = with_limits(senna, "array", neurons=1, synapses=25)
    spikes = random_spikes(26, 300, rate=0.3)
    spikes[:, :, 7] = 0
    result = repair(make_sum([9] * 7 + [20] + [9] * 18, theta=20), full, spikes)
    assert 7 not in result.network.source
    assert result.change.agreement == 1
    assert not result.exact


def test_unused_neurons_are_dropped_without_effect(
    senna: ArchSpec, make_layer: MakeNetwork, repair_one: RepairOne
) -> None:
    result = repair_one(make_layer(128, 1025, outputs=64), senna, "neuron_count", "network")
    assert (result.exact, result.network.n_neurons) == (True, 64)
    assert (result.change.agreement, result.change.changed_outputs) == (1, 0)


def test_least_useful_neuron_is_dropped(
    senna: ArchSpec, make_layer: MakeNetwork, with_limits: WithLimits, repair_one: RepairOne
) -> None:
    small = with_limits(senna, "array", neurons=8, synapses=200)
    chain = make_layer(
        4, 9, outputs=4, source=[4 + 5 + k for k in range(4)] + [0, 1, 2, 3, 0], target=list(range(9))
    )
    also = {"source": [*chain.source, 8], "target": [*chain.target, 0], "weight": [*chain.weight, 1]}
    network = Network(n_inputs=4, **chain.arrays() | also)
    result = repair_one(network, small, "neuron_count", "network")
    assert (result.exact, result.network.n_neurons) == (False, 8)
    assert result.actions[0].rule == "neuron_count"


def test_output_with_fewest_spikes_is_left_out(
    senna: ArchSpec, make_layer: MakeNetwork, errors: Errors
) -> None:
    network = make_layer(9, 65, theta_p=[9 if neuron == 40 else 1 for neuron in range(65)])
    result = repair(network, senna)
    assert [finding.rule for finding in check(network, senna) if finding.severity == "error"] == [
        "output_count"
    ]
    assert (result.errors, errors(result.network, senna)) == ((), [])
    action = result.actions[0]
    assert (action.rule, action.place, action.exact) == ("output_count", "output 40 (neuron 40)", False)
    assert action.effect.startswith("an answer lost, with ")
    assert result.outputs == (*range(40), *range(41, 65))
    assert result.to_dict()["outputs_kept"] == list(result.outputs)
    # Its neuron is dropped; the other outputs are unchanged.
    assert (result.network.n_neurons, result.network.n_outputs) == (64, 64)
    assert (result.change.agreement, result.change.outputs) == (1, 64)
    assert not result.exact


def test_synapse_count(
    senna: ArchSpec, make_layer: MakeNetwork, with_limits: WithLimits, repair_one: RepairOne
) -> None:
    small = with_limits(senna, "array", synapses=9)
    result = repair_one(make_layer(5, 10), small, "synapse_count", "network")
    assert result.network.n_synapses == 9


def test_neurons_that_never_fire_are_dropped_but_not_clocks(senna: ArchSpec, make_layer: MakeNetwork) -> None:
    # 0 has the input, 1 no source, 2 fires at rest and drives 0.
    network = make_layer(1, 4, outputs=1, source=[0, 2, 3, 4], target=[0, 0, 0, 3], weight=[1, 1, 1, 1])
    network = Network(n_inputs=1, **network.arrays() | {"theta_p": [1, 1, 0, 1]})
    result = repair(network, senna)
    assert [(action.rule, action.place) for action in result.actions] == [
        ("dangling", "neuron 3"),
        ("unreachable", "neuron 1"),
    ]
    assert (result.exact, result.change.agreement) == (True, 1)
