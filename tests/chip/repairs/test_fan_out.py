"""Fan-out repairs: twins of neurons, relays of inputs."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from chip.arch import ArchSpec
from chip.network import Network
from chip.repairs import Repaired, repair

MakeNetwork = Callable[..., Network]
WithLimits = Callable[..., ArchSpec]
RepairOne = Callable[[Network, ArchSpec, str, str], Repaired]


def test_overloaded_neuron_gets_a_twin(
    senna: ArchSpec, make_layer: MakeNetwork, with_limits: WithLimits, repair_one: RepairOne
) -> None:
    few = with_limits(senna, "routing", fan_out_load=4)
    source = [0, *([1] * 6)]
    network = make_layer(1, 7, outputs=7, source=source, target=np.arange(7))
    result = repair_one(network, few, "fan_out_load", "neuron 0")
    assert result.exact
    assert result.network.n_neurons == 8
    assert result.change.agreement == 1


def test_twins_add_to_the_load_of_their_sources(
    senna: ArchSpec, make_layer: MakeNetwork, with_limits: WithLimits
) -> None:
    few = with_limits(senna, "routing", fan_out_load=2)
    # 0 drives 1 and 2, 1 drives itself and three more.
    network = make_layer(1, 6, source=[0, 1, 1, 2, 2, 2, 2], target=[0, 1, 2, 1, 3, 4, 5], weight=[1] * 7)
    result = repair(network, few)
    assert result.errors == ()
    assert (result.exact, result.change.agreement) == (True, 1)


def test_overloaded_input_gets_a_relay(
    senna: ArchSpec, make_layer: MakeNetwork, with_limits: WithLimits, repair_one: RepairOne
) -> None:
    result = repair_one(make_layer(1, 257, outputs=64), senna, "fan_out_load", "input 0")
    # Most of these neurons are unused: dropping them is sufficient.
    assert result.exact
    few = with_limits(senna, "routing", fan_out_load=4)
    result = repair_one(make_layer(1, 6), few, "fan_out_load", "input 0")
    assert "1 relay neurons carry 3 of its 6 synapses" in result.actions[0].done
    assert result.network.fan_out().max() == 4
    assert 0 < result.change.agreement < 1
