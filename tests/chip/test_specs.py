"""Scaled member of the chip family: consistent figures, and networks compile for it."""

from __future__ import annotations

import pytest

from chip.arch import ArchSpec, load_arch
from chip.compiler import compile_network
from chip.testing import random_network


@pytest.fixture(scope="module")
def large() -> ArchSpec:
    return load_arch("senna-4096")


def test_array_is_four_times_as_large(large: ArchSpec, senna: ArchSpec) -> None:
    for name in ("neurons", "synapses"):
        assert getattr(large.array, name).value == 4 * getattr(senna.array, name).value
    for name in ("rows", "columns", "inputs", "outputs"):
        assert getattr(large.array, name).value == 2 * getattr(senna.array, name).value
    assert large.energy.power_w.value == pytest.approx(4 * senna.energy.power_w.value)
    assert large.array.synapses.value == large.array.neurons.value * large.neuron.fan_in.value
    # The published operating point: the same share of synapses is active.
    shares = [
        arch.energy.power_w.value
        / arch.energy.sop_j.value
        / arch.timing.clock_hz.value
        / arch.array.synapses.value
        for arch in (large, senna)
    ]
    assert shares[0] == pytest.approx(shares[1])


def test_cell_parameters_are_the_same(large: ArchSpec, senna: ArchSpec) -> None:
    cells = [
        {key: p.value for key, p in arch.parameters() if key.startswith("neuron.")} for arch in (large, senna)
    ]
    assert cells[0] == cells[1]


def test_no_parameter_is_called_published(large: ArchSpec) -> None:
    assert {parameter.provenance for _, parameter in large.parameters()} == {"derived", "assumed"}


def test_small_network_compiles(large: ArchSpec, senna: ArchSpec) -> None:
    network = random_network(senna, seed=5, inputs=130)
    compiled = compile_network(network, large)
    assert compiled.network.same_as(network)
    assert (compiled.report["arch"], compiled.report["verified"]) == ("senna-4096", True)
