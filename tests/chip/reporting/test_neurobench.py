"""NeuroBench's metrics against its definitions, computed by hand and step by step."""

from __future__ import annotations

import json

import numpy as np
import pytest

from chip.arch import ArchSpec
from chip.builder import NetworkBuilder
from chip.network import Network
from chip.reporting.neurobench import DEFINITIONS, neurobench
from chip.sim.simulator import Simulator
from chip.sim.stimulus import random_spikes
from chip.testing import random_network


@pytest.fixture
def layered() -> Network:
    """The 3 x 3 weights of NeuroBench's documentation, then one neuron with synapses from two of the three."""
    builder = NetworkBuilder(n_inputs=3)
    for row in ((13, 0, -32), (0, 12, -51), (-11, 27, 0)):
        neuron = builder.add_neuron(theta_p=1, negative=True)
        for source, weight in enumerate(row):
            if weight:
                builder.connect(source, neuron, weight)
    last = builder.add_neuron(theta_p=100)
    builder.connect(builder.source_of(0), last, 1)
    builder.connect(builder.source_of(2), last, 1)
    builder.output(last)
    return builder.build()


def test_example_of_the_neurobench_documentation(layered: Network, senna: ArchSpec) -> None:
    run = Simulator(layered, v_sat=senna.v_sat).run(np.array([[[0, 1, -1]]], np.int8))
    metrics = neurobench(layered, run, senna)
    # There: 4 effective operations and 9 dense ones; the second layer adds none and 3.
    assert (metrics.effective_acs, metrics.effective_macs, metrics.dense) == (4, 0, 9 + 3)
    assert metrics.connection_sparsity == pytest.approx(4 / 12)
    assert metrics.activation_sparsity == pytest.approx(1 / 4)
    bits = 2 * 8 + 8 + 4 + 1 + 12
    assert metrics.footprint_bytes == (12 * 6 + 4 * bits) / 8
    assert metrics.stored_bytes == (8 * 6 + 4 * bits) / 8


def test_metrics_equal_a_count_step_by_step(senna: ArchSpec) -> None:
    network = random_network(senna, seed=4)
    spikes = random_spikes(8, 60, streams=3, rate=0.5)
    run = Simulator(network, v_sat=senna.v_sat).run(spikes, record="all")
    assert run.neurons is not None
    before = np.concatenate([np.zeros_like(run.neurons[:1]), run.neurons[:-1]])
    sources = np.concatenate([spikes, before], axis=2)
    arrived = (sources[:, :, network.source] != 0).sum()
    metrics = neurobench(network, run, senna)
    assert metrics.effective_acs == pytest.approx(arrived / 180)
    assert metrics.activation_sparsity == pytest.approx((run.neurons == 0).mean())
    assert metrics.dense >= network.n_synapses


def test_empty_network(senna: ArchSpec) -> None:
    network = NetworkBuilder(n_inputs=1).build()
    run = Simulator(network, v_sat=senna.v_sat).run(np.zeros((0, 1, 1), np.int8))
    metrics = neurobench(network, run, senna)
    assert (metrics.footprint_bytes, metrics.dense, metrics.activation_sparsity) == (0, 0, 1)


def test_each_metric_has_a_definition(layered: Network, senna: ArchSpec) -> None:
    run = Simulator(layered, v_sat=senna.v_sat).run(random_spikes(3, 10))
    content = json.loads(json.dumps(neurobench(layered, run, senna).to_dict()))
    assert set(DEFINITIONS) | {"steps", "definitions", "source"} == set(content)
