"""Export as NIR: the same integers come back, and the nodes alone give the same spikes."""

from __future__ import annotations

import io
from dataclasses import replace
from functools import partial

import nir
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chip.arch import load_arch
from chip.builder import NetworkBuilder
from chip.errors import NetworkError
from chip.network import Network
from chip.nir import export_declarations, export_nir, load, write_nir
from chip.nir.discretise import discretise
from chip.nir.graph import graph_of
from chip.nir.hdf5 import read_tree
from chip.nir.mapping.plan import PLANS
from chip.nir.reference import reference_spikes
from chip.sim.simulator import Simulator
from chip.sim.stimulus import random_spikes
from chip.testing import layered_network, random_network

SENNA = load_arch("senna")
# Conversion alone: its agreement is the subject of tests/chip/nir/test_acceptance.py.
import_nir = partial(load.import_nir, lossy=True, plans=PLANS[:1])
FAR = 1 << 28


def drawn(seed: int, sizes: tuple[int, int, int, int], *, leaks: bool = True) -> Network:
    inputs, neurons, outputs, fan_in = sizes
    network = random_network(
        SENNA, seed=seed, inputs=inputs, neurons=neurons, outputs=min(outputs, neurons), fan_in=fan_in
    )
    return network if leaks else replace(network, decay=np.zeros(neurons, int))


SIZES = st.tuples(st.integers(1, 6), st.integers(1, 30), st.integers(1, 30), st.integers(0, 8))


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32), sizes=SIZES, dt_s=st.sampled_from([1e-4, 1e-3, 1.0, 0.008]))
def test_round_trip_restores_the_integers(seed: int, sizes: tuple[int, int, int, int], dt_s: float) -> None:
    network = drawn(seed, sizes)
    back = import_nir(write_nir(network, dt_s=dt_s), SENNA)
    assert back.network.difference(network) is None
    assert (back.network.labels, back.exact, back.dt_s) == (network.labels, True, dt_s)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32), sizes=SIZES)
