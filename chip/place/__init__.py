"""Placement: which neuron sits in which cell, so that wires that spike often are short."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from chip.fabric import Fabric
from chip.place.annealing import anneal
from chip.place.baselines import greedy_placement, random_placement
from chip.place.nets import Nets
from chip.place.placement import Placement, box_lengths, half_perimeters
from chip.place.start import spectral_starts

__all__ = [
    "Nets",
    "Placement",
    "default_sweeps",
    "greedy_placement",
    "half_perimeters",
    "net_weights",
    "place",
    "random_placement",
]

# Sweeps of the annealing: one for each block up to so many blocks, then as the root of their number.
_SWEEPS, _LEAST_SWEEPS = 1200, 50
# How many starts are tried, and for how many sweeps: the shortest start is not always the best one.
_TRIED, _TRIAL_SWEEPS = 3, 60
# Share of a net's weight that does not depend on its spikes: silent nets need wires too.
_EVEN = 0.3


def place(nets: Nets, fabric: Fabric, *, seed: int = 0, sweeps: int | None = None) -> Placement:
    """Place a network that fits: a spectral start, then annealing on activity-weighted wirelength.

    Args:
        nets: what is to be placed, with its spike rates.
        fabric: where.
        seed: the same seed gives the same placement.
        sweeps: of the annealing; more give shorter wires; by default as many as the size needs.
    """
    if sweeps is None:
        sweeps = default_sweeps(nets.n_blocks)
    weight = net_weights(nets)
    starts = spectral_starts(nets, fabric, weight)[:_TRIED]
    site = starts[0]
    if len(starts) > 1 and sweeps > _TRIAL_SWEEPS:
        trials = [
            anneal(start.copy(), nets, fabric, weight, sweeps=_TRIAL_SWEEPS, seed=seed) for start in starts
        ]
        lengths = [float(box_lengths(nets, fabric, trial) @ weight) for trial in trials]
        site = starts[int(np.argmin(lengths))]
    return Placement.from_sites(anneal(site, nets, fabric, weight, sweeps=sweeps, seed=seed), nets, fabric)


def default_sweeps(n_blocks: int) -> int:
    """Sweeps of the annealing that so many blocks need."""
    return max(_LEAST_SWEEPS, n_blocks if n_blocks <= _SWEEPS else int((_SWEEPS * n_blocks) ** 0.5))


def net_weights(nets: Nets) -> NDArray[np.float64]:
    """What a unit of length of each net counts in placement; 1 on average."""
    mean = float(nets.rate.mean()) if len(nets) else 0.0
    activity = nets.rate / mean if mean > 0 else np.ones(len(nets))
    weights: NDArray[np.float64] = _EVEN + (1 - _EVEN) * activity
    return weights
