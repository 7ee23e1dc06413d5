"""Exported examples in snnTorch and sinabs, spike by spike beside our simulator."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import redirect_stdout
from dataclasses import replace

import nir
import numpy as np
import pytest
import sinabs.nir
import snntorch.import_nir
import torch
from nir_peers import PEERS, examples, run_peer
from numpy.typing import NDArray

from chip.arch import load_arch
from chip.network import Network
from chip.nir import import_nir, measure, write_nir
from chip.nir.measure import agreement_of
from chip.nir.reference import reference_spikes

SENNA = load_arch("senna")


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("peer", PEERS)
@pytest.mark.parametrize("name", examples(SENNA))
def test_exported_examples_spike_alike(name: str, peer: str) -> None:
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
def test_with_leaks_both_do_what_the_nodes_say(name: str) -> None:
    example = examples(SENNA)[name]
    translation = import_nir(example.file(), SENNA, plain=True).translation
    assert translation is not None
    units = translation.units
    meant = reference_spikes(units, example.spikes, reset="subtract") @ units.readout.T.toarray()
    for peer in PEERS:
        found = agreement_of(meant, run_peer(example.file(), example.spikes, peer))
        assert found.agreement > 0.999, peer


def one_sided_layers() -> tuple[Network, NDArray[np.int8]]:
    """Layers that excite only, and never more than a spike a step: what sinabs' own reader takes for granted."""
    example = examples(SENNA)["layers"]
    network = example.network
    weight = np.abs(network.weight)
    theta = np.bincount(network.target, weights=weight).astype(np.int64)
    zero = np.zeros(network.n_neurons, np.int64)
    changed = replace(
        network, weight=weight, theta_p=theta, theta_n=theta, w_fb=theta, negative=zero, decay=zero
    )
    return changed, np.abs(example.spikes)


@pytest.mark.filterwarnings("ignore:nirtorch.load is being deprecated")
def test_the_reader_of_sinabs_runs_our_file() -> None:
    network, spikes = one_sided_layers()
    module = sinabs.nir.from_nir(nir.read(io.BytesIO(write_nir(network))), batch_size=1)
    with torch.no_grad():
        theirs = module(torch.from_numpy(spikes.astype(np.float32)))
    theirs = theirs[0] if isinstance(theirs, tuple) else theirs
    example = replace(examples(SENNA)["layers"], network=network, spikes=spikes)
    found = agreement_of(example.expected(SENNA), theirs.numpy().astype(np.int8))
    assert (found.spike_agreement, found.spikes > 100) == (1.0, True)


def test_the_reader_of_snntorch_runs_our_file() -> None:
    network, spikes = one_sided_layers()
    theta = np.full(network.n_neurons, 90)
    leaking = replace(network, theta_p=theta, w_fb=theta, decay=np.full(network.n_neurons, 3))
    graph = nir.read(io.BytesIO(write_nir(leaking)))
    with redirect_stdout(io.StringIO()), torch.no_grad():
        module, state, rows = snntorch.import_nir.import_from_nir(graph), None, []
        for row in torch.from_numpy(spikes.astype(np.float32)):
            out, state = module(row[None], state)
            rows.append(out[0].numpy().astype(np.int8))
    example = replace(examples(SENNA)["layers"], network=leaking, spikes=spikes)
    # It resets to zero, as NIR has it, where the chip keeps what is above the threshold.
    found = agreement_of(example.expected(SENNA), np.stack(rows))
    assert found.spikes > found.chip_spikes > 100


@pytest.mark.filterwarnings("ignore:nirtorch.extract_nir_graph is being deprecated")
def test_what_they_export_is_imported_and_measured() -> None:
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
