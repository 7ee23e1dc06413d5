"""Estimate of the tracks that a network needs, without placing or routing it in full."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from chip.layout.fabric import Fabric
from chip.layout.place.nets import Nets
from chip.layout.place.spectral_start import spectral_starts

__all__ = ["tracks_needed"]

# Share of a channel that a random placement may fill before a first placement is computed.
_MAX_RANDOM_SHARE = 0.5
# Length of a rectilinear Steiner tree of n random points in an area A, in units of sqrt(n A).
_STEINER = 0.76


def tracks_needed(nets: Nets, fabric: Fabric) -> float:
    """Estimate the mean number of nets in a channel segment among the neurons.

    The boxes of nets in a spectral placement are added up. A tree counts half the perimeter of its box, or 0.76
    sqrt(pins x area) where that is more: about the length of a rectilinear Steiner tree of that many random
    points. Sparse networks are not placed: if random blocks on the smallest square that holds them leave half of
    the tracks free, the expected length there is the estimate; the box of p random points on a unit square has
    expected sides of (p - 1) / (p + 1).
    """
    if not len(nets) or not nets.n_neurons:
        return 0.0
    pins = np.diff(nets.start)
    side = np.ceil(np.sqrt(nets.n_neurons))
    expected = side * (pins - 1) / (pins + 1)
    # Around as many cells as there are neurons: the wires do not spread over an array that is half empty.
    segments = 2 * side * (side + 1)
    at_random = _lengths(pins, expected, expected) / float(segments)
    if at_random <= _MAX_RANDOM_SHARE * fabric.width:
        return at_random
    at = fabric.position[spectral_starts(nets, fabric, np.ones(len(nets)))[0]][nets.block]
    first = nets.start[:-1]
    wide, high = (np.maximum.reduceat(at, first, axis=0) - np.minimum.reduceat(at, first, axis=0)).T
    return _lengths(pins, wide, high) / float(segments)


def _lengths(pins: NDArray[np.int64], wide: NDArray[Any], high: NDArray[Any]) -> float:
    """Sum the segments that trees with so many pins in boxes of such sides take."""
    tree = np.maximum(wide + high + 1, _STEINER * np.sqrt(pins * (wide + 1) * (high + 1)))
    return float(tree.sum())
