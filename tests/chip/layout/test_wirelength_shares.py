"""Tolls of a net's hearers add up to the box around it, and those who join pay for what they add."""

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
    # Pads of outputs bear their part too; without them neurons bear everything.
    network = connections(INPUTS, NEURONS, drawn.source, drawn.target)
    nets = Nets.of(network, np.random.default_rng(5).lognormal(size=INPUTS + NEURONS))
    fabric = Fabric.of(senna)
    return network, nets, fabric, place(nets, fabric, sweeps=20)


def table(placed: Placed) -> NDArray[np.float64]:
    _, nets, fabric, placement = placed
    return wirelength_shares(nets, fabric, placement, np.arange(INPUTS + NEURONS), np.arange(NEURONS))


def heard(network: Network) -> NDArray[np.bool_]:
    there = np.zeros((INPUTS + NEURONS, NEURONS), np.bool_)
    there[network.source, network.target] = True
    return there


def test_those_who_listen_bear_the_box_together(placed: Placed) -> None:
    network, nets, fabric, placement = placed
    borne = np.where(heard(network), table(placed), 0.0).sum(axis=1)
    boxes = np.zeros(INPUTS + NEURONS)
    boxes[nets.source] = half_perimeters(nets, fabric, placement) * nets.rate
    assert borne == pytest.approx(boxes)


def test_who_joins_pays_less_than_alone_and_more_than_what_it_adds_shared_by_all(placed: Placed) -> None:
    network, nets, fabric, placement = placed
    at = fabric.position[placement.sites(fabric)]
    source = INPUTS + 4
    away = np.abs(at[:NEURONS] - at[4]).sum(axis=1) * nets.rate[np.searchsorted(nets.source, source)]
    paid = wirelength_shares(nets, fabric, placement, source, np.arange(NEURONS))[0]
    hearers = int(heard(network)[source].sum())
    assert hearers > 1
    assert (paid <= away + 1e-9).all()
    assert (paid >= away / (hearers + 1) - 1e-9).all()
    # Who would lie farther than all that hear, in some direction, pays those last cells alone.
    hearing = heard(network)[source]
    offsets = (at[:NEURONS] - at[4]) * nets.rate[np.searchsorted(nets.source, source)]
    ways = np.concatenate([np.maximum(0, offsets), np.maximum(0, -offsets)], axis=1)
    beyond = np.maximum(0, ways - ways[hearing].max(axis=0)).sum(axis=1)
    assert (beyond[~hearing] > 0).any()
    assert (paid[~hearing] >= beyond[~hearing] - 1e-9).all()


def test_a_source_that_nobody_hears_is_paid_for_alone(senna: ArchSpec) -> None:
    network = connections(2, 3, source=[0, 2], target=[0, 1])
    nets, fabric = Nets.of(network, np.array([2.0, 9.0, 4.0, 9.0, 9.0])), Fabric.of(senna)
    placement = place(nets, fabric, sweeps=5)
    at = fabric.position[placement.sites(fabric)]
    # The second input is block 4, after three neurons and the first input; the heard ones spike three times a step.
    alone = 3.0 * np.abs(at[:3] - at[4]).sum(axis=1)
    assert wirelength_shares(nets, fabric, placement, [1], [0, 1, 2])[0] == pytest.approx(alone)


@pytest.mark.parametrize(
    ("source", "target", "where"),
    [(INPUTS + NEURONS, 0, "source"), (-1, 0, "source"), (0, NEURONS, "target"), (0.5, 0, "source")],
)
def test_who_is_not_there_has_no_toll(placed: Placed, source: float, target: float, where: str) -> None:
    _, nets, fabric, placement = placed
    with pytest.raises(NetworkError) as raised:
        wirelength_shares(nets, fabric, placement, source, target)
    assert raised.value.where == where
