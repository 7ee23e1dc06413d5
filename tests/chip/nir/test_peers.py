"""Exported examples in snnTorch and sinabs, compared with the simulator spike by spike."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import redirect_stdout
from functools import partial

import pytest
import sinabs.nir
import snntorch
import snntorch.export_nir
import torch

from chip.arch import load_arch
from chip.nir import load, measure
from chip.nir.agreement import agreement_of
from chip.nir.mapping.plan import PLANS
from chip.nir.reference import reference_spikes
from lib.chip.nir_peers import PEERS, examples, one_sided_layers, run_peer, run_reader

SENNA = load_arch("senna")
# Conversion alone: its agreement is the subject of tests/chip/nir/test_acceptance.py.
import_nir = partial(load.import_nir, lossy=True, plans=PLANS[:1])


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("peer", PEERS)
@pytest.mark.parametrize("name", examples(SENNA))
def test_exported_examples_give_the_same_spikes(name: str, peer: str) -> None:
    example = examples(SENNA)[name]
    found = agreement_of(example.expected(SENNA), run_peer(example.file(), example.spikes, peer))
    assert found.spikes > 100
    if example.exact:
        assert (found.agreement, found.spike_agreement, found.chip_spikes) == (1.0, 1.0, found.spikes)
    else:
        # Their leaks keep fractions that ours drops: some spikes come earlier or later, about as many in all.
        assert found.agreement > 0.7
        assert found.chip_spikes == pytest.approx(found.spikes, rel=0.1)


@pytest.mark.parametrize("name", [name for name, one in examples(SENNA).items() if not one.exact])
def test_leaky_exports_follow_the_nodes(name: str) -> None:
    example = examples(SENNA)[name]
    translation = import_nir(example.file(), SENNA, plain=True).translation
    assert translation is not None
    neurons = translation.neurons
    meant = reference_spikes(neurons, example.spikes, reset="subtract") @ neurons.readout.T.toarray()
    for peer in PEERS:
        found = agreement_of(meant, run_peer(example.file(), example.spikes, peer))
        assert found.agreement > 0.999, peer


@pytest.mark.filterwarnings("ignore:nirtorch.load is being deprecated")
def test_sinabs_runs_the_export() -> None:
    example = one_sided_layers(SENNA, leak=0)
    found = agreement_of(example.expected(SENNA), run_reader(example, "sinabs"))
    assert (found.spike_agreement, found.spikes > 100) == (1.0, True)


def test_snntorch_runs_the_export() -> None:
    example = one_sided_layers(SENNA, leak=3)
    with redirect_stdout(io.StringIO()):
        theirs = run_reader(example, "snntorch")
    # It resets to zero, as NIR has it, where the chip keeps what is above the threshold.
    found = agreement_of(example.expected(SENNA), theirs)
    assert found.spikes > found.chip_spikes > 100


@pytest.mark.filterwarnings("ignore:nirtorch.extract_nir_graph is being deprecated")
def test_exports_of_other_tools_are_imported_and_measured() -> None:
    torch.manual_seed(0)
    layers = sinabs.layers
    module = torch.nn.Sequential(
        torch.nn.Linear(6, 20, bias=False), layers.IAFSqueeze(batch_size=1), torch.nn.Linear(20, 5, bias=False),
        layers.IAFSqueeze(batch_size=1),
    )  # fmt: skip
    for linear in (module[0], module[2]):
        linear.weight.data.abs_()
    graph = sinabs.nir.to_nir(module, torch.zeros(10, 6))
    imported = import_nir(graph, SENNA, reset="subtract")
    assert imported.network.n_outputs == 5
    found = measure(imported, v_sat=SENNA.v_sat)
    assert found["chip"].spikes > 500
    # Without a leak a rounded weight shifts every later spike, but changes their number little.
    assert found["chip"].agreement > 0.7
    assert found["chip"].count_difference < 0.05


@pytest.mark.filterwarnings("ignore:nirtorch.extract_nir_graph is being deprecated")
def test_snntorch_export_is_imported_with_its_step() -> None:
    torch.manual_seed(0)

    def leaky(size: int) -> torch.nn.Module:
        return snntorch.Leaky(beta=torch.full((size,), 0.875), threshold=torch.ones(size), init_hidden=True)

    module = torch.nn.Sequential(torch.nn.Linear(6, 20), leaky(20), torch.nn.Linear(20, 5), leaky(5))
    for linear in (module[0], module[2]):
        linear.weight.data.abs_()
        linear.bias.data.zero_()
    graph = snntorch.export_nir.export_to_nir(module, torch.zeros(6))
    imported = import_nir(graph, SENNA, fit="trial")
    assert imported.dt_s == 1e-4
    assert set(imported.network.decay.tolist()) == {3}
    found = measure(imported, v_sat=SENNA.v_sat)
    assert found["chip"].spikes > 500
    assert found["chip"].count_difference < 0.1
