"""Fan-in repairs: relays collect synapses, all charge arrives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from chip.arch import ArchSpec
from chip.network import Network
from chip.repairs import Repaired, repair
from chip.repairs.change import output_change
from chip.sim.simulator import Simulator
from chip.sim.stimulus import random_spikes

MakeNetwork = Callable[..., Network]
WithLimits = Callable[..., ArchSpec]
RepairOne = Callable[[Network, ArchSpec, str, str], Repaired]
Errors = Callable[[Network, ArchSpec], list[str]]


def test_one_synapse_too_many_is_split_without_loss_of_charge(
    senna: ArchSpec, make_sum: MakeNetwork, repair_one: RepairOne
) -> None:
    network = make_sum([1] * 26, theta=3)
    result = repair_one(network, senna, "fan_in", "neuron 0 (sum)")
    (action,) = result.actions
    assert action.place == "neuron 0 (sum)"
    assert "new neuron 1" in action.done
    assert "all charge arrives" in action.effect
    assert result.network.labels == ("sum", "relay of neuron 0 (sum)")
    spikes = np.abs(random_spikes(26, 200, rate=0.05, seed=3))
    spikes[-40:] = 0
    change = output_change(network, result.network, spikes, v_sat=senna.v_sat)
    assert change.mean_count > 50
    assert change.mean_count_difference == 0


def test_relays_for_all_inputs_delay_the_neuron_by_one_step(
    senna: ArchSpec, make_sum: MakeNetwork, with_limits: WithLimits, repair_one: RepairOne
) -> None:
    narrow = with_limits(senna, "neuron", fan_in=2)
    network = make_sum([4, 4, 4, 4], theta=5)
    result = repair_one(network, narrow, "fan_in", "neuron 0 (sum)")
    assert len(result.actions) == 2
    # One input at a time, so that a relay never has to send two spikes in one step.
    spikes = np.zeros((120, 1, 4), np.int8)
    spikes[np.arange(100), 0, np.random.default_rng(1).integers(0, 4, 100)] = 1
    assert sorted(result.network.fan_in().tolist()) == [2, 2, 2]
    before, after = (out(net, spikes, senna) for net in (network, result.network))
    np.testing.assert_array_equal(before[:-1], after[1:])


def out(network: Network, spikes: np.ndarray[Any, Any], arch: ArchSpec) -> np.ndarray[Any, Any]:
    return Simulator(network, v_sat=arch.v_sat).run(spikes).outputs


def test_large_fan_in_needs_a_tree_of_relays(
    senna: ArchSpec, make_sum: MakeNetwork, with_limits: WithLimits, repair_one: RepairOne
) -> None:
    narrow = with_limits(senna, "neuron", fan_in=3)
    result = repair_one(make_sum([2] * 20, theta=9), narrow, "fan_in", "neuron 0 (sum)")
    assert result.network.fan_in().max() == 3
    assert result.change.mean_count_difference <= 1


def test_unequal_weights_share_a_relay_and_are_not_exact(
    senna: ArchSpec, make_sum: MakeNetwork, with_limits: WithLimits, errors: Errors
) -> None:
    narrow = with_limits(senna, "neuron", fan_in=2)
    result = repair(make_sum([31, 7, 30], theta=40), narrow, np.ones((50, 1, 3), np.int8))
    assert errors(result.network, narrow) == []
    assert not result.exact
