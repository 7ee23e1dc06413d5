"""Placement: which neuron sits in which cell, so that wires that spike often are short."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from chip.fabric import Fabric
from chip.place.annealing import anneal
from chip.place.baselines import greedy_placement, random_placement
from chip.place.nets import Nets
from chip.place.placement import Placement, half_perimeters
from chip.place.start import spectral_sites

__all__ = ["Nets", "Placement", "greedy_placement", "half_perimeters", "place", "random_placement"]

# Sweeps of the annealing for a thousand blocks; fewer blocks come to rest sooner.
_SWEEPS_PER_THOUSAND, _LEAST_SWEEPS = 1000, 50
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
        sweeps = max(_LEAST_SWEEPS, nets.n_blocks * _SWEEPS_PER_THOUSAND // 1000)
    weight = net_weights(nets)
    site = spectral_sites(nets, fabric, weight)
    return Placement.from_sites(anneal(site, nets, fabric, weight, sweeps=sweeps, seed=seed), nets, fabric)


def net_weights(nets: Nets) -> NDArray[np.float64]:
    """What a unit of length of each net counts in placement; 1 on average."""
    mean = float(nets.rate.mean()) if len(nets) else 0.0
    activity = nets.rate / mean if mean > 0 else np.ones(len(nets))
    weights: NDArray[np.float64] = _EVEN + (1 - _EVEN) * activity
    return weights
