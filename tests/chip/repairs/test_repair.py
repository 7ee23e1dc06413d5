"""Repair as a whole: refusals, exactness, random networks."""

from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np
import pytest

from chip.arch import ArchSpec
from chip.errors import NetworkError
from chip.network import Network
from chip.repairs import REFUSED, repair
from chip.rules import RULES
from chip.sim.stimulus import random_spikes
from chip.testing import random_network

MakeNetwork = Callable[..., Network]
WithLimits = Callable[..., ArchSpec]
Errors = Callable[[Network, ArchSpec], list[str]]


def test_excess_input_is_refused(senna: ArchSpec, make_layer: MakeNetwork) -> None:
    network = make_layer(129, 1, outputs=1)
    result = repair(network, senna)
    (left,) = result.to_dict()["not_repaired"]
    assert (left["rule"], left["why"]) == ("input_count", REFUSED["input_count"])
    assert result.network.same_as(network)
    assert (result.actions, result.exact) == ((), True)


def test_network_that_fits_is_unchanged(senna: ArchSpec, make_layer: MakeNetwork) -> None:
    network = make_layer(4, 8)
    result = repair(network, senna)
    assert (result.actions, result.exact, result.network.same_as(network)) == ((), True, True)


@pytest.mark.parametrize("seed", range(5))
def test_repaired_random_networks_fit(
    seed: int, senna: ArchSpec, with_limits: WithLimits, errors: Errors
) -> None:
    tight = with_limits(senna, "neuron", fan_in=3)
    tight = with_limits(tight, "routing", fan_out_load=3)
    tight = with_limits(tight, "array", neurons=30, synapses=80)
    network = random_network(senna, seed=seed)
    result = repair(network, tight, random_spikes(8, 100, seed=seed))
    assert errors(result.network, tight) == []
    assert json.loads(json.dumps(result.to_dict()))["fits"] is True
    assert all(action.place and action.effect for action in result.actions)


def test_every_rule_is_repaired_or_refused() -> None:
    repairs = {"neuron_count", "synapse_count", "output_count", "fan_in", "fan_out_load", "decay_choice"}
    repairs |= {"weight_range", "threshold_range", "feedback_range", "dangling", "unreachable"}
    warnings = {"empty", "fires_at_rest", "oscillating", "saturation", "routability"}
    assert {rule.__name__ for rule in RULES} == repairs | set(REFUSED) | warnings


def test_spikes_of_another_shape_are_refused(senna: ArchSpec, make_layer: MakeNetwork) -> None:
    with pytest.raises(NetworkError, match="shape"):
        repair(make_layer(4, 8), senna, np.zeros((5, 1, 3), np.int8))


def test_exact_repairs_give_the_same_spikes(senna: ArchSpec, with_limits: WithLimits) -> None:
    few = with_limits(with_limits(senna, "routing", fan_out_load=3), "neuron", decay_shifts=(0, 2))
    exact = 0
    for seed in range(30):
        network = random_network(senna, seed=seed, inputs=30, outputs=12)
        kept = np.isin(network.decay, (0, 2))
        plain = network.arrays() | {"decay": np.where(kept, network.decay, 0)}
        result = repair(Network(n_inputs=30, **plain), few, random_spikes(30, 150, rate=0.6, seed=seed))
        assert not result.exact or result.change.agreement == 1
        exact += result.exact and any(action.rule == "fan_out_load" for action in result.actions)
    assert exact > 3
