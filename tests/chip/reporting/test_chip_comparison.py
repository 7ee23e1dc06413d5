"""Comparison of one network on all chips: exceeded limits are named, and every figure has its source."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from chip.arch import ArchSpec, validated
from chip.errors import SpecError
from chip.network import Network
from chip.profiles import ChipProfile, load_profiles
from chip.reporting.chip_comparison import ChipComparison, compare, compare_text
from chip.sim.simulator import SimulationResult, Simulator
from chip.sim.stimulus import random_spikes
from chip.testing import layered_network
from chip.yaml_lines import parse

CHIPS = ["senna", "loihi", "spinnaker", "truenorth", "xylo"]


def small(n_inputs: int, weights: list[int], **changes: Any) -> Network:
    """One neuron with a synapse from every input, without negative spikes."""
    fields: dict[str, Any] = {"theta_p": [9], "theta_n": [9], "negative": [0], "w_fb": [9], "decay": [0]}
    synapses = {"source": np.arange(n_inputs), "target": [0] * n_inputs, "weight": weights}
    return Network(n_inputs=n_inputs, outputs=[0], **fields, **synapses | changes)


def on(network: Network, arch: ArchSpec) -> dict[str, ChipComparison]:
    spikes = random_spikes(network.n_inputs, 100)
    run = Simulator(network, v_sat=arch.v_sat).run(spikes)
    return {one.name: one for one in compare(network, arch, run, spikes, step_hz=125)}


def rules(comparison: ChipComparison) -> set[str]:
    return {reason.rule for reason in comparison.reasons}


def test_small_network_fits_every_chip(senna: ArchSpec) -> None:
    chips = on(small(2, [5, 5]), senna)
    assert list(chips) == CHIPS
    assert all(one.fits and not one.reasons for one in chips.values())


def test_signed_inputs_become_pairs(senna: ArchSpec) -> None:
    chips = on(small(9, [5] * 9), senna)
    assert chips["senna"].needs["inputs"] == 9
    assert chips["xylo"].needs == {
        "neurons": 1,
        "inputs": 18,
        "outputs": 1,
        "synapses": 18,
        "fan_in": 18,
        "fan_out": 0,
    }
    (reason,) = chips["xylo"].reasons
    assert (reason.rule, reason.limit, reason.actual) == ("inputs", "16", "18")
    assert chips["loihi"].fits


def test_negative_output_becomes_a_pair_of_neurons(senna: ArchSpec) -> None:
    chips = on(_negative(), senna)
    assert (chips["xylo"].needs["neurons"], chips["xylo"].needs["outputs"]) == (2, 2)
    assert chips["xylo"].needs["synapses"] == 8
    assert chips["senna"].needs["neurons"] == 1


def _negative() -> Network:
    network = small(2, [5, 5])
    return Network(n_inputs=2, **network.arrays() | {"negative": [1]})


def test_too_many_weight_values_are_reported(senna: ArchSpec) -> None:
    chips = on(small(3, [1, 2, 3]), senna)
    (reason,) = chips["truenorth"].reasons
    # Inputs come with both signs: 1, 2, 3 and their opposites.
    assert (reason.rule, reason.place, reason.limit) == ("weight_values", "neuron 0", "4")
    assert reason.actual == "6 weight values"
    assert on(small(2, [1, 2]), senna)["truenorth"].fits


def test_too_large_weights_are_reported(senna: ArchSpec) -> None:
    chips = on(small(1, [200]), senna)
    assert (rules(chips["senna"]), rules(chips["xylo"])) == ({"weight_range"}, {"weight_bits"})
    assert chips["loihi"].fits


def test_full_chip_is_compared(senna: ArchSpec) -> None:
    chips = on(layered_network(senna, seed=1), senna)
    assert chips["senna"].fits
    assert {"neurons", "inputs", "outputs"} <= rules(chips["xylo"])
    assert "weight_values" in rules(chips["truenorth"])
    assert chips["loihi"].fits
    text = compare_text([one.to_dict() for one in chips.values()])
    assert "xylo: does not fit" in text
    assert "because error: inputs: network: 256, limit 16" in text
    assert "energy  no figure published: only the power of whole applications" in text


def test_energy_follows_from_the_published_figures(senna: ArchSpec) -> None:
    run = _run(steps=1000, sop=500, senna=senna)
    network, spikes = small(2, [5, 5]), np.zeros((1000, 1, 2), np.int8)
    chips = {one.name: one for one in compare(network, senna, run, spikes, step_hz=100)}
    assert chips["truenorth"].energy_j == pytest.approx((13e-9, 13e-9))
    assert chips["loihi"].energy_j == pytest.approx((11.8e-9 + 52e-9, 11.8e-9 + 81e-9))
    # 10 s of one neuron at 100 µW, and 500 x 43 nJ.
    assert chips["spinnaker"].energy_j == pytest.approx((1e-3 + 21.5e-6,) * 2)
    assert chips["xylo"].energy_j is None
    assert chips["senna"].energy_j == pytest.approx((500 * 687e-15, 0.23))


def test_spike_arrives_at_both_members_of_a_pair(senna: ArchSpec) -> None:
    single, double = on(small(2, [5, 5]), senna), on(_negative(), senna)
    assert single["truenorth"].energy_j is not None
    assert double["truenorth"].energy_j == pytest.approx(
        [2 * joule for joule in single["truenorth"].energy_j]
    )


def _run(steps: int, sop: int, senna: ArchSpec) -> SimulationResult:
    none = np.zeros(1, np.int64)
    return SimulationResult(np.zeros((steps, 1, 1), np.int8), None, sop, 0, 0, none, 0, none)


def test_every_figure_has_a_source_and_none_is_assumed() -> None:
    profiles = load_profiles()
    assert [profile.name for profile in profiles] == CHIPS[1:]
    figures = [figure for profile in profiles for figure in profile.parameters().values()]
    assert all(figure.provenance in ("published", "derived") for figure in figures)
    assert all("20" in figure.source for figure in figures)


def test_comparisons_are_plain_values(senna: ArchSpec) -> None:
    chips = on(small(2, [5, 5]), senna)
    content = json.loads(json.dumps([one.to_dict() for one in chips.values()]))
    assert content[1]["figures"]["energy.sop_j"]["unit"] == "J per synaptic spike operation"


def test_malformed_profile_is_reported_with_its_line() -> None:
    text = "name: x\ntitle: x\nlimits:\n  neurons: {value: -4, unit: u, provenance: published, source: s}\n"
    with pytest.raises(SpecError, match=r"limits\.neurons\.value") as caught:
        validated(ChipProfile, parse(text + "energy: {covers: all}\n", "x.yaml"), "x.yaml")
    assert caught.value.where == "x.yaml:4"
