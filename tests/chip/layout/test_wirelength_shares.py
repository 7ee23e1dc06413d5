"""Shapley shares of a net's sinks: they add up to the box, and a new sink pays for what it adds."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from chip.arch import ArchSpec, load_arch
from chip.errors import NetworkError
from chip.layout.fabric import Fabric
from chip.layout.place import Nets, Placement, half_perimeters, place
from chip.layout.wire_costs import connections
from chip.layout.wirelength_shares import wirelength_shares
from chip.network import Network
from chip.testing import random_network

INPUTS, NEURONS = 20, 120
Placed = tuple[Network, Nets, Fabric, Placement]


@pytest.fixture(scope="module")
def placed(senna: ArchSpec) -> Placed:
    drawn = random_network(load_arch("senna"), seed=3, inputs=INPUTS, neurons=NEURONS, outputs=6, fan_in=8)
    # Without outputs, whose pads would have shares too, those of neurons add up to the boxes.
    network = connections(INPUTS, NEURONS, drawn.source, drawn.target)
    nets = Nets.of(network, np.random.default_rng(5).lognormal(size=INPUTS + NEURONS))
    fabric = Fabric.of(senna)
    return network, nets, fabric, place(nets, fabric, sweeps=20)


def table(placed: Placed) -> NDArray[np.float64]:
    _, nets, fabric, placement = placed
    return wirelength_shares(nets, fabric, placement, np.arange(INPUTS + NEURONS), np.arange(NEURONS))


def is_sink(network: Network) -> NDArray[np.bool_]:
    there = np.zeros((INPUTS + NEURONS, NEURONS), np.bool_)
    there[network.source, network.target] = True
    return there


def test_shares_of_sinks_add_up_to_the_box(placed: Placed) -> None:
    network, nets, fabric, placement = placed
    shares = np.where(is_sink(network), table(placed), 0.0).sum(axis=1)
    boxes = np.zeros(INPUTS + NEURONS)
    boxes[nets.source] = half_perimeters(nets, fabric, placement) * nets.rate
    assert shares == pytest.approx(boxes)


def test_share_of_a_new_sink_is_bounded(placed: Placed) -> None:
    network, nets, fabric, placement = placed
    at = fabric.position[placement.sites(fabric)]
    source = INPUTS + 4
    distance = np.abs(at[:NEURONS] - at[4]).sum(axis=1) * nets.rate[np.searchsorted(nets.source, source)]
    shares = wirelength_shares(nets, fabric, placement, source, np.arange(NEURONS))[0]
    n_sinks = int(is_sink(network)[source].sum())
    assert n_sinks > 1
    assert (shares <= distance + 1e-9).all()
    assert (shares >= distance / (n_sinks + 1) - 1e-9).all()
    # A sink farther than all others in some direction bears the last cells alone.
    sinks = is_sink(network)[source]
    offsets = (at[:NEURONS] - at[4]) * nets.rate[np.searchsorted(nets.source, source)]
    ways = np.concatenate([np.maximum(0, offsets), np.maximum(0, -offsets)], axis=1)
    beyond = np.maximum(0, ways - ways[sinks].max(axis=0)).sum(axis=1)
    assert (beyond[~sinks] > 0).any()
    assert (shares[~sinks] >= beyond[~sinks] - 1e-9).all()


def test_source_without_a_net_is_not_shared(senna: ArchSpec) -> None:
    network = connections(2, 3, source=[0, 2], target=[0, 1])
    nets, fabric = Nets.of(network, np.array([2.0, 9.0, 4.0, 9.0, 9.0])), Fabric.of(senna)
    placement = place(nets, fabric, sweeps=5)
    at = fabric.position[placement.sites(fabric)]
    # The second input is block 4, after three neurons and the first input; the mean rate of the nets is 3.
    alone = 3.0 * np.abs(at[:3] - at[4]).sum(axis=1)
    assert wirelength_shares(nets, fabric, placement, [1], [0, 1, 2])[0] == pytest.approx(alone)


@pytest.mark.parametrize(
    ("source", "target", "where"),
    [(INPUTS + NEURONS, 0, "source"), (-1, 0, "source"), (0, NEURONS, "target"), (0.5, 0, "source")],
)
def test_unknown_sources_and_targets_are_refused(
    placed: Placed, source: float, target: float, where: str
) -> None:
    _, nets, fabric, placement = placed
    with pytest.raises(NetworkError) as raised:
        wirelength_shares(nets, fabric, placement, source, target)
    assert raised.value.where == where
