"""Compiler: the bitstream is verified, and a wrong one is detected."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from chip.arch import ArchSpec
from chip.bitstream import decode
from chip.builder import NetworkBuilder
from chip.compiler import compile_network, verify_spikes
from chip.errors import BitstreamError, FitError, NetworkError
from chip.network import Network
from chip.sim.stimulus import random_spikes
from chip.testing import random_network


def changed(network: Network, **changes: Any) -> Network:
    return Network(n_inputs=network.n_inputs, **network.arrays() | changes)


def test_compile_returns_the_decoded_network_and_a_report(senna: ArchSpec) -> None:
    network = random_network(senna, seed=4)
    compiled = compile_network(network, senna)
    assert compiled.network is not network
    assert compiled.network.same_as(network)
    assert decode(compiled.bitstream, senna).same_as(network)
    report = compiled.report
    assert report["verified"] is True
    assert (report["neurons"], report["synapses"]) == (network.n_neurons, network.n_synapses)
    assert report["seconds"] > 0
    assert report["routed"] is True
    assert 0 < report["min_channel_width"] <= report["channel_width"] == 32
    assert 0 < report["activity_wirelength"] <= report["wirelength"]
    assert report["tracks"]["used"] == report["wire_segments"] == compiled.implementation.design.wire.size
    assert len(report["findings"]) == len(compiled.findings)


def test_network_that_does_not_fit_is_refused(senna: ArchSpec) -> None:
    network = random_network(senna, seed=4, outputs=70, neurons=80)
    with pytest.raises(FitError) as caught:
        compile_network(network, senna)
    assert "output_count" in str(caught.value.hint)


def test_network_that_cannot_be_routed_is_refused(senna: ArchSpec) -> None:
    few = senna.routing.nets_per_channel.model_copy(update={"value": 2})
    routing = senna.routing.model_copy(update={"nets_per_channel": few})
    with pytest.raises(FitError, match="overflow their 2 tracks"):
        compile_network(random_network(senna, seed=4), senna.model_copy(update={"routing": routing}))


def test_seed_changes_the_placement_alone(senna: ArchSpec) -> None:
    network = random_network(senna, seed=4)
    first, again, other = (compile_network(network, senna, seed=seed) for seed in (0, 0, 1))
    assert first.bitstream == again.bitstream != other.bitstream
    assert first.network.same_as(other.network)


def test_wrong_decoder_is_detected(senna: ArchSpec, monkeypatch: pytest.MonkeyPatch) -> None:
    other = random_network(senna, seed=5)
    monkeypatch.setattr("chip.compiler.decode", lambda data, arch: other)
    with pytest.raises(BitstreamError, match="decodes to another network: neuron 0"):
        compile_network(random_network(senna, seed=4), senna)


def test_equal_networks_spike_equally(senna: ArchSpec) -> None:
    network = random_network(senna, seed=7)
    spikes = random_spikes(8, 300, streams=3, rate=0.5)
    assert verify_spikes(network, compile_network(network, senna).network, spikes, v_sat=senna.v_sat) is None


def test_first_difference_is_described(monkeypatch: pytest.MonkeyPatch) -> None:
    # Spikes are compared in chunks; the step must count from the beginning all the same.
    monkeypatch.setattr("chip.compiler._CHUNK_VALUES", 3)
    builder = NetworkBuilder(n_inputs=1)
    builder.connect(0, builder.add_neuron(theta_p=3), 1)
    network = builder.build()
    spikes = np.ones((10, 2, 1), np.int8)
    found = verify_spikes(network, changed(network, theta_p=[5]), spikes, v_sat=100)
    assert found == "step 2, stream 0, neuron 0: 1 against 0"


def test_different_shapes_are_compared_without_a_run(senna: ArchSpec) -> None:
    network = random_network(senna, seed=7)
    spikes = random_spikes(8, 3)
    for other in (random_network(senna, seed=7, inputs=9), changed(network, outputs=network.outputs[::-1])):
        assert verify_spikes(network, other, spikes, v_sat=100) is not None


def test_invalid_spikes_are_refused(senna: ArchSpec) -> None:
    network = random_network(senna, seed=7)
    with pytest.raises(NetworkError, match="spikes"):
        verify_spikes(network, network, np.zeros((3, 8), np.int8), v_sat=100)
