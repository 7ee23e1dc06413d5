"""Annealing with many swaps at once: every sweep pairs half of all sites with the other half.

Pairs share no site, so the change of each swap follows from the boxes at the start of the sweep: a net's
box without one of its pins needs only the two lowest and two highest coordinates of the net. Swaps of one
sweep that touch the same net do not see each other; few are accepted in one sweep, and the next one starts
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
# Largest share of all swaps that a sweep may accept before it starts to take them at random.
_BUSY = 0.1
# Beyond every coordinate.
_FAR = np.int16(1 << 14)
# Temperatures at the start and the end, in mean weighted pins of a block.
_HOT, _COLD = 0.2, 0.005


def anneal(
    site: Ints, nets: Nets, fabric: Fabric, weight: Floats, *, sweeps: int, seed: int, begin: float = 0.0
) -> Ints:
    """Lower the weighted half-perimeter wirelength of a placement by simulated annealing.

    Args:
        site: of each block, to start from.
        nets: what is connected.
        fabric: where.
        weight: of each net.
        sweeps: more give shorter wires; each proposes a swap for every site.
        seed: of the moves; the same seed gives the same placement.
        begin: how far the cooling has come at the first sweep, below 1; near 1 keeps a good placement.

    Returns:
        The best site of each block that was met.
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
        good = np.flatnonzero(change <= temperature * random.standard_exponential(change.size) - 1e-9)
        most = max(1, int(_BUSY * first.size))
        if good.size > most:
            good = random.permutation(good)[:most]
        _swap(site, occupant, first[good], second[good])
    return best if least < _Boxes.of(board, site).length else site


@dataclass(frozen=True, eq=False)
class _Board:
    """What does not change: pins, their weights, and which blocks each net holds."""

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
        """The lowest coordinate of each pin's net without this pin, [axis, pin], and with all, [axis, net]."""
        first = self.nets.start[:-1]
        lowest = np.minimum.reduceat(at, first, axis=1)
        is_lowest = at == np.repeat(lowest, self.size, axis=1)
        alone = np.add.reduceat(is_lowest, first, axis=1, dtype=np.int16) == 1
        second = np.minimum.reduceat(np.where(is_lowest, _FAR, at), first, axis=1)
        # Of a net with one pin nothing is left; its box stays where it is.
        second = np.where(alone & (self.size > 1), second, lowest)
        rest = np.where(is_lowest, np.repeat(second, self.size, axis=1), np.repeat(lowest, self.size, axis=1))
        return rest, lowest


@dataclass(frozen=True, eq=False)
class _Boxes:
    """Of each pin and axis: where the box of its net begins and ends without it; and all boxes' length."""

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
        """How the weighted length would change with each swap of a at ``first`` and b at ``second``."""
        n = board.nets.n_blocks
        goal, partner = np.append(site, -1), np.full(n + 1, n)
        for block, other, there in ((a, b, second), (b, a, first)):
            goal[block] = there
            partner[block] = other
        block = board.nets.block
        to = board.position.take(goal[:-1].take(block), axis=1)
        extent = (np.maximum(self.high, to) - np.minimum(self.low, to)).sum(axis=0, dtype=np.int16)
        # A net that holds both of a pair keeps its box.
        apart = ~board.holds.take(board.row + partner.take(block))
        longer = (extent - self.extent) * apart * board.pin_weight
        change = np.append(np.bincount(block, weights=longer, minlength=n), 0.0)
        total: Floats = change[a] + change[b]
        return total


def _pairs(fabric: Fabric, reach: float, random: np.random.Generator) -> tuple[Ints, Ints]:
    """Sites that may swap, each at most once: cells that lie one random offset apart, and pads alike."""
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
    """Exchange what sits on two rows of sites."""
    a, b = occupant[first], occupant[second]
    occupant[first], occupant[second] = b, a
    site[a[a >= 0]] = second[a >= 0]
    site[b[b >= 0]] = first[b >= 0]
