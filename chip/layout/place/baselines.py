"""Baseline placements for comparison: random, and greedy to the nearest free cell."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from chip.layout.fabric import Fabric
from chip.layout.place.nets import Nets
from chip.layout.place.placement import Placement

__all__ = ["greedy_placement", "random_placement"]

Ints = NDArray[np.int64]


def random_placement(nets: Nets, fabric: Fabric, *, seed: int) -> Placement:
    """Place every block on a random site of its kind."""
    random = np.random.default_rng(seed)
    return Placement(
        cell=random.permutation(fabric.n_cells)[: nets.n_neurons],
        input_pad=random.permutation(fabric.n_inputs)[: nets.n_inputs],
        output_pad=random.permutation(fabric.n_outputs)[: nets.n_outputs],
    )


def greedy_placement(nets: Nets, fabric: Fabric, *, seed: int) -> Placement:
    """Place the block with most nets to placed ones next, on the free site nearest to their centre.

    It starts with one random neuron in the middle of the array; ties are broken at random.
    """
    random = np.random.default_rng(seed)
    links = _links(nets)
    tie_break = random.random(nets.n_blocks)
    site = np.full(nets.n_blocks, -1)
    free = np.ones(fabric.n_sites, np.bool_)
    kind_ends = np.cumsum([nets.n_neurons, nets.n_inputs, nets.n_outputs])
    site_ends = np.array([0, fabric.n_cells, fabric.first_output, fabric.n_sites])
    pull = np.where(np.arange(nets.n_blocks) < nets.n_neurons, tie_break, 0.0)
    middle = np.array([fabric.columns - 1, fabric.rows - 1]) / 2
    for _ in range(nets.n_blocks):
        block = int(np.argmax(np.where(site < 0, pull + tie_break * 1e-3, -1.0)))
        placed = np.flatnonzero((site >= 0) & (links[block] > 0))
        share = links[block, placed, None]
        goal = (fabric.position[site[placed]] * share).sum(axis=0) / share.sum() if placed.size else middle
        kind = int(np.searchsorted(kind_ends, block, side="right"))
        low, high = site_ends[kind], site_ends[kind + 1]
        far = np.abs(fabric.position[low:high] - goal).sum(axis=1)
        site[block] = low + int(np.argmin(np.where(free[low:high], far, np.inf)))
        free[site[block]] = False
        pull = pull + links[block]
    return Placement.from_sites(site, nets, fabric)


def _links(nets: Nets) -> NDArray[np.float64]:
    """Count the connections between each two blocks: the driver of a net with every sink, both ways."""
    driver = np.repeat(nets.block[nets.start[:-1]], np.diff(nets.start))
    links = np.zeros((nets.n_blocks, nets.n_blocks))
    np.add.at(links, (driver, nets.block), 1.0)
    np.fill_diagonal(links, 0.0)
    both: NDArray[np.float64] = links + links.T
    return both
