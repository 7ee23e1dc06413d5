"""Design rules: each violation is reported with its rule and place."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from chip.arch import ArchSpec
from chip.builder import NetworkBuilder
from chip.errors import FitError
from chip.network import Network
from chip.rules import ADVICE, LIMITS, RULES, Finding, check, fits, require_fit
from chip.testing import full_random_network, layered_network


def layer(n_inputs: int, neurons: int, *, outputs: int | None = None, **changes: Any) -> Network:
    """Neurons with one synapse each; all are outputs unless ``outputs`` is given."""
    ones = np.ones(neurons, np.int64)
    fields: dict[str, Any] = {
        "n_inputs": n_inputs,
        "theta_p": ones,
        "theta_n": ones,
        "negative": ones * 0,
        "w_fb": ones,
        "decay": ones,
        "source": np.arange(neurons) % n_inputs,
        "target": np.arange(neurons),
        "weight": ones,
        "outputs": np.arange(neurons if outputs is None else outputs),
    }
    return Network(**fields | changes)


def errors(network: Network, arch: ArchSpec) -> list[Finding]:
    found = [finding for finding in check(network, arch) if finding.severity == "error"]
    assert fits(network, arch) == (not found)
    return found


def wide(fan_in: int) -> Network:
    builder = NetworkBuilder(n_inputs=fan_in)
    builder.add_neuron(theta_p=1, w_fb=50, label="sum")
    for source in range(fan_in):
        builder.connect(source, 0, 1)
    builder.output(0)
    return builder.build()


def test_network_at_every_limit_fits(senna: ArchSpec) -> None:
    assert errors(layer(128, 1024, outputs=64), senna) == []
    assert errors(wide(25), senna) == []
    assert errors(layer(1, 256, outputs=64), senna) == []
    limits: dict[str, Any] = {
        "weight": [31, -31],
        "theta_p": [255, 1],
        "theta_n": [1, 255],
        "w_fb": [255, 0],
        "decay": [10, 0],
    }
    assert errors(layer(2, 2, **limits), senna) == []


@pytest.mark.parametrize(
    ("network", "rule", "place", "limit", "actual"),
    [
        (layer(128, 1025, outputs=64), "neuron_count", "network", "1024", "1025"),
        (layer(129, 1, outputs=1), "input_count", "network", "128", "129"),
        (layer(9, 65), "output_count", "network", "64", "65"),
        (wide(26), "fan_in", "neuron 0 (sum)", "25", "26 synapses"),
        (layer(1, 257, outputs=64), "fan_out_load", "input 0", "256", "257 synapses"),
        (layer(2, 2, weight=[31, -32]), "weight_range", "synapse from input 1 to neuron 1", "±31", "-32"),
        (layer(2, 2, theta_p=[1, 256]), "threshold_range", "theta_p of neuron 1", "0..255", "256"),
        (layer(2, 2, theta_n=[256, 1]), "threshold_range", "theta_n of neuron 0", "0..255", "256"),
        (layer(2, 2, w_fb=[1, 300]), "feedback_range", "w_fb of neuron 1", "0..255", "300"),
        (layer(2, 2, decay=[11, 1]), "decay_choice", "neuron 0", "0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10", "11"),
    ],
)
def test_one_more_than_the_limit_is_an_error(
    network: Network, rule: str, place: str, limit: str, actual: str, senna: ArchSpec
) -> None:
    (finding,) = errors(network, senna)
    assert (finding.rule, finding.place, finding.limit, finding.actual) == (rule, place, limit, actual)
    assert finding.remedy


def test_synapse_limit_below_the_number_of_slots(senna: ArchSpec) -> None:
    synapses = senna.array.synapses.model_copy(update={"value": 9})
    small = senna.model_copy(update={"array": senna.array.model_copy(update={"synapses": synapses})})
    assert [finding.rule for finding in errors(layer(5, 10), small)] == ["synapse_count"]
    assert errors(layer(5, 9), small) == []


def test_chip_without_negative_outputs_and_loops(senna: ArchSpec) -> None:
    false = {
        name: getattr(senna.neuron, name).model_copy(update={"value": False})
        for name in ("negative_output", "recurrence")
    }
    plain = senna.model_copy(update={"neuron": senna.neuron.model_copy(update=false)})
    network = layer(1, 2, negative=[0, 1], source=[0, 2], target=[0, 1])
    assert [(f.rule, f.place) for f in errors(network, plain)] == [
        ("negative_output", "neuron 1"),
        ("recurrence", "neuron 1"),
    ]
    assert errors(network, senna) == []


def warnings(network: Network, arch: ArchSpec) -> dict[str, Finding]:
    return {finding.rule: finding for finding in check(network, arch) if finding.severity == "warning"}


def test_valid_network_gets_no_warning(senna: ArchSpec) -> None:
    assert warnings(layer(4, 8), senna) == {}


def test_dangling_and_unreachable_neurons_are_reported(senna: ArchSpec) -> None:
    found = warnings(layer(4, 8, outputs=3), senna)
    assert set(found) == {"dangling"}
    assert found["dangling"].place == "neuron 3, neuron 4, neuron 5, neuron 6, neuron 7"
    found = warnings(layer(4, 9, outputs=1), senna)
    assert found["dangling"].place.endswith("neuron 5 and 3 more")
    found = warnings(layer(4, 2, source=[0], target=[0], weight=[1]), senna)
    assert (set(found), found["unreachable"].place) == ({"unreachable"}, "neuron 1")


def test_neurons_that_fire_at_rest_are_reported(senna: ArchSpec) -> None:
    found = warnings(layer(3, 3, theta_p=[0, 1, 1], theta_n=[1, 0, 0], negative=[0, 0, 1]), senna)
    assert found["fires_at_rest"].place == "neuron 0, neuron 2"


def test_self_sustaining_loop_is_reported(senna: ArchSpec) -> None:
    loop: dict[str, Any] = {"source": [0, 1, 2], "target": [0, 1, 0], "weight": [1, 1, 1], "w_fb": [5, 5]}
    found = warnings(layer(1, 2, **loop), senna)
    assert found["oscillating"].place == "neuron 0, neuron 1"
    found = warnings(layer(1, 2, **loop, theta_p=[1, 2]), senna)
    assert "oscillating" not in found


def test_possible_saturation_is_reported(senna: ArchSpec) -> None:
    integrates = warnings(layer(1, 2, decay=[0, 1], w_fb=[0, 0]), senna)["saturation"]
    assert (integrates.place, integrates.actual, integrates.limit) == ("neuron 0", "no bound", "±2047")
    leaks = warnings(layer(1, 2, decay=[8, 2], w_fb=[0, 0], weight=[9, 9]), senna)["saturation"]
    assert (leaks.place, leaks.actual) == ("neuron 0", "up to 2304")


def test_poor_routability_is_reported(senna: ArchSpec) -> None:
    found = warnings(full_random_network(senna, seed=0), senna)["routability"]
    assert found.place.startswith("network; its widest net, of ")
    assert (found.limit, found.severity) == ("80% of 32 tracks of a channel", "warning")
    assert 40 < int(found.actual.split()[3]) < 90
    assert "routability" not in warnings(layered_network(senna, seed=0), senna)
    # What has no cell or pad of its own is for other rules to say.
    assert "routability" not in warnings(layer(129, 1, outputs=1), senna)


def test_limits_are_errors_and_advice_is_warnings(senna: ArchSpec) -> None:
    broken = layer(20, 20, weight=[40] * 20, outputs=3)
    assert {finding.severity for rule in LIMITS for finding in rule(broken, senna)} == {"error"}
    assert {finding.severity for rule in ADVICE for finding in rule(broken, senna)} == {"warning"}
    assert (*LIMITS, *ADVICE) == RULES


def test_require_fit_groups_the_offenders_of_a_rule(senna: ArchSpec) -> None:
    with pytest.raises(FitError) as caught:
        require_fit(layer(20, 20, weight=[40] * 20), senna)
    assert "1 broken rules" in caught.value.message
    assert caught.value.hint is not None
    assert caught.value.hint.count("weight_range") == 1
    assert " and 15 more: at most 40, limit ±31" in caught.value.hint
    assert [finding.rule for finding in require_fit(layer(4, 8, outputs=3), senna)] == ["dangling"]


def test_rules_have_names_and_docstrings() -> None:
    assert len({rule.__name__ for rule in RULES}) == len(RULES)
    assert all(rule.__doc__ for rule in RULES)


def test_finding_as_text() -> None:
    finding = Finding("fan_in", "error", "neuron 3", "25", "26 synapses", "prune")
    assert str(finding) == "error: fan_in: neuron 3: 26 synapses, limit 25; prune"
    assert finding.to_dict()["place"] == "neuron 3"
