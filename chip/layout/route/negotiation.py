"""Negotiated congestion: nets are torn up and routed again until no segment holds more than its tracks.

After McMurchie and Ebeling 1995, "PathFinder: a negotiation-based performance-driven router for FPGAs": a
segment costs more the more nets too many it holds now, and the more often it held too many before.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from chip.layout.fabric import Fabric
from chip.layout.place.nets import Nets
from chip.layout.place.placement import Placement
from chip.layout.route.tree_grower import TreeGrower

__all__ = ["Negotiation", "RoutingTree"]

Ints = NDArray[np.int64]
# What one net too many adds, in sixteenths of the cost of an idle segment, at first; and by how much that grows.
_PRESSURE, _GROWTH, _MOST = 8, 1.4, 1 << 12
_HISTORY = 4
# Cells beyond the box around its pins that a net may pass: ways that go farther are hardly ever taken.
_DETOUR = 4
# Rounds without any progress after which nobody will give way, and the mean number of nets per track at
# which it need not be tried: routing again shortens first routes by a tenth or two, not more.
_PATIENCE, _HOPELESS = 8, 1.25


@dataclass(frozen=True, eq=False)
class RoutingTree:
    """The way of one net.

    Args:
        segments: that it passes, parents before children.
        parents: the segment before each; -1 where the source drives it.
        taps: the segment from which each pin after the first listens; no leaf is without one.
    """

    segments: Ints
    parents: Ints
    taps: Ints


def _box(fabric: Fabric, site: Ints) -> Ints:
    """Where a net may look for its way: the box around its pins and some cells more, as ``segment_position``."""
    at = fabric.position[site]
    low, high = 2 * (at.min(axis=0) - _DETOUR) - 1, 2 * (at.max(axis=0) + _DETOUR) + 1
    return np.array([low[0], high[0], low[1], high[1]])


class Negotiation:
    """Routes of all nets on one fabric under way to a legal routing; widths may be tried one after another.

    Args:
        nets: what is to be connected.
        fabric: where.
        placement: of the blocks.
        compiled: whether to use Numba; by default where it is installed.
    """

    def __init__(
        self, nets: Nets, fabric: Fabric, placement: Placement, *, compiled: bool | None = None
    ) -> None:
        self.fabric = fabric
        self._grower = TreeGrower(
            fabric.segment_position(), fabric.neighbours, fabric.beside, fabric.n_sites, compiled=compiled
        )
        site = placement.sites(fabric)
        pins = [site[pins] for pins in np.split(nets.block, nets.start[1:-1])] if len(nets) else []
        self._drivers = [int(net[0]) for net in pins]
        # A neuron that only hears itself needs a wire all the same.
        self._sinks = [net[1:] if len(net) > 1 else net for net in pins]
        self._boxes = [_box(fabric, net) for net in pins]
        self._trees: list[RoutingTree | None] = [None] * len(pins)
        self._order = sorted(range(len(pins)), key=lambda net: (-len(pins[net]), net))

    @property
    def usage(self) -> Ints:
        """Nets in each segment."""
        return self._grower.usage

    @property
    def trees(self) -> list[RoutingTree]:
        """The trees of all nets, once they were routed."""
        return [tree for tree in self._trees if tree is not None]

    def negotiate(self, width: int, *, rounds: int) -> bool:
        """Go on until no segment holds more than ``width`` nets, or for so many rounds; whether it worked."""
        pressure, least, waited = float(_PRESSURE), np.iinfo(np.int64).max, 0
        usage, history = self.usage, np.zeros(self.fabric.n_segments, np.int64)
        for _ in range(rounds):
            self._grower.set_history(history)
            over = usage > width
            for net in self._order:
                tree = self._trees[net]
                if tree is None or over[tree.segments].any():
                    self._reroute(net, width, int(pressure))
            usage = self.usage
            excess = np.maximum(usage - width, 0)
            waited = 0 if excess.sum() < least else waited + 1
            least = min(least, int(excess.sum()))
            if least == 0 or waited >= _PATIENCE or usage.mean() > _HOPELESS * width:
                break
            history += _HISTORY * excess
            pressure = min(pressure * _GROWTH, _MOST)
        return not (usage > width).any()

    def restore(self, trees: list[RoutingTree]) -> None:
        """Return to the trees of all nets as they were."""
        self._trees = list(trees)
        used = [tree.segments for tree in trees]
        passed = np.concatenate([np.zeros(0, np.int64), *used])
        self._grower.set_usage(np.bincount(passed, minlength=self.fabric.n_segments))

    def _reroute(self, net: int, width: int, pressure: int) -> None:
        tree = self._trees[net]
        torn = np.zeros(0, np.int64) if tree is None else tree.segments
        roots = self.fabric.around[self._drivers[net]]
        grown = self._grower.grow(
            roots, self._sinks[net], torn, self._boxes[net], width=width, pressure=pressure
        )
        self._trees[net] = RoutingTree(*grown)
