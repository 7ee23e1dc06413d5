"""How many tracks a network will need, before anything is placed or routed in earnest."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from chip.layout.fabric import Fabric
from chip.layout.place.nets import Nets
from chip.layout.place.spectral_start import spectral_starts

__all__ = ["tracks_needed"]

# Share of a channel that wires may fill by chance alone before a placement is worth estimating.
_AMPLE = 0.5
# Length of a rectilinear Steiner tree of n random points in an area A, in units of sqrt(n A).
_STEINER = 0.76


def tracks_needed(nets: Nets, fabric: Fabric) -> float:
    """Nets in a segment of the channels among the neurons, on average, before anything is placed in earnest.

    The boxes of nets in a first placement are added up. A tree counts half the perimeter of its box, or 0.76
    sqrt(pins x area) where that is more: about the length of a rectilinear Steiner tree of that many random
    points. Sparse networks are not placed: if blocks at random on the smallest square that holds them leave half
    of the tracks free, the length expected there counts; of p points at random on a side of 1, the box has sides
    of (p - 1) / (p + 1).
    """
    if not len(nets) or not nets.n_neurons:
        return 0.0
    pins = np.diff(nets.start)
    side = np.ceil(np.sqrt(nets.n_neurons))
    expected = side * (pins - 1) / (pins + 1)
    # Around as many cells as there are neurons: the wires do not spread over an array that is half empty.
    segments = 2 * side * (side + 1)
    by_chance = _lengths(pins, expected, expected) / float(segments)
    if by_chance <= _AMPLE * fabric.width:
        return by_chance
    at = fabric.position[spectral_starts(nets, fabric, np.ones(len(nets)))[0]][nets.block]
    first = nets.start[:-1]
    wide, high = (np.maximum.reduceat(at, first, axis=0) - np.minimum.reduceat(at, first, axis=0)).T
    return _lengths(pins, wide, high) / float(segments)


def _lengths(pins: NDArray[np.int64], wide: NDArray[Any], high: NDArray[Any]) -> float:
    """Segments that trees with so many pins in boxes of such sides take, all together."""
    tree = np.maximum(wide + high + 1, _STEINER * np.sqrt(pins * (wide + 1) * (high + 1)))
    return float(tree.sum())
