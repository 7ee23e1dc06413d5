"""Simulated annealing with many swaps at once: every sweep pairs half of all sites with the other half.

Pairs share no site, so the change of each swap follows from the boxes at the start of the sweep: a net's
box without one of its pins needs only the two lowest and two highest coordinates of the net. Swaps of one
sweep that touch the same net ignore each other; few are accepted in one sweep, and the next one starts
from exact boxes again.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from chip.layout.fabric import Fabric
from chip.layout.place.nets import Nets

__all__ = ["anneal"]

Ints = NDArray[np.int64]
# Coordinates, kept narrow: half of the time goes into moving them through the cache.
Places = NDArray[np.int16]
Floats = NDArray[np.float64]
# Largest share of all swaps that a sweep accepts; of more, a random choice is taken.
_MAX_ACCEPTED = 0.1
# Larger than every coordinate.
_BEYOND = np.int16(1 << 14)
# Temperatures at the start and the end, in mean weighted pins of a block.
_HOT, _COLD = 0.2, 0.005


def anneal(
    site: Ints, nets: Nets, fabric: Fabric, weight: Floats, *, sweeps: int, seed: int, begin: float = 0.0
) -> Ints:
    """Lower the weighted half-perimeter wirelength of a placement by simulated annealing.

    Args:
        site: site of each block to start from.
        nets: nets of the network.
        fabric: fabric of the chip.
        weight: weight of each net.
        sweeps: number of sweeps, each of which proposes a swap for every site.
        seed: random seed; the same seed gives the same placement.
        begin: position in the cooling schedule at the first sweep, below 1; near 1 keeps a good placement.

    Returns:
        The sites of the best placement found.
    """
    if not len(nets) or not nets.n_neurons:
        return site
    random = np.random.default_rng(seed)
    board = _Board.of(nets, fabric, weight)
    scale = float(weight @ np.diff(nets.start)) / nets.n_blocks
    best, least = site.copy(), np.inf
    occupant = np.full(fabric.n_sites, -1)
    occupant[site] = np.arange(nets.n_blocks)
    reach = max(fabric.columns, fabric.rows) / 2
    for sweep in range(sweeps):
        progress = begin + (1 - begin) * sweep / sweeps
        temperature = scale * _HOT * (_COLD / _HOT) ** progress
        boxes = _Boxes.of(board, site)
        if boxes.length < least:
            best, least = site.copy(), boxes.length
        first, second = _pairs(fabric, max(1.0, reach * (1 - progress) ** 2), random)
        a, b = occupant[first], occupant[second]
        used = (a >= 0) | (b >= 0)
        first, second, a, b = first[used], second[used], a[used], b[used]
        change = boxes.changes(board, site, a, b, first, second)
        accepted = np.flatnonzero(change <= temperature * random.standard_exponential(change.size) - 1e-9)
        max_accepted = max(1, int(_MAX_ACCEPTED * first.size))
        if accepted.size > max_accepted:
            accepted = random.permutation(accepted)[:max_accepted]
        _swap(site, occupant, first[accepted], second[accepted])
    return best if least < _Boxes.of(board, site).length else site


@dataclass(frozen=True, eq=False)
class _Board:
    """Constants of the annealing: pins, their weights, and the blocks of each net."""

    nets: Nets
    size: Ints
    weight: Floats
    pin_weight: Floats
    position: Places
    holds: NDArray[np.bool_]
    row: Ints

    @classmethod
    def of(cls, nets: Nets, fabric: Fabric, weight: Floats) -> _Board:
        net_of_pin, size = nets.net_of_pin(), np.diff(nets.start)
        # The last column stands for the absent occupant of an empty site.
        holds = np.zeros((len(nets), nets.n_blocks + 1), np.bool_)
        holds[net_of_pin, nets.block] = True
        position = np.ascontiguousarray(fabric.position.T, dtype=np.int16)
        row = net_of_pin * (nets.n_blocks + 1)
        return cls(nets, size, weight, np.repeat(weight, size), position, holds.ravel(), row)

    def without_pin(self, at: Places) -> tuple[Places, Places]:
        """Return the lowest coordinate of each pin's net without this pin, [axis, pin], and with all, [axis, net]."""
        first = self.nets.start[:-1]
        lowest = np.minimum.reduceat(at, first, axis=1)
        is_lowest = at == np.repeat(lowest, self.size, axis=1)
        alone = np.add.reduceat(is_lowest, first, axis=1, dtype=np.int16) == 1
        second = np.minimum.reduceat(np.where(is_lowest, _BEYOND, at), first, axis=1)
        # A net with one pin has no other pins; its box stays.
        second = np.where(alone & (self.size > 1), second, lowest)
        rest = np.where(is_lowest, np.repeat(second, self.size, axis=1), np.repeat(lowest, self.size, axis=1))
        return rest, lowest


