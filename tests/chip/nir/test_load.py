"""Import of graphs of other tools: each node as NIR defines it; approximations are declared and measured."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import nir
import numpy as np
import pytest

from chip.arch import load_arch
from chip.errors import FitError, NetworkError
from chip.nir import NirImport, load, measure
from chip.nir.mapping.plan import PLANS
from chip.nir.reference import reference_spikes
from chip.sim.simulator import Simulator
from chip.testing import layered_network

SENNA = load_arch("senna")
# Conversion alone: its agreement is the subject of tests/chip/nir/test_acceptance.py.
import_nir = partial(load.import_nir, lossy=True, plans=PLANS[:1])
RANDOM = np.random.default_rng(0)
W = np.array([[3.0, -2.0], [0.0, 4.0], [5.0, 1.0]])


def declared(imported: NirImport) -> dict[tuple[str, str], bool]:
    return {(found.node, found.about): found.exact for found in imported.declarations}


def test_integers_are_kept_and_thresholds_become_inclusive(
    chain: Callable[..., Any], fire: Callable[..., Any]
) -> None:
    imported = import_nir(chain((2,), nir.Linear(W), fire(3, 5.0)), SENNA, reset="subtract")
    network = imported.network
    assert network.weight.tolist() == [3, -2, 4, 5, 1]
    assert network.source.tolist() == [0, 1, 1, 0, 1]
    assert (network.theta_p.tolist(), network.w_fb.tolist()) == ([6] * 3, [5] * 3)
    assert not network.negative.any()
    assert network.outputs.tolist() == [0, 1, 2]
    assert network.labels == ("if[0]", "if[1]", "if[2]")
    assert network.input_labels == ("input[0]", "input[1]")
    assert declared(imported) == {
        ("graph", "saturation"): False,
        ("graph", "time"): True,
        ("if", "sign"): True,
        ("if", "reset"): True,
        ("if", "weights"): True,
    }


def test_reset_to_a_value_is_declared(chain: Callable[..., Any]) -> None:
    node = nir.IF(r=np.ones(3), v_threshold=np.full(3, 5.0), v_reset=np.array([0.0, 1.0, -2.0]))
    imported = import_nir(chain((2,), nir.Linear(W), node), SENNA)
    assert imported.network.w_fb.tolist() == [5, 4, 7]
    assert declared(imported)["if", "reset"] is False


def test_fractions_are_scaled_per_neuron(chain: Callable[..., Any], fire: Callable[..., Any]) -> None:
    weight = np.array([[0.25, -0.75], [0.1234, 0.9137]])
    imported = import_nir(chain((2,), nir.Linear(weight), fire(2, 1.0)), SENNA)
    network, translation = imported.network, imported.translation
    assert translation is not None
    assert network.weight[:2].tolist() == [1, -3]
    assert (int(network.theta_p[0]), int(network.w_fb[0]), float(translation.quantised.scale[0])) == (
        5,
        4,
        4.0,
    )
    real = network.weight[2:] / translation.quantised.scale[1]
    np.testing.assert_allclose(real, [0.1234, 0.9137], atol=0.01)
    assert declared(imported)["if", "weights"] is False


def test_linear_nodes_are_merged_into_the_weights(
    chain: Callable[..., Any], fire: Callable[..., Any]
) -> None:
    graph = chain(
        (1, 2),
        nir.Flatten({"input": np.array([1, 2])}, 0, -1),
        nir.Scale(np.array([2.0, 1.0])),
        nir.Linear(W),
        nir.Linear(np.array([[1.0, 1.0, 0.0]])),
        fire(1, 9.0),
    )
    network = import_nir(graph, SENNA).network
    assert network.weight.tolist() == [6, 2]


def test_bias_becomes_a_clock_neuron(chain: Callable[..., Any], fire: Callable[..., Any]) -> None:
    imported = import_nir(
        chain((2,), nir.Affine(W, np.array([2.0, 0.0, -1.0])), fire(3, 6.5)), SENNA, reset="subtract"
    )
    network = imported.network
    assert (network.n_neurons, network.labels[3]) == (4, "clock 0")
    assert declared(imported)["if", "bias"] is False
    run = Simulator(network, v_sat=SENNA.v_sat).run(np.zeros((11, 1, 2), np.int8), record="all")
    assert run.neurons is not None
    # 2 a step from the second on: 8 exceeds 6.5 and leaves 1.5, then 7.5 leaves 1, then 7 does.
    assert np.flatnonzero(run.neurons[:, 0, 0]).tolist() == [4, 7, 10]
    assert run.neurons[:, 0, 3].all()


def test_leak_becomes_the_nearest_power_of_two(chain: Callable[..., Any]) -> None:
    def leaky(tau: float) -> Any:
        ones = np.ones(3)
        return nir.LIF(tau=tau * ones, r=tau / 1e-3 * ones, v_leak=0 * ones, v_threshold=60 * ones)

    shifts = {}
    for steps in (1.0, 2.0, 8.0, 9.0, 500.0, 1e6):
        imported = import_nir(chain((2,), nir.Linear(W), leaky(steps * 1e-3)), SENNA, dt_s=1e-3)
        shifts[steps] = int(imported.network.decay[0])
        assert declared(imported)["lif", "leak"] is False
    assert shifts == {1.0: 1, 2.0: 1, 8.0: 3, 9.0: 3, 500.0: 9, 1e6: 0}


def test_synaptic_current_is_replaced_by_the_slower_filter(chain: Callable[..., Any]) -> None:
    ones = np.ones(3)
    node = nir.CubaLIF(
        tau_syn=2 * ones, tau_mem=8 * ones, r=8 * ones, v_leak=0 * ones, v_threshold=40 * ones, w_in=2 * ones
    )
    imported = import_nir(chain((2,), nir.Linear(W), node), SENNA, dt_s=1.0)
    translation = imported.translation
    assert translation is not None
    assert imported.network.decay.tolist() == [3, 3, 3]
    np.testing.assert_allclose(translation.folded.weights.toarray()[:, :2], 2 * W)
    assert declared(imported)["cubalif", "filter"] is False
    lasting = np.ones((400, 2), np.int8)
    silent = replace(translation.neurons, theta=translation.neurons.theta * 0 + 1e9)
    spiking = [
        reference_spikes(neurons, lasting).sum()
        for neurons in (silent, translation.neurons, translation.folded)
    ]
    assert spiking[0] == 0
    assert spiking[1] == pytest.approx(spiking[2], rel=0.35)


@pytest.mark.parametrize("kind", ["I", "LI"])
def test_integrator_with_threshold_is_a_comparator(kind: str, chain: Callable[..., Any]) -> None:
    ones = np.ones(3)
    node = nir.I(r=ones) if kind == "I" else nir.LI(tau=8 * ones, r=8 * ones, v_leak=0 * ones)
    graph = chain((2,), nir.Linear(W), node, nir.Threshold(np.full(3, 5.5)))
    imported = import_nir(graph, SENNA, dt_s=1.0)
    assert imported.network.w_fb.tolist() == [0, 0, 0]
    assert declared(imported)[kind.lower(), "reset"] is True
    spikes = np.zeros((4, 1, 2), np.int8)
    spikes[:2, 0, 0] = 1
    run = Simulator(imported.network, v_sat=SENNA.v_sat).run(spikes)
    assert run.outputs[:, 0, 2].tolist() == [0, 1, 1, 1]


def test_loops_and_subgraphs_are_flattened(fire: Callable[..., Any]) -> None:
    inner = nir.NIRGraph(
        nodes={
            "in": nir.Input(np.array([3])),
            "cell": fire(3, 4.0),
            "back": nir.Linear(np.array([[0.0, 1, 0], [0, 0, 1], [-1, 0, 0]])),
            "out": nir.Output(np.array([3])),
        },
        edges=[("in", "cell"), ("cell", "back"), ("back", "cell"), ("cell", "out")],
    )
    graph = nir.NIRGraph(
        nodes={
            "a": nir.Input(np.array([2])),
            "w": nir.Linear(W),
            "rnn": inner,
            "z": nir.Output(np.array([3])),
        },
        edges=[("a", "w"), ("w", "rnn"), ("rnn", "z")],
        type_check=False,
    )
    network = import_nir(graph, SENNA).network
    assert network.labels == ("rnn.cell[0]", "rnn.cell[1]", "rnn.cell[2]")
    between = network.source >= 2
    assert list(
        zip(network.source[between] - 2, network.target[between], network.weight[between], strict=True)
    ) == [
        (1, 0, 1),
        (2, 1, 1),
        (0, 2, -1),
    ]


def test_weighted_output_becomes_a_signed_counter(
    chain: Callable[..., Any], fire: Callable[..., Any]
) -> None:
    graph = chain(
        (2,), nir.Linear(np.eye(2)), fire(2, 0.9999), nir.Linear(np.array([[2.0, -1.0], [0.0, 0.0]]))
    )
    imported = import_nir(graph, SENNA, reset="subtract")
    assert declared(imported)["output", "readout"] is False
    spikes = np.zeros((7, 1, 2), np.int8)
    spikes[:2, 0, 0] = 1
    spikes[2:6, 0, 1] = 1
    run = Simulator(imported.network, v_sat=SENNA.v_sat).run(spikes)
    # Each +1 stands for 2: two spikes of weight 2, then four of weight -1 take them back.
    assert run.outputs[:, 0, 0].tolist() == [0, 1, 1, 0, -1, 0, -1]
    assert not run.outputs[:, 0, 1].any()


def test_spikes_that_skip_a_layer_wait_for_the_others_or_are_refused(fire: Callable[..., Any]) -> None:
    nodes = {
        "a": nir.Input(np.array([2])),
        "w1": nir.Linear(np.eye(2)),
        "one": fire(2, 0.5),
        "w2": nir.Linear(np.eye(2)),
        "skip": nir.Linear(np.eye(2)),
        "two": fire(2, 0.5),
        "z": nir.Output(np.array([2])),
    }
    edges = [
        ("a", "w1"),
        ("w1", "one"),
        ("one", "w2"),
        ("w2", "two"),
        ("a", "skip"),
        ("skip", "two"),
        ("two", "z"),
    ]
    graph = nir.NIRGraph(nodes=nodes, edges=edges)
    imported = import_nir(graph, SENNA)
    assert imported.network.labels[4:] == ("a[0] after 1 step", "a[1] after 1 step")
    # Not exact yet, and so refused rather than wrong in silence.
    with pytest.raises(FitError, match="node 'two': agrees with the graph in"):
        load.import_nir(graph, SENNA)


def test_integer_layers_without_saturation_are_exact(chain: Callable[..., Any]) -> None:
    weight = RANDOM.integers(0, 4, (20, 6)).astype(float)
    weight[:, 0] += 1
    back = RANDOM.integers(0, 4, (5, 20)).astype(float)
    back[:, 0] += 1

    def node(weights: np.ndarray) -> Any:
        theta = weights.sum(axis=1)
        return nir.IF(r=np.ones_like(theta), v_threshold=theta - 0.25)

    graph = chain((6,), nir.Linear(weight), node(weight), nir.Linear(back), node(back))
    scaled = chain(
        (6,), nir.Linear(weight / 8), nir.Scale(np.full(20, 8.0)), node(weight), nir.Linear(back), node(back)
    )
    for one in (graph, scaled):
        found = measure(import_nir(one, SENNA, reset="subtract"), v_sat=SENNA.v_sat)
        assert found["weights"].spikes > 1000
    whole = chain((6,), nir.Linear(weight), nir.IF(np.ones(20), weight.sum(axis=1) - 2.0**-12))
    imported = import_nir(whole, SENNA, reset="subtract")
    assert imported.exact
    agreement = measure(imported, v_sat=SENNA.v_sat)["chip"]
    assert (agreement.agreement, agreement.spike_agreement) == (1.0, 1.0)
    assert agreement.spikes == agreement.chip_spikes > 1000


def test_each_approximation_is_measured(chain: Callable[..., Any]) -> None:
    ones = np.ones(20)
    node = nir.LIF(tau=9.3 * ones, r=9.3 * ones, v_leak=0 * ones, v_threshold=ones)
    imported = import_nir(chain((6,), nir.Linear(RANDOM.normal(0.2, 0.4, (20, 6))), node), SENNA, dt_s=1.0)
    found = measure(imported, v_sat=SENNA.v_sat)
    assert set(found) == {"leak", "weights", "reset", "chip"}
    assert all(0.3 < one.spike_agreement < 1 and one.spikes > 200 for one in found.values())
    assert found["weights"].spike_agreement > 0.8
    assert found["chip"].spike_agreement < found["weights"].spike_agreement
    subtracting = measure(
        import_nir(
            chain((6,), nir.Linear(np.eye(6)), nir.IF(np.ones(6), np.ones(6))), SENNA, reset="subtract"
        ),
        v_sat=SENNA.v_sat,
        spikes=np.ones((10, 6), np.int8),
    )
    assert "reset" not in subtracting
    with pytest.raises(NetworkError, match="has shape"):
        measure(imported, v_sat=SENNA.v_sat, spikes=np.zeros((10, 5), np.int8))


def test_import_from_metadata_cannot_be_measured() -> None:
    from chip.nir import export_nir

    exact = import_nir(export_nir(layered_network(SENNA, seed=1)), SENNA)
    with pytest.raises(NetworkError, match="imported from metadata"):
        measure(exact, v_sat=SENNA.v_sat)
