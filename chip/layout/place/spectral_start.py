"""Initial placements from the smoothest eigenvectors of the net graph, made legal."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from chip.layout.fabric import Fabric
from chip.layout.place.graph_spectrum import smooth_eigenvectors
from chip.layout.place.nets import Nets
from chip.layout.place.placement import box_lengths

__all__ = ["spectral_starts"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
# Neurons from which eigenvectors are better coordinates than the order of the neurons.
_MIN_NEURONS = 16
# Pairs of the smoothest eigenvectors that are tried as columns and rows. The two smoothest bend a long network
# into a horseshoe; a later one may run across it.
_PAIRS = ((0, 1), (0, 2), (0, 3), (0, 4), (1, 2), (1, 3))
_EIGENVECTORS = 1 + max(max(pair) for pair in _PAIRS)
# Neurons are assigned to cells in groups: of one up to 256 neurons, of up to four for more, and in at most 1024
# groups, because the time of an assignment grows with their third power.
_MAX_SINGLE, _MAX_GROUP, _MAX_GROUPS = 256, 4, 1024


def spectral_starts(nets: Nets, fabric: Fabric, weight: Floats) -> list[Ints]:
    """Compute several initial placements by eigenvectors of the net graph, the shortest first.

    Every net counts as a star around its centre; eigenvectors after Hall 1970, "An r-dimensional quadratic
    placement algorithm". Ranks of the coordinates, not the coordinates, are spread over as many cells as
    there are neurons, in the middle of the array; pads are those nearest to their nets. Each pair of
    eigenvectors gives one start, in the order of their weighted half-perimeter wirelength.
    """
    cells = _middle(nets.n_neurons, fabric)
    starts = [
        _legal(desired, cells, nets, fabric)
        for desired in _desired_positions(nets, weight, fabric.position[cells])
    ]
    lengths = [float(box_lengths(nets, fabric, site) @ weight) for site in starts]
    return [starts[at] for at in np.argsort(lengths, kind="stable")]


def _legal(desired: Floats, cells: Ints, nets: Nets, fabric: Fabric) -> Ints:
    """Assign blocks to sites near the desired positions of the neurons."""
    site = np.full(nets.n_blocks, -1)
    site[: nets.n_neurons] = cells[_spread(desired, fabric.position[cells])]
    centre = _centres(nets, fabric.position[site[: nets.n_neurons]].astype(np.float64))
    begin, first = nets.n_neurons, fabric.n_cells
    for count, pads in ((nets.n_inputs, fabric.n_inputs), (nets.n_outputs, fabric.n_outputs)):
        places = fabric.position[first : first + pads]
        site[begin : begin + count] = first + _assigned(centre[begin : begin + count], places)
        begin, first = begin + count, first + pads
    return site


def _middle(count: int, fabric: Fabric) -> Ints:
    """Return as many cells, nearest to the middle of the array, ascending."""
    distance = np.abs(fabric.position[: fabric.n_cells] - fabric.position[: fabric.n_cells].mean(axis=0))
    order = np.lexsort((distance.sum(axis=1), distance.max(axis=1)))
    return np.sort(order[:count])


def _desired_positions(nets: Nets, weight: Floats, cells: Ints) -> list[Floats]:
    """Compute desired positions of the neurons, within the box of the cells, for each pair of eigenvectors."""
    count = nets.n_neurons
    if count < _MIN_NEURONS:
        return [cells.astype(np.float64)]
    member = _members(nets)
    size = np.maximum(np.asarray(member.sum(axis=1)).ravel(), 1)
    shared = (member.T @ sparse.diags_array(weight / size) @ member).tocsr()
    order = np.argsort(smooth_eigenvectors(shared, _EIGENVECTORS), axis=0, kind="stable")
    ranks = np.argsort(order, axis=0)
    low, high = cells.min(axis=0), cells.max(axis=0)
    return [low + (high - low) * ranks[:, pair] / (count - 1) for pair in _PAIRS]


def _members(nets: Nets) -> sparse.csr_array[np.float64, tuple[int, int]]:
    """Build the incidence matrix: 1 where a net (row) holds a neuron (column)."""
    net = nets.net_of_pin()
    inside = nets.block < nets.n_neurons
    shape = (len(nets), nets.n_neurons)
    return sparse.csr_array((np.ones(int(inside.sum())), (net[inside], nets.block[inside])), shape=shape)


def _centres(nets: Nets, at: Floats) -> Floats:
    """Compute the mean position of the neurons that share a net with each block; the middle of all without any."""
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


def _spread(desired: Floats, places: Ints) -> Ints:
    """Assign positions to places: groups of neighbours to groups of places, then one by one within a group."""
    count = len(desired)
    if not count:
        return np.zeros(0, np.int64)
    size = max(min(_MAX_GROUP, -(-count // _MAX_SINGLE)), -(-count // _MAX_GROUPS))
    members, cells_by_group = _groups(desired, size), _groups(places.astype(np.float64), size)
    # The last group takes what is left over, here and there.
    whole = len(members) - (count % size > 0)
    centres = [
        np.array([at[group].mean(axis=0) for group in groups[:whole]]).reshape(whole, 2)
        for groups, at in ((members, desired), (cells_by_group, places))
    ]
    assignment = [*_assigned(*centres).tolist(), *range(whole, len(members))]
    chosen = np.empty(count, np.int64)
    for group, group_cells in zip(members, (cells_by_group[at] for at in assignment), strict=True):
        chosen[group] = group_cells[_assigned(desired[group], places[group_cells])]
    return chosen


def _groups(at: Floats, size: int) -> list[Ints]:
    """Divide points into compact groups of ``size`` by halving along the longer side; the last has the rest."""
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


def _assigned(desired: Floats, places: NDArray[Any]) -> Ints:
    """Assign each position to a place so that the sum of squared distances is least."""
    if not len(desired):
        return np.zeros(0, np.int64)
    from scipy.optimize import linear_sum_assignment

    distance = ((desired[:, None] - places[None]) ** 2).sum(axis=2)
    return linear_sum_assignment(distance)[1].astype(np.int64)