@dataclass(frozen=True, eq=False)
class _Boxes:
    """Bounds of each pin's net without the pin, per axis, and the length of all boxes."""

    low: Places
    high: Places
    extent: Places
    length: float

    @classmethod
    def of(cls, board: _Board, site: Ints) -> _Boxes:
        # `take` along an axis is several times faster than an index.
        at = board.position.take(site.take(board.nets.block), axis=1)
        low, lowest = board.without_pin(at)
        high, highest = board.without_pin(-at)
        extent = (-highest - lowest).sum(axis=0, dtype=np.int16)
        length = float(extent.astype(np.int64) @ board.weight)
        return cls(low, -high, np.repeat(extent, board.size), length)

    def changes(self, board: _Board, site: Ints, a: Ints, b: Ints, first: Ints, second: Ints) -> Floats:
        """Compute the change of the weighted length by each swap of a at ``first`` and b at ``second``."""
        n = board.nets.n_blocks
        goal, partner = np.append(site, -1), np.full(n + 1, n)
        for block, other, there in ((a, b, second), (b, a, first)):
            goal[block] = there
            partner[block] = other
        block = board.nets.block
        to = board.position.take(goal[:-1].take(block), axis=1)
        extent = (np.maximum(self.high, to) - np.minimum(self.low, to)).sum(axis=0, dtype=np.int16)
        # A net that holds both of a pair keeps its box.
        changes_box = ~board.holds.take(board.row + partner.take(block))
        longer = (extent - self.extent) * changes_box * board.pin_weight
        change = np.append(np.bincount(block, weights=longer, minlength=n), 0.0)
        total: Floats = change[a] + change[b]
        return total


def _pairs(fabric: Fabric, reach: float, random: np.random.Generator) -> tuple[Ints, Ints]:
    """Draw pairs of sites to swap, each site at most once: cells one random offset apart, and pads alike."""
    limit = int(reach)
    dx, dy = 0, 0
    while dx == 0 and dy == 0:
        dx, dy = (int(step) for step in random.integers(-limit, limit + 1, 2))
    y, x = np.divmod(np.arange(fabric.n_cells), fabric.columns)
    # Cut along one axis into stripes as wide as the offset: even ones swap with odd ones.
    stripe = (x + random.integers(64)) // abs(dx) if dx else (y + random.integers(64)) // abs(dy)
    inside = (x + dx >= 0) & (x + dx < fabric.columns) & (y + dy >= 0) & (y + dy < fabric.rows)
    cells = np.flatnonzero((stripe % 2 == 0) & inside)
    first, second = [cells], [cells + dy * fabric.columns + dx]
    for start, count in ((fabric.n_cells, fabric.n_inputs), (fabric.first_output, fabric.n_outputs)):
        order = random.permutation(count) + start
        half = count // 2
        first.append(order[:half])
        second.append(order[half : 2 * half])
    return np.concatenate(first), np.concatenate(second)


def _swap(site: Ints, occupant: Ints, first: Ints, second: Ints) -> None:
    """Exchange the blocks of two rows of sites."""
    a, b = occupant[first], occupant[second]
    occupant[first], occupant[second] = b, a
    site[a[a >= 0]] = second[a >= 0]
    site[b[b >= 0]] = first[b >= 0]
