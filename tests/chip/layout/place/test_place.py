"""Placement: legal, repeatable, and shorter than random and greedy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chip.arch import ArchSpec, load_arch
from chip.builder import NetworkBuilder
from chip.errors import FitError, NetworkError
from chip.layout.fabric import Fabric
from chip.layout.place import (
    Nets,
    Placement,
    default_sweeps,
    greedy_placement,
    half_perimeters,
    net_weights,
    place,
    random_placement,
)
from chip.layout.place.spectral_start import spectral_starts
from chip.testing import layered_network, random_network

SENNA = load_arch("senna")
FABRIC = Fabric.of(SENNA)


def legal(placement: Placement, nets: Nets) -> bool:
    Placement.from_sites(placement.sites(FABRIC), nets, FABRIC)
    return [part.size for part in (placement.cell, placement.input_pad, placement.output_pad)] == [
        nets.n_neurons,
        nets.n_inputs,
        nets.n_outputs,
    ]


def test_nets_hold_driver_and_sinks_once() -> None:
    builder = NetworkBuilder(n_inputs=2)
    one, two = builder.add_neuron(theta_p=1), builder.add_neuron(theta_p=1)
    for source, target in ((0, one), (builder.source_of(one), two), (builder.source_of(two), two)):
        builder.connect(source, target, 1)
    builder.output(two)
    nets = Nets.of(builder.build(), np.array([0.5, 9.0, 0.25, 0.125]))
    pins = np.split(nets.block, nets.start[1:-1])
    # Blocks: neurons 0 and 1, inputs 2 and 3, output 4. Input 1 has no synapse.
    assert [net.tolist() for net in pins] == [[2, 0], [0, 1], [1, 4]]
    assert nets.rate.tolist() == [0.5, 0.25, 0.125]


@pytest.mark.parametrize("rates", [[1.0], [1.0, -1.0, 0.0], [1.0, np.nan, 0.0]])
def test_rates_must_be_one_for_each_source(rates: list[float]) -> None:
    builder = NetworkBuilder(n_inputs=2)
    builder.add_neuron(theta_p=1)
    with pytest.raises(NetworkError, match="rates"):
        Nets.of(builder.build(), np.array(rates))


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    inputs=st.integers(0, 128),
    neurons=st.integers(0, 60),
    fan_in=st.integers(0, 25),
)
def test_every_placement_is_legal(seed: int, inputs: int, neurons: int, fan_in: int) -> None:
    network = random_network(
        SENNA, seed=seed, inputs=inputs, neurons=neurons, outputs=min(3, neurons), fan_in=fan_in
    )
    nets = Nets.of(network)
    assert legal(place(nets, FABRIC, sweeps=20), nets)
    assert legal(random_placement(nets, FABRIC, seed=seed), nets)
    assert legal(greedy_placement(nets, FABRIC, seed=seed), nets)


def test_two_blocks_on_one_site_are_refused() -> None:
    nets = Nets.of(random_network(SENNA, seed=1, neurons=2, inputs=0, outputs=0))
    for sites in ([3, 3], [3, FABRIC.n_cells], [-1, 0]):
        with pytest.raises(FitError):
            Placement.from_sites(np.array(sites), nets, FABRIC)


def test_annealing_beats_random_and_greedy_and_repeats(senna: ArchSpec) -> None:
    network = layered_network(senna, seed=3)
    rates = np.random.default_rng(3).lognormal(size=128 + 1024)
    nets = Nets.of(network, rates)

    def length(placement: Placement) -> float:
        return float(half_perimeters(nets, FABRIC, placement) @ nets.rate)

    placed = place(nets, FABRIC, sweeps=150)
    assert length(placed) < 0.35 * length(random_placement(nets, FABRIC, seed=1))
    assert length(placed) < 0.8 * length(greedy_placement(nets, FABRIC, seed=1))
    again = place(nets, FABRIC, sweeps=150)
    assert np.array_equal(placed.sites(FABRIC), again.sites(FABRIC))


def test_silent_networks_are_placed_by_wirelength_alone() -> None:
    nets = Nets.of(random_network(SENNA, seed=1), np.zeros(32))
    assert net_weights(nets).tolist() == [1.0] * len(nets)


def test_half_perimeters() -> None:
    nets = Nets.of(random_network(SENNA, seed=5))
    placement = random_placement(nets, FABRIC, seed=5)
    at = FABRIC.position[placement.sites(FABRIC)]
    boxes = [at[pins] for pins in np.split(nets.block, nets.start[1:-1])]
    expected = [int(np.ptp(box, axis=0).sum()) for box in boxes]
    assert half_perimeters(nets, FABRIC, placement).tolist() == expected


def test_spectral_start_of_a_full_large_array_is_near_the_optimum() -> None:
    large = load_arch("senna-4096")
    fabric = Fabric.of(large)
    nets = Nets.of(layered_network(large, seed=1, layers=8, inputs=256, outputs=128))
    starts = spectral_starts(nets, fabric, net_weights(nets))
    lengths = [
        int(half_perimeters(nets, fabric, Placement.from_sites(site, nets, fabric)).sum()) for site in starts
    ]
    assert lengths == sorted(lengths)
    by_chance = int(half_perimeters(nets, fabric, random_placement(nets, fabric, seed=1)).sum())
    assert lengths[0] < 0.25 * by_chance


def test_sweeps_grow_more_slowly_than_the_array() -> None:
    assert [default_sweeps(blocks) for blocks in (3, 1000, 1200)] == [50, 1000, 1200]
    assert 1200 < default_sweeps(2400) < 2400
