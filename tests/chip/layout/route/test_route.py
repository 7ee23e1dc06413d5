"""Routing: legal, the same with and without Numba, and overflow is named."""

from __future__ import annotations

import importlib.util
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chip.arch import ArchSpec, load_arch
from chip.builder import NetworkBuilder
from chip.errors import FitError
from chip.layout.fabric import Fabric
from chip.layout.place import Nets, Placement, place, random_placement
from chip.layout.route import Routing, min_channel_width, route
from chip.network import Network
from chip.testing import full_random_network, layered_network, random_network

SENNA = load_arch("senna")
FABRIC = Fabric.of(SENNA)


def narrow(tracks: int) -> Fabric:
    width = SENNA.routing.nets_per_channel.model_copy(update={"value": tracks})
    return Fabric.of(
        SENNA.model_copy(update={"routing": SENNA.routing.model_copy(update={"nets_per_channel": width})})
    )


def check_routing(routing: Routing, nets: Nets, fabric: Fabric, placement: Placement) -> None:
    site = placement.sites(fabric)
    usage = np.zeros(fabric.n_segments, np.int64)
    for tree, pins in zip(routing.trees, np.split(nets.block, nets.start[1:-1]), strict=True):
        usage[tree.segments] += 1
        assert np.unique(tree.segments).size == tree.segments.size
        seen: set[int] = set()
        for segment, parent in zip(tree.segments.tolist(), tree.parents.tolist(), strict=True):
            reached = fabric.neighbours[segment] if parent >= 0 else fabric.around[site[pins[0]]]
            assert (parent in reached and parent in seen) if parent >= 0 else segment in reached
            seen.add(segment)
        sinks = pins[1:] if pins.size > 1 else pins
        assert all(tap in fabric.around[site[pin]] for tap, pin in zip(tree.taps, sinks, strict=True))
        leaves = seen - set(tree.parents.tolist())
        assert leaves <= set(tree.taps.tolist()) <= seen
    assert np.array_equal(usage, routing.usage)
    assert usage.max(initial=0) <= fabric.width


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), neurons=st.integers(1, 40), fan_in=st.integers(0, 25))
def test_every_routing_is_legal(seed: int, neurons: int, fan_in: int) -> None:
    network = random_network(SENNA, seed=seed, neurons=neurons, outputs=min(4, neurons), fan_in=fan_in)
    nets = Nets.of(network)
    for placement in (place(nets, FABRIC, sweeps=5), random_placement(nets, FABRIC, seed=seed)):
        check_routing(route(nets, FABRIC, placement), nets, FABRIC, placement)


@pytest.mark.skipif(importlib.util.find_spec("numba") is None, reason="Numba is not installed")
def test_compiled_and_plain_routes_are_equal() -> None:
    nets = Nets.of(random_network(SENNA, seed=3, neurons=120, fan_in=20))
    fabric, placement = narrow(14), random_placement(nets, narrow(14), seed=1)
    ways = [route(nets, fabric, placement, compiled=compiled) for compiled in (True, False)]
    for one, other in zip(ways[0].trees, ways[1].trees, strict=True):
        for name in ("segments", "parents", "taps"):
            assert np.array_equal(getattr(one, name), getattr(other, name))


def test_neuron_connected_only_to_itself_gets_a_wire() -> None:
    builder = NetworkBuilder(n_inputs=0)
    neuron = builder.add_neuron(theta_p=1)
    builder.connect(neuron, neuron, 1)
    nets = Nets.of(builder.build())
    placement = place(nets, FABRIC)
    routing = route(nets, FABRIC, placement)
    check_routing(routing, nets, FABRIC, placement)
    assert routing.usage.sum() == 1


def test_smallest_width_is_found_and_kept() -> None:
    network = random_network(SENNA, seed=3, neurons=60, fan_in=20)
    nets = Nets.of(network)
    placement = place(nets, FABRIC)
    routing = route(nets, FABRIC, placement, search=True)
    check_routing(routing, nets, FABRIC, placement)
    assert routing.min_width == routing.usage.max()
    assert routing.min_width < route(nets, FABRIC, placement).usage.max()
    assert min_channel_width(nets, FABRIC, placement) <= routing.min_width + 1
    route(nets, narrow(routing.min_width + 1), placement)


def test_full_layered_chip_routes_and_a_random_one_does_not(senna: ArchSpec) -> None:
    def routed(network: Network, **options: Any) -> Routing:
        nets = Nets.of(network)
        placement = place(nets, FABRIC, sweeps=100)
        routing = route(nets, FABRIC, placement, **options)
        check_routing(routing, nets, FABRIC, placement)
        return routing

    assert routed(layered_network(senna, seed=1)).usage.mean() < 20
    with pytest.raises(FitError) as caught:
        routed(full_random_network(senna, seed=1))
    message = f"{caught.value} {caught.value.hint}"
    for words in ("channel ", "overflow their 32 tracks", "holds", "nets_per_channel", "fewer synapses"):
        assert words in message
