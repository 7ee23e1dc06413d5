"""Wire costs: predictions against the wire saved and added by real changes."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from chip.arch import ArchSpec, load_arch
from chip.errors import FitError, NetworkError
from chip.layout.wire_costs import WireCosts, connections, wire_costs
from chip.network import Network
from chip.testing import random_network

Ints = NDArray[np.int64]
INPUTS, NEURONS = 20, 120


@pytest.fixture(scope="module")
def network() -> Network:
    return random_network(load_arch("senna"), seed=3, inputs=INPUTS, neurons=NEURONS, outputs=6, fan_in=8)


def rates() -> NDArray[np.float64]:
    return np.random.default_rng(5).lognormal(size=INPUTS + NEURONS)


def without(network: Network, synapses: Ints) -> Network:
    keep = np.setdiff1d(np.arange(network.n_synapses), synapses)
    return connections(INPUTS, NEURONS, network.source[keep], network.target[keep], network.outputs)


def wire(
    costs: WireCosts, weight: NDArray[np.float64], segment_cost: NDArray[np.float64] | None = None
) -> float:
    """Sum the routed wire, each net by the weight of its source."""
    cost = np.ones(costs.usage.size) if segment_cost is None else segment_cost
    nets = zip(costs.trees, costs.nets.source, strict=True)
    return float(sum(cost[tree.segments].sum() * weight[source] for tree, source in nets))


def test_shares_add_up_to_all_wires_except_those_of_pads(network: Network, senna: ArchSpec) -> None:
    unread = connections(INPUTS, NEURONS, network.source, network.target)
    for case, exactly in ((unread, True), (network, False)):
        costs = wire_costs(case, senna, rates=rates())
        total = wire(costs, costs.weight, costs.segment_cost)
        wires = costs.synapse_wires()
        assert (wires.saving <= wires.share + 1e-9).all()
        assert wires.share.sum() <= total + 1e-6
        if exactly:
            assert wires.share.sum() == pytest.approx(total)


def test_most_expensive_synapses_save_most_wire_as_predicted(network: Network, senna: ArchSpec) -> None:
    before = wire_costs(network, senna, rates=rates())
    wires, many = before.synapse_wires(), network.n_synapses // 5
    dear, cheap = np.argsort(-wires.share)[:many], np.argsort(wires.share)[:many]
    saved = {}
    for name, gone in (("dear", dear), ("cheap", cheap)):
        after = wire_costs(without(network, gone), senna, rates=rates(), before=before, sweeps=0)
        saved[name] = wire(before, before.weight) - wire(after, before.weight)
        assert saved[name] >= 0.5 * (wires.saving[gone] / 4).sum()
    assert saved["dear"] > 2 * saved["cheap"]
    annealed = wire_costs(without(network, dear), senna, rates=rates(), before=before)
    assert annealed.usage.sum() < 0.85 * before.usage.sum()
    assert annealed.usage.max() <= before.usage.max()


def test_removing_one_synapse_saves_its_wire(network: Network, senna: ArchSpec) -> None:
    before = wire_costs(network, senna, rates=rates())
    before = wire_costs(network, senna, rates=rates(), before=before, sweeps=0)
    saving = before.synapse_wires().saving
    for synapse in np.argsort(-saving)[:5]:
        after = wire_costs(without(network, synapse[None]), senna, rates=rates(), before=before, sweeps=0)
        fewer = int(before.usage.sum() - after.usage.sum())
        source = network.source[synapse]
        # Between the cost of an empty and of the fullest channel.
        assert saving[synapse] / before.weight[source] / 4 <= fewer + 1


def test_short_wires_cost_less_than_long_ones(network: Network, senna: ArchSpec) -> None:
    costs = wire_costs(network, senna, rates=np.ones(INPUTS + NEURONS))
    table = costs.added_cost(np.arange(INPUTS + NEURONS)[:, None], np.arange(NEURONS)[None])
    assert table.shape == (INPUTS + NEURONS, NEURONS)
    assert np.isfinite(table).all()
    assert (costs.added_cost(network.source, network.target) == 0).all()
    free = np.ones(table.shape, np.bool_)
    free[network.source, network.target] = False
    added = {}
    order = np.argsort(np.where(free, table, np.inf), axis=None)
    for name, chosen in (("near", order[:60]), ("far", order[: int(free.sum())][-60:])):
        source, target = np.unravel_index(chosen, table.shape)
        more = connections(
            INPUTS,
            NEURONS,
            np.concatenate([network.source, source]),
            np.concatenate([network.target, target]),
            network.outputs,
        )
        after = wire_costs(more, senna, rates=np.ones(INPUTS + NEURONS), before=costs, sweeps=0)
        added[name] = int(after.usage.sum() - costs.usage.sum())
    assert added["far"] > 5 * max(1, added["near"])


def test_calls_repeat_and_a_warm_start_is_no_worse(network: Network, senna: ArchSpec) -> None:
    one, other = (wire_costs(network, senna, rates=rates()) for _ in range(2))
    assert np.array_equal(one.synapse_wires().share, other.synapse_wires().share)
    warm = wire_costs(network, senna, rates=rates(), before=one)
    assert warm.activity_wirelength <= 1.02 * one.activity_wirelength
    fewer = connections(INPUTS, NEURONS - 1, [0], [0])
    assert wire_costs(fewer, senna, before=one).usage.sum() > 0


def test_source_without_a_net_costs_its_whole_way(senna: ArchSpec) -> None:
    costs = wire_costs(connections(2, 3, [0], [0], [0]), senna)
    assert (costs.added_cost([1, 1], [1, 2]) >= 1).all()
    assert costs.overflow == 0


def test_unknown_sources_and_neurons_are_refused(network: Network, senna: ArchSpec) -> None:
    costs = wire_costs(network, senna, rates=rates())
    for source, target in ((INPUTS + NEURONS, 0), (-1, 0), (0, NEURONS)):
        with pytest.raises(NetworkError, match="is none of the"):
            costs.added_cost(source, target)
    with pytest.raises(NetworkError, match="none of the"):
        costs.added_cost(0.5, 0)
    with pytest.raises(FitError, match="1025 neurons are more than the 1024"):
        wire_costs(connections(1, 1025, [0], [0]), senna)
    with pytest.raises(NetworkError, match="rates"):
        wire_costs(network, senna, rates=np.ones(3))
