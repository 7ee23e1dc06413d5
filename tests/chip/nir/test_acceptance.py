"""Imports are right on the chip, or refused with an option that helps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import nir
import numpy as np
import pytest
import snntorch
import torch

from chip.arch import load_arch
from chip.errors import FitError, NetworkError
from chip.nir import import_nir, verdict_of
from chip.nir.agreement import agreement_of
from chip.nir.graph import graph_of
from chip.sim.simulator import Simulator

SENNA = load_arch("senna")
# Milliseconds at which an input spike comes in the single-neuron experiment of the NIR paper (Pedersen et al. 2024).
PAPER_MS = [6, 22, 27, 31, 32, 35, 37, 40, 41, *range(43, 54), *range(67, 79), 84, 85]


def paper_neuron() -> Any:
    one = np.ones(1)
    neuron = nir.LIF(tau=2.5e-3 * one, r=one, v_leak=0 * one, v_threshold=0.1 * one)
    return nir.NIRGraph.from_list(nir.Input(np.array([1])), nir.Affine(np.ones((1, 1)), 0 * one), neuron)


def leaky(beta: float, size: int, threshold: float = 1.0) -> Any:
    ones = np.ones(size)
    tau = 1e-4 / (1 - beta)
    return nir.LIF(tau=tau * ones, r=tau / 1e-4 * ones, v_leak=0 * ones, v_threshold=threshold * ones)


def outputs_of(imported: Any, spikes: np.ndarray) -> np.ndarray:
    late = 0 if imported.translation is None else int(imported.translation.plan.relayed)
    padded = np.concatenate([spikes, np.zeros((late, spikes.shape[1]), np.int8)])
    return Simulator(imported.network, v_sat=SENNA.v_sat).run(padded[:, None]).outputs[late:, 0]


def test_neuron_of_the_nir_paper_fires_at_the_exact_times() -> None:
    spikes = np.zeros((1000, 1), np.int8)
    spikes[10 * np.array(PAPER_MS)] = 1
    imported = import_nir(paper_neuron(), SENNA, spikes=spikes)
    assert np.flatnonzero(outputs_of(imported, spikes)).tolist() == [460, 510, 710, 760]
    assert imported.agreement["all"].spike_agreement == 1.0
    assert verdict_of(imported).refused is None


@pytest.mark.parametrize("beta", [0.5, 0.9375])
def test_default_neuron_of_snntorch_agrees(beta: float, chain: Callable[..., Any]) -> None:
    random = np.random.default_rng(0)
    weight = random.normal(0.24, 0.6, (20, 8)) * (1 - beta) ** 0.5
    imported = import_nir(chain((8,), nir.Linear(weight), leaky(beta, 20)), SENNA, reset="snntorch")
    spikes = (random.random((1500, 8)) < 0.2).astype(np.int8)
    layer, rows = snntorch.Leaky(beta=beta), []
    membrane = layer.init_leaky()
    with torch.no_grad():
        for current in torch.from_numpy((spikes @ weight.T).astype(np.float32)):
            fired, membrane = layer(current[None], membrane)
            rows.append(fired[0].numpy())
    found = agreement_of(np.stack(rows).astype(np.int8), outputs_of(imported, spikes))
    assert found.spikes > 1000
    assert found.agreement is not None
    assert found.agreement > 0.95


def test_other_units_of_time_are_refused_with_a_step_that_works(chain: Callable[..., Any]) -> None:
    ones = np.ones(2)
    neuron = nir.LIF(tau=0.9 * ones, r=ones, v_leak=0 * ones, v_threshold=ones)
    graph = chain((2,), nir.Linear(np.array([[0.5, 1.0], [1.0, 0.5]])), neuron)
    with pytest.raises(FitError, match="weights become 0") as caught:
        import_nir(graph, SENNA)
    hint = str(caught.value.hint)
    assert "--lossy" in hint
    assert "--dt 0." in hint
    step = float(hint.split("--dt ")[1].split()[0])
    assert import_nir(graph, SENNA, dt_s=step).agreement["all"].right


def test_silence_is_no_agreement(chain: Callable[..., Any], fire: Callable[..., Any]) -> None:
    nothing = agreement_of(np.zeros((5, 2)), np.zeros((5, 2)))
    assert (nothing.agreement, nothing.right, nothing.silent) == (None, False, True)
    with pytest.raises(FitError, match="is silent on"):
        import_nir(chain((2,), nir.Linear(-np.eye(2)), fire(2, 0.9999)), SENNA)
    assert (
        import_nir(chain((2,), nir.Linear(-np.eye(2)), fire(2, 0.9999)), SENNA, lossy=True).network.n_neurons
        == 2
    )


def test_poor_agreement_is_refused_unless_accepted(
    chain: Callable[..., Any], fire: Callable[..., Any]
) -> None:
    weight = np.random.default_rng(1).normal(0.15, 0.5, (12, 20))
    graph = chain((20,), nir.Linear(weight), fire(12, 1.0))
    with pytest.raises(FitError, match="agrees with the graph in 0"):
        import_nir(graph, SENNA)
    imported = import_nir(graph, SENNA, lossy=True)
    assert verdict_of(imported).refused is not None
    assert any("accepted by --lossy" in line for line in verdict_of(imported).lines())


def test_delays_are_chains_of_neurons(chain: Callable[..., Any], fire: Callable[..., Any]) -> None:
    graph = chain((2,), nir.Delay(np.array([3e-4, 0.0])), nir.Linear(np.eye(2)), fire(2, 0.9999))
    imported = import_nir(graph, SENNA)
    assert imported.exact or imported.agreement["all"].agreement == 1.0
    spikes = np.zeros((8, 2), np.int8)
    spikes[1] = 1
    run = Simulator(imported.network, v_sat=SENNA.v_sat).run(spikes[:, None])
    assert [np.flatnonzero(run.outputs[:, 0, k]).tolist() for k in (0, 1)] == [[4], [1]]


def test_readout_filter_is_left_to_the_reader(chain: Callable[..., Any], fire: Callable[..., Any]) -> None:
    ones = np.ones(1)
    graph = chain(
        (2,),
        nir.Linear(np.eye(2)),
        fire(2, 0.9999),
        nir.Linear(np.ones((1, 2))),
        nir.LI(ones, ones, 0 * ones),
    )
    imported = import_nir(graph, SENNA)
    (found,) = (one for one in imported.declarations if one.node == "li")
    assert (found.about, found.exact) == ("readout", False)
    assert "outside of the chip" in found.words


def test_batch_dimension_is_dropped(fire: Callable[..., Any]) -> None:
    nodes = {
        "in": nir.Input(np.array([4, 2])),
        "w": nir.Linear(np.eye(2)),
        "n": fire(2, 0.9999),
        "out": nir.Output(np.array([4, 2])),
    }
    edges = [("in", "w"), ("w", "n"), ("n", "out")]
    imported = import_nir(nir.NIRGraph(nodes=nodes, edges=edges, type_check=False), SENNA)
    assert imported.network.n_inputs == 2
    assert "batch" in {found.about for found in imported.declarations}


def test_infinite_time_constants_integrate_or_are_refused(chain: Callable[..., Any]) -> None:
    ones = np.ones(2)

    def neuron(r: float) -> Any:
        return nir.LIF(tau=np.inf * ones, r=r * ones, v_leak=0 * ones, v_threshold=2.5 * ones)

    imported = import_nir(chain((2,), nir.Linear(np.eye(2)), neuron(np.inf)), SENNA, reset="subtract")
    assert (imported.network.weight.tolist(), imported.network.decay.tolist()[:2]) != ([], [1, 1])
    with pytest.raises(NetworkError, match="infinite time constant and a finite r") as caught:
        import_nir(chain((2,), nir.Linear(np.eye(2)), neuron(1.0)), SENNA)
    assert "use IF" in str(caught.value.hint)


def test_complex_weights_are_refused() -> None:
    tree = paper_neuron().to_dict()
    tree["nodes"]["affine"]["weight"] = np.ones((1, 1)) * 1j
    with pytest.raises(NetworkError, match="complex numbers"):
        graph_of(tree)


def test_names_are_shown_safely(fire: Callable[..., Any]) -> None:
    name = "evil\x1b[31m\n" + "x" * 3000
    nodes = {"in": nir.Input(np.array([2])), name: fire(2, -1.0), "out": nir.Output(np.array([2]))}
    with pytest.raises(NetworkError) as caught:
        import_nir(nir.NIRGraph(nodes=nodes, edges=[("in", name), (name, "out")]), SENNA)
    shown = str(caught.value)
    assert shown.isprintable()
    assert len(shown) < 300