def test_nodes_without_leaks_give_the_same_spikes(seed: int, sizes: tuple[int, int, int, int]) -> None:
    network = drawn(seed, sizes, leaks=False)
    spikes = random_spikes(network.n_inputs, 100, rate=0.4, seed=seed)
    neurons = discretise(graph_of(read_tree(write_nir(network))), 1e-4)
    meant = reference_spikes(neurons, spikes[:, 0], reset="subtract") @ neurons.readout.T.toarray()
    layers = int(neurons.layer.max())
    padded = np.concatenate([spikes, np.zeros((layers, 1, network.n_inputs), np.int8)])
    run = Simulator(network, v_sat=FAR).run(padded)
    np.testing.assert_array_equal(meant, run.outputs[layers:, 0])


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32), sizes=SIZES)
def test_import_without_metadata_gives_the_same_spikes(seed: int, sizes: tuple[int, int, int, int]) -> None:
    # Feedback becomes a weight of a neuron to itself, beside the one it may have: six bits hold the sum of both.
    large = drawn(seed, sizes, leaks=False)
    theta = np.random.default_rng(seed).integers(1, 17, large.n_neurons)
    weight = np.sign(large.weight) * np.maximum(1, np.abs(large.weight) // 2)
    network = replace(large, theta_p=theta, theta_n=theta, w_fb=theta, weight=weight)
    back = import_nir(write_nir(network), SENNA, plain=True)
    spikes = random_spikes(network.n_inputs, 100, rate=0.4, seed=seed)
    mine, theirs = (Simulator(one, v_sat=FAR).run(spikes) for one in (network, back.network))
    late = 1 if any(found.about == "readout" for found in back.declarations) else 0
    np.testing.assert_array_equal(theirs.outputs[late:], mine.outputs[: len(spikes) - late])


def test_strict_layers_are_exported_as_layers() -> None:
    network = layered_network(SENNA, seed=1)
    one_sided = replace(
        network, negative=np.zeros(network.n_neurons, int), decay=np.zeros(network.n_neurons, int)
    )
    graph = export_nir(one_sided)
    kinds = {name: type(node).__name__ for name, node in graph.nodes.items() if name != "output"}
    assert [name for name, kind in kinds.items() if kind == "IF"] == ["if_0", "if_1", "if_2", "if_3"]
    assert ("if_0", "if_0_to_if_1") in graph.edges
    assert not any(source == target for source, target in graph.edges)
    assert import_nir(graph, SENNA).network.same_as(one_sided)


def test_export_is_deterministic() -> None:
    network = random_network(SENNA, seed=4)
    assert write_nir(network) == write_nir(network)


def test_package_nir_reads_the_export() -> None:
    network = random_network(SENNA, seed=5)
    graph = nir.read(io.BytesIO(write_nir(network)))
    assert isinstance(graph.nodes["input"], nir.Input)
    assert graph.nodes["output"].output_type["output"].tolist() == [network.n_outputs]
    assert import_nir(graph, SENNA).network.same_as(network)


def test_leak_is_exported_as_a_time_constant() -> None:
    builder = NetworkBuilder(n_inputs=1)
    builder.connect(0, builder.add_neuron(theta_p=100, w_fb=100, decay=3), 7)
    builder.output(0)
    node = export_nir(builder.build(), dt_s=0.002).nodes["lif_0"]
    assert node.tau[0] == pytest.approx(0.016)
    assert (node.r[0], node.v_threshold[0]) == (8, np.float32(100 - 2.0**-12))


def test_step_is_read_without_the_integers() -> None:
    network = random_network(SENNA, seed=9)
    graph = export_nir(network, dt_s=0.008)
    assert import_nir(graph, SENNA, plain=True).dt_s == 0.008
    assert import_nir(graph, SENNA, plain=True, dt_s=0.5).dt_s == 0.5
    for spoilt in (np.nan, -1.0, "soon", np.zeros(3)):
        graph.metadata["spiking_network"]["dt_s"] = spoilt
        assert import_nir(graph, SENNA, plain=True).dt_s == 1e-4


def test_edited_nodes_are_refused() -> None:
    graph = export_nir(random_network(SENNA, seed=6))
    graph.nodes["lif_0"].v_threshold[2] += 1
    with pytest.raises(NetworkError, match="not what the metadata say") as caught:
        import_nir(graph, SENNA)
    assert caught.value.where == "node 'lif_0'.v_threshold"
    assert "--plain" in str(caught.value.hint)
    assert import_nir(graph, SENNA, plain=True).network.n_neurons > 0


def test_added_edges_and_nodes_are_refused() -> None:
    graph = export_nir(random_network(SENNA, seed=6))
    graph.edges.append(("input", "input_to_lif_0"))
    graph.edges = [edge for edge in graph.edges if edge != ("if_0", "if_0_to_if_0")]
    with pytest.raises(NetworkError):
        import_nir(graph, SENNA)
    other = export_nir(random_network(SENNA, seed=6))
    other.nodes["more"] = nir.Scale(np.ones(8))
    with pytest.raises(NetworkError, match="not what the metadata say"):
        import_nir(other, SENNA)


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("version", 2, "version"),
        ("dt_s", np.nan, "dt_s"),
        ("labels", "[", "list of names"),
        ("labels", "3", "list of names"),
        ("weight", np.zeros(3), "floa"),
    ],
)
def test_damaged_metadata_are_refused(field: str, value: object, words: str) -> None:
    graph = export_nir(random_network(SENNA, seed=7))
    graph.metadata["spiking_network"][field] = value
    with pytest.raises(NetworkError, match=words):
        import_nir(graph, SENNA)
    del graph.metadata["spiking_network"][field]
    with pytest.raises(NetworkError, match="lacks a column"):
        import_nir(graph, SENNA)


def test_networks_without_a_nir_equivalent_are_refused() -> None:
    silent = NetworkBuilder(n_inputs=1)
    silent.add_neuron(theta_p=1)
    with pytest.raises(NetworkError, match="has no outputs"):
        export_nir(silent.build())
    count = 9000
    huge = Network(
        n_inputs=1,
        theta_p=np.ones(count, int),
        theta_n=np.ones(count, int),
        negative=np.ones(count, int),
        w_fb=np.ones(count, int),
        decay=np.zeros(count, int),
        source=np.arange(count),
        target=np.arange(count),
        weight=np.ones(count, int),
        outputs=np.array([0]),
    )
    with pytest.raises(NetworkError, match="matrices of"):
        export_nir(huge)
    with pytest.raises(NetworkError, match="not a time above 0"):
        export_nir(random_network(SENNA, seed=1), dt_s=0.0)


def test_export_declares_what_nodes_cannot_express() -> None:
    about = {found.about for found in export_declarations(random_network(SENNA, seed=8))}
    assert about == {"sign", "feedback", "reset", "threshold", "leak", "saturation"}
    plain = random_network(SENNA, seed=8)
    zero = np.zeros(plain.n_neurons, int)
    plain = replace(plain, negative=zero, decay=zero, w_fb=plain.theta_p)
    assert {found.about for found in export_declarations(plain)} == {"reset", "threshold", "saturation"}
