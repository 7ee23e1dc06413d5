"""One thing too many is found, named and repaired, and what the repair changes is measured."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from chip.arch import ArchSpec
from chip.builder import NetworkBuilder
from chip.errors import NetworkError
from chip.network import Network
from chip.repairs import REFUSED, Repaired, repair
from chip.repairs.change import output_change
from chip.rules import RULES, check
from chip.sim.stimulus import random_spikes
from chip.testing import random_network


def layer(n_inputs: int, neurons: int, *, outputs: int | None = None, **changes: Any) -> Network:
    """Neurons with one synapse each, all read unless fewer outputs are asked for."""
    ones = np.ones(neurons, np.int64)
    fields: dict[str, Any] = {
        "n_inputs": n_inputs,
        "theta_p": ones,
        "theta_n": ones,
        "negative": ones,
        "w_fb": ones,
        "decay": ones * 0,
        "source": np.arange(neurons) % n_inputs,
        "target": np.arange(neurons),
        "weight": ones,
        "outputs": np.arange(neurons if outputs is None else outputs),
    }
    return Network(**fields | changes)


def wide(weights: list[int], theta: int) -> Network:
    builder = NetworkBuilder(n_inputs=len(weights))
    builder.add_neuron(theta_p=theta, w_fb=theta, label="sum")
    for source, weight in enumerate(weights):
        builder.connect(source, 0, weight)
    builder.output(0)
    return builder.build()


def altered(arch: ArchSpec, group: str, **values: Any) -> ArchSpec:
    """The chip with other limits."""
    part = getattr(arch, group)
    update = {name: getattr(part, name).model_copy(update={"value": value}) for name, value in values.items()}
    return arch.model_copy(update={group: part.model_copy(update=update)})


def errors(network: Network, arch: ArchSpec) -> list[str]:
    return [finding.rule for finding in check(network, arch) if finding.severity == "error"]


def repaired(network: Network, arch: ArchSpec, rule: str, place: str) -> Repaired:
    """The repair of the one broken rule, after which everything fits."""
    (finding,) = (finding for finding in check(network, arch) if finding.severity == "error")
    assert (finding.rule, finding.place) == (rule, place)
    result = repair(network, arch)
    assert (result.errors, errors(result.network, arch)) == ((), [])
    assert result.network.n_inputs == network.n_inputs
    assert result.network.n_outputs == network.n_outputs
    return result


def test_one_synapse_too_many_is_split_and_every_spike_still_counts(senna: ArchSpec) -> None:
    network = wide([1] * 26, theta=3)
    result = repaired(network, senna, "fan_in", "neuron 0 (sum)")
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


def test_a_relay_is_the_neuron_one_step_later_if_all_goes_through_relays(senna: ArchSpec) -> None:
    narrow = altered(senna, "neuron", fan_in=2)
    network = wide([4, 4, 4, 4], theta=5)
    result = repaired(network, narrow, "fan_in", "neuron 0 (sum)")
    assert len(result.actions) == 2
    # One input at a time: a relay is never asked for two spikes in one step.
    spikes = np.zeros((120, 1, 4), np.int8)
    spikes[np.arange(100), 0, np.random.default_rng(1).integers(0, 4, 100)] = 1
    assert sorted(result.network.fan_in().tolist()) == [2, 2, 2]
    before, after = (out(net, spikes, senna) for net in (network, result.network))
    np.testing.assert_array_equal(before[:-1], after[1:])


def out(network: Network, spikes: np.ndarray[Any, Any], arch: ArchSpec) -> np.ndarray[Any, Any]:
    from chip.sim.simulator import Simulator

    return Simulator(network, v_sat=arch.v_sat).run(spikes).outputs


def test_a_whole_tree_grows_where_one_relay_is_not_enough(senna: ArchSpec) -> None:
    narrow = altered(senna, "neuron", fan_in=3)
    result = repaired(wide([2] * 20, theta=9), narrow, "fan_in", "neuron 0 (sum)")
    assert result.network.fan_in().max() == 3
    assert result.change.mean_count_difference <= 1


def test_unlike_weights_share_a_relay_and_what_is_kept_back_is_said(senna: ArchSpec) -> None:
    narrow = altered(senna, "neuron", fan_in=2)
    result = repair(wide([31, 7, 30], theta=40), narrow, np.ones((50, 1, 3), np.int8))
    assert errors(result.network, narrow) == []
    assert not result.exact


def test_without_a_free_cell_the_least_useful_synapse_is_cut(senna: ArchSpec) -> None:
    full = altered(senna, "array", neurons=1, synapses=25)
    network = wide([9] * 10 + [1] + [9] * 15, theta=20)
    result = repair(network, full)
    assert result.errors == ()
    assert result.actions[0].done == "1 least useful synapses cut"
    assert 10 not in result.network.source


def test_activity_decides_what_is_useful(senna: ArchSpec) -> None:
    full = altered(senna, "array", neurons=1, synapses=25)
    spikes = random_spikes(26, 300, rate=0.3)
    spikes[:, :, 7] = 0
    result = repair(wide([9] * 7 + [20] + [9] * 18, theta=20), full, spikes)
    assert 7 not in result.network.source
    assert result.change.agreement == 1
    assert not result.exact


def test_one_neuron_too_many_that_nobody_reads_is_dropped_without_a_trace(senna: ArchSpec) -> None:
    result = repaired(layer(128, 1025, outputs=64), senna, "neuron_count", "network")
    assert (result.exact, result.network.n_neurons) == (True, 64)
    assert (result.change.agreement, result.change.changed_outputs) == (1, 0)


def test_one_neuron_too_many_that_matters_costs_the_least_useful(senna: ArchSpec) -> None:
    small = altered(senna, "array", neurons=8, synapses=200)
    chain = layer(
        4, 9, outputs=4, source=[4 + 5 + k for k in range(4)] + [0, 1, 2, 3, 0], target=list(range(9))
    )
    also = {"source": [*chain.source, 8], "target": [*chain.target, 0], "weight": [*chain.weight, 1]}
    network = Network(n_inputs=4, **chain.arrays() | also)
    result = repaired(network, small, "neuron_count", "network")
    assert (result.exact, result.network.n_neurons) == (False, 8)
    assert result.actions[0].rule == "neuron_count"


def test_one_output_too_many_is_left_out_and_it_is_the_quietest(senna: ArchSpec) -> None:
    network = layer(9, 65, theta_p=[9 if neuron == 40 else 1 for neuron in range(65)])
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
    # Nobody hears its neuron now; the others say what they said.
    assert (result.network.n_neurons, result.network.n_outputs) == (64, 64)
    assert (result.change.agreement, result.change.outputs) == (1, 64)
    assert not result.exact


def test_one_input_too_many_is_left_to_the_one_who_knows_them(senna: ArchSpec) -> None:
    network = layer(129, 1, outputs=1)
    result = repair(network, senna)
    (left,) = result.to_dict()["not_repaired"]
    assert (left["rule"], left["why"]) == ("input_count", REFUSED["input_count"])
    assert result.network.same_as(network)
    assert (result.actions, result.exact) == ((), True)


def test_a_neuron_that_drives_too_much_gets_a_twin(senna: ArchSpec) -> None:
    few = altered(senna, "routing", fan_out_load=4)
    source = [0, *([1] * 6)]
    network = layer(1, 7, outputs=7, source=source, target=np.arange(7))
    result = repaired(network, few, "fan_out_load", "neuron 0")
    assert result.exact
    assert result.network.n_neurons == 8
    assert result.change.agreement == 1


def test_twins_load_their_sources_in_turn(senna: ArchSpec) -> None:
    few = altered(senna, "routing", fan_out_load=2)
    # 0 drives 1 and 2, 1 drives itself and three more.
    network = layer(1, 6, source=[0, 1, 1, 2, 2, 2, 2], target=[0, 1, 2, 1, 3, 4, 5], weight=[1] * 7)
    result = repair(network, few)
    assert result.errors == ()
    assert (result.exact, result.change.agreement) == (True, 1)


def test_an_input_that_drives_too_much_gets_a_relay(senna: ArchSpec) -> None:
    result = repaired(layer(1, 257, outputs=64), senna, "fan_out_load", "input 0")
    # Most of these neurons are heard by nobody: dropping them was repair enough.
    assert result.exact
    few = altered(senna, "routing", fan_out_load=4)
    result = repaired(layer(1, 6), few, "fan_out_load", "input 0")
    assert "1 relay neurons carry 3 of its 6 synapses" in result.actions[0].done
    assert result.network.fan_out().max() == 4
    assert 0 < result.change.agreement < 1


@pytest.mark.parametrize(
    ("rule", "exact", "changes"),
    [
        ("weight_range", True, {"weight": [2, 40], "theta_p": [1, 80], "theta_n": [1, 80], "w_fb": [1, 80]}),
        ("weight_range", True, {"weight": [2, 40], "theta_p": [1, 79], "theta_n": [1, 77], "w_fb": [1, 80]}),
        ("weight_range", False, {"weight": [2, 41], "theta_p": [1, 80], "theta_n": [1, 80], "w_fb": [1, 80]}),
        (
            "threshold_range",
            True,
            {"weight": [1, 20], "theta_p": [1, 400], "theta_n": [1, 40], "w_fb": [1, 40]},
        ),
        ("feedback_range", False, {"weight": [1, 20], "w_fb": [1, 301]}),
        ("decay_choice", True, {"decay": [0, 12]}),
    ],
)
def test_values_out_of_range(rule: str, exact: bool, changes: dict[str, Any], senna: ArchSpec) -> None:
    network = layer(2, 2, **changes)
    result = repair(network, senna)
    assert rule in errors(network, senna)
    assert (result.errors, result.actions[0].rule) == ((), rule)
    assert "neuron 1" in result.actions[0].place
    assert result.actions[0].exact is exact
    if exact:
        assert result.change.agreement == 1


def test_a_threshold_that_nobody_asks_for_is_no_reason_to_change_anything(senna: ArchSpec) -> None:
    network = layer(2, 2, theta_n=[1, 900], negative=[1, 0])
    result = repair(network, senna)
    assert (result.errors, result.change.agreement) == ((), 1)
    assert result.network.weight.tolist() == [1, 1]


def test_too_many_synapses_in_all(senna: ArchSpec) -> None:
    small = altered(senna, "array", synapses=9)
    result = repaired(layer(5, 10), small, "synapse_count", "network")
    assert result.network.n_synapses == 9


def test_what_fits_is_left_alone(senna: ArchSpec) -> None:
    network = layer(4, 8)
    result = repair(network, senna)
    assert (result.actions, result.exact, result.network.same_as(network)) == ((), True, True)


def test_neurons_that_never_fire_are_dropped_and_clocks_are_not(senna: ArchSpec) -> None:
    # 0 hears the input, 1 hears nobody, 2 fires at rest and drives 3.
    network = layer(1, 4, outputs=1, source=[0, 2, 3, 4], target=[0, 0, 0, 3], weight=[1, 1, 1, 1])
    network = Network(n_inputs=1, **network.arrays() | {"theta_p": [1, 1, 0, 1]})
    result = repair(network, senna)
    assert [(action.rule, action.place) for action in result.actions] == [
        ("dangling", "neuron 3"),
        ("unreachable", "neuron 1"),
    ]
    assert (result.exact, result.change.agreement) == (True, 1)


@pytest.mark.parametrize("seed", range(5))
def test_random_networks_always_come_out_fit(seed: int, senna: ArchSpec) -> None:
    tight = altered(senna, "neuron", fan_in=3)
    tight = altered(tight, "routing", fan_out_load=3)
    tight = altered(tight, "array", neurons=30, synapses=80)
    network = random_network(senna, seed=seed)
    result = repair(network, tight, random_spikes(8, 100, seed=seed))
    assert errors(result.network, tight) == []
    assert json.loads(json.dumps(result.to_dict()))["fits"] is True
    assert all(action.place and action.effect for action in result.actions)


def test_every_rule_is_repaired_or_refused() -> None:
    repairs = {"neuron_count", "synapse_count", "output_count", "fan_in", "fan_out_load", "decay_choice"}
    repairs |= {"weight_range", "threshold_range", "feedback_range", "dangling", "unreachable"}
    warnings = {"fires_at_rest", "oscillating", "saturation", "routability"}
    assert {rule.__name__ for rule in RULES} == repairs | set(REFUSED) | warnings


def test_spikes_must_suit_the_network(senna: ArchSpec) -> None:
    with pytest.raises(NetworkError, match="shape"):
        repair(layer(4, 8), senna, np.zeros((5, 1, 3), np.int8))


def test_what_is_called_exact_is_exact(senna: ArchSpec) -> None:
    few = altered(altered(senna, "routing", fan_out_load=3), "neuron", decay_shifts=(0, 2))
    exact = 0
    for seed in range(30):
        network = random_network(senna, seed=seed, inputs=30, outputs=12)
        kept = np.isin(network.decay, (0, 2))
        plain = network.arrays() | {"decay": np.where(kept, network.decay, 0)}
        result = repair(Network(n_inputs=30, **plain), few, random_spikes(30, 150, rate=0.6, seed=seed))
        assert not result.exact or result.change.agreement == 1
        exact += result.exact and any(action.rule == "fan_out_load" for action in result.actions)
    assert exact > 3


@pytest.mark.parametrize("seed", range(4))
def test_exact_scaling_gives_the_same_spikes(seed: int, senna: ArchSpec) -> None:
    random = np.random.default_rng(seed)
    factor = int(random.integers(5, 9))
    weight = factor * random.integers(10, 20, 6)
    changes: dict[str, Any] = {
        "weight": weight * random.choice([-1, 1], 6),
        "theta_p": random.integers(weight, 2 * weight),
        "theta_n": random.integers(weight, 2 * weight),
        "w_fb": factor * random.integers(20, 30, 6),
    }
    network = layer(6, 6, **changes)
    result = repair(network, senna, random_spikes(6, 400, rate=0.7, seed=seed))
    assert len(result.actions) == 6
    assert result.exact
    assert (result.errors, result.change.agreement) == ((), 1)
    assert result.change.mean_count > 0
