"""First placements from the smoothest vibrations of the network's graph, made legal."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from chip.layout.fabric import Fabric
from chip.layout.place.graph_spectrum import vibrations
from chip.layout.place.nets import Nets
from chip.layout.place.placement import box_lengths

__all__ = ["spectral_starts"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
# Neurons that a network must have before eigenvectors say more than its order does.
_FEW = 16
# Which two of the smoothest vibrations are tried as columns and rows. The two smoothest bend a long network
# into a horseshoe; a later one may run across it.
_PAIRS = ((0, 1), (0, 2), (0, 3), (0, 4), (1, 2), (1, 3))
_VIBRATIONS = 1 + max(max(pair) for pair in _PAIRS)
# Neurons are assigned to cells in groups: of one up to so many neurons, of four at most up to sixteen times
# as many, and never in more groups than this, because assignment takes time with their third power.
_SINGLE, _GROUP, _GROUPS = 256, 4, 1024


def spectral_starts(nets: Nets, fabric: Fabric, weight: Floats) -> list[Ints]:
    """Sites of each block, tried several ways, the shortest first: neurons by eigenvectors of the net graph.

    Every net counts as a star around its centre; eigenvectors after Hall 1970, "An r-dimensional quadratic
    placement algorithm". Ranks of the coordinates, not the coordinates, are spread over as many cells as
    there are neurons, in the middle of the array; pads are those nearest to their nets. Each pair of
    eigenvectors gives one start, in the order of their weighted half-perimeter wirelength.
    """
    cells = _middle(nets.n_neurons, fabric)
    starts = [_legal(wish, cells, nets, fabric) for wish in _wishes(nets, weight, fabric.position[cells])]
    lengths = [float(box_lengths(nets, fabric, site) @ weight) for site in starts]
    return [starts[at] for at in np.argsort(lengths, kind="stable")]


def _legal(wish: Floats, cells: Ints, nets: Nets, fabric: Fabric) -> Ints:
    """The site of each block if neurons want to be at these places."""
    site = np.full(nets.n_blocks, -1)
    site[: nets.n_neurons] = cells[_spread(wish, fabric.position[cells])]
    centre = _centres(nets, fabric.position[site[: nets.n_neurons]].astype(np.float64))
    begin, first = nets.n_neurons, fabric.n_cells
    for count, pads in ((nets.n_inputs, fabric.n_inputs), (nets.n_outputs, fabric.n_outputs)):
        places = fabric.position[first : first + pads]
        site[begin : begin + count] = first + _assigned(centre[begin : begin + count], places)
        begin, first = begin + count, first + pads
    return site


def _middle(count: int, fabric: Fabric) -> Ints:
    """As many cells, nearest to the middle of the array, ascending."""
    away = np.abs(fabric.position[: fabric.n_cells] - fabric.position[: fabric.n_cells].mean(axis=0))
    order = np.lexsort((away.sum(axis=1), away.max(axis=1)))
    return np.sort(order[:count])


def _wishes(nets: Nets, weight: Floats, cells: Ints) -> list[Floats]:
    """Coordinates that each neuron would like, within the box of the cells, by each pair of vibrations."""
    count = nets.n_neurons
    if count < _FEW:
        return [cells.astype(np.float64)]
    member = _members(nets)
    size = np.maximum(np.asarray(member.sum(axis=1)).ravel(), 1)
    shared = (member.T @ sparse.diags_array(weight / size) @ member).tocsr()
    order = np.argsort(vibrations(shared, _VIBRATIONS), axis=0, kind="stable")
    ranks = np.argsort(order, axis=0)
    low, high = cells.min(axis=0), cells.max(axis=0)
    return [low + (high - low) * ranks[:, pair] / (count - 1) for pair in _PAIRS]


def _members(nets: Nets) -> sparse.csr_array[np.float64, tuple[int, int]]:
    """1 where a net (row) holds a neuron (column)."""
    net = nets.net_of_pin()
    inside = nets.block < nets.n_neurons
    shape = (len(nets), nets.n_neurons)
    return sparse.csr_array((np.ones(int(inside.sum())), (net[inside], nets.block[inside])), shape=shape)


def _centres(nets: Nets, at: Floats) -> Floats:
    """The mean place of the neurons that share a net with each block; the middle of all without any."""
    member = _members(nets)
    size: Floats = np.asarray(member.sum(axis=1)).ravel()
    net_centre = (member @ at) / np.maximum(size, 1)[:, None]
    net, known = nets.net_of_pin(), size[nets.net_of_pin()] > 0
    count = np.bincount(nets.block[known], minlength=nets.n_blocks)
    total = np.stack(
        [np.bincount(nets.block[known], net_centre[net[known], axis], nets.n_blocks) for axis in (0, 1)],
        axis=1,
    )
    middle = at.mean(axis=0) if len(at) else np.zeros(2)
    centres: Floats = np.where(count[:, None] > 0, total / np.maximum(count, 1)[:, None], middle)
    return centres


def _spread(wish: Floats, places: Ints) -> Ints:
    """Which place each wish gets: groups of neighbours to groups of places, then one by one within a group."""
    count = len(wish)
    if not count:
        return np.zeros(0, np.int64)
    size = max(min(_GROUP, -(-count // _SINGLE)), -(-count // _GROUPS))
    wishers, offers = _groups(wish, size), _groups(places.astype(np.float64), size)
    # The last group takes what is left over, here and there.
    whole = len(wishers) - (count % size > 0)
    centres = [
        np.array([at[group].mean(axis=0) for group in groups[:whole]]).reshape(whole, 2)
        for groups, at in ((wishers, wish), (offers, places))
    ]
    taken = [*_assigned(*centres).tolist(), *range(whole, len(wishers))]
    chosen = np.empty(count, np.int64)
    for group, offer in zip(wishers, (offers[at] for at in taken), strict=True):
        chosen[group] = offer[_assigned(wish[group], places[offer])]
    return chosen


def _groups(at: Floats, size: int) -> list[Ints]:
    """Points in groups of ``size`` that lie together, by halving along the longer side; the last has the rest."""
    done, left = [], [np.arange(len(at))]
    while left:
        group = left.pop()
        if len(group) <= size:
            done.append(group)
            continue
        axis = int(np.argmax(np.ptp(at[group], axis=0)))
        group = group[np.lexsort((group, at[group][:, 1 - axis], at[group][:, axis]))]
        half = max(len(group) // size // 2, 1) * size
        left += [group[half:], group[:half]]
    return done


def _assigned(wish: Floats, places: NDArray[Any]) -> Ints:
    """Which place each wish gets, so that the sum of squared distances is least."""
    if not len(wish):
        return np.zeros(0, np.int64)
    from scipy.optimize import linear_sum_assignment

    far = ((wish[:, None] - places[None]) ** 2).sum(axis=2)
    return linear_sum_assignment(far)[1].astype(np.int64)
