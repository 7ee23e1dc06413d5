"""Placement: the site of each neuron, input and output, chosen so that nets that spike often are short."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from chip.layout.fabric import Fabric
from chip.layout.place.annealing import anneal
from chip.layout.place.baselines import greedy_placement, random_placement
from chip.layout.place.nets import Nets
from chip.layout.place.placement import Placement, box_lengths, half_perimeters
from chip.layout.place.spectral_start import spectral_starts

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

# Annealing sweeps: one for each block up to 1200 blocks, then growing with the root of their number.
_LINEAR_SWEEPS, _MIN_SWEEPS = 1200, 50
# Starts that are annealed on trial, and sweeps of a trial: the shortest start is not always the best one.
_MAX_TRIALS, _TRIAL_SWEEPS = 3, 60
# A given placement is annealed with an eighth of the sweeps, beginning at 60 % of the cooling schedule.
_WARM_SHARE, _WARM_BEGIN = 8, 0.6
# Share of a net's weight that does not depend on its spikes: silent nets need wires too.
_CONSTANT_WEIGHT = 0.3


def place(
    nets: Nets, fabric: Fabric, *, seed: int = 0, sweeps: int | None = None, before: Placement | None = None
) -> Placement:
    """Place a network that fits: a spectral start, then annealing on activity-weighted wirelength.

    Args:
        nets: nets to place, with their spike rates.
        fabric: fabric of the chip.
        seed: random seed; the same seed gives the same placement.
        sweeps: sweeps of the annealing; more give shorter wires; by default ``default_sweeps``.
        before: placement of the same blocks to continue from, for nets that have changed a little.
    """
    if sweeps is None:
        sweeps = default_sweeps(nets.n_blocks) // (1 if before is None else _WARM_SHARE)
    weight = net_weights(nets)
    if before is not None:
        site, begin = before.sites(fabric), _WARM_BEGIN
    else:
        site, begin = _best_start(nets, fabric, weight, sweeps, seed), 0.0
    return Placement.from_sites(
        anneal(site, nets, fabric, weight, sweeps=sweeps, seed=seed, begin=begin), nets, fabric
    )


def _best_start(
    nets: Nets, fabric: Fabric, weight: NDArray[np.float64], sweeps: int, seed: int
) -> NDArray[np.int64]:
    starts = spectral_starts(nets, fabric, weight)[:_MAX_TRIALS]
    if len(starts) == 1 or sweeps <= _TRIAL_SWEEPS:
        return starts[0]
    trials = [anneal(start.copy(), nets, fabric, weight, sweeps=_TRIAL_SWEEPS, seed=seed) for start in starts]
    return starts[int(np.argmin([box_lengths(nets, fabric, trial) @ weight for trial in trials]))]


def default_sweeps(n_blocks: int) -> int:
    """Return the default number of annealing sweeps for a number of blocks."""
    return max(
        _MIN_SWEEPS, n_blocks if n_blocks <= _LINEAR_SWEEPS else int((_LINEAR_SWEEPS * n_blocks) ** 0.5)
    )


def net_weights(nets: Nets) -> NDArray[np.float64]:
    """Compute the weight of each net's length in placement; 1 on average."""
    mean = float(nets.rate.mean()) if len(nets) else 0.0
    activity = nets.rate / mean if mean > 0 else np.ones(len(nets))
    weights: NDArray[np.float64] = _CONSTANT_WEIGHT + (1 - _CONSTANT_WEIGHT) * activity
    return weights
