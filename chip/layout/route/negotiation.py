"""Negotiated congestion: nets are ripped up and rerouted until no segment holds more nets than tracks.

After McMurchie and Ebeling 1995, "PathFinder: a negotiation-based performance-driven router for FPGAs": the
cost of a segment grows with its present overuse and with the history of its overuse.
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
# Cost of one net too many, in sixteenths of the cost of an idle segment: at first, its growth per round, its maximum.
_PRESSURE, _PRESSURE_GROWTH, _MAX_PRESSURE = 8, 1.4, 1 << 12
# Cost added per round and net too many, in the unit of ``tree_search``.
_HISTORY = 4
# Cells around the box of its pins that a net may pass: longer detours are hardly ever used.
_MAX_DETOUR = 4
# Rounds without progress after which negotiation stops, and the mean number of nets per track from which it is not
# tried: rerouting shortens first routes by a tenth or two, not more.
_MAX_IDLE_ROUNDS, _MAX_MEAN_LOAD = 8, 1.25


@dataclass(frozen=True, eq=False)
class RoutingTree:
    """Routing tree of one net.

    Args:
        segments: segments of the net, parents before children.
        parents: segment before each; -1 where the source drives it.
        taps: segment that each pin after the first taps; every leaf has one.
    """

    segments: Ints
    parents: Ints
    taps: Ints


def _search_box(fabric: Fabric, site: Ints) -> Ints:
    """Return the search area of a net: the box around its pins with a margin, as ``segment_position``."""
    at = fabric.position[site]
    low, high = 2 * (at.min(axis=0) - _MAX_DETOUR) - 1, 2 * (at.max(axis=0) + _MAX_DETOUR) + 1
    return np.array([low[0], high[0], low[1], high[1]])


class Negotiation:
    """Routing of all nets on one fabric in progress; several channel widths may be tried one after another.

    Args:
        nets: nets to route.
        fabric: fabric of the chip.
        placement: placement of the blocks.
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
        # A neuron whose only synapse is to itself needs a wire all the same.
        self._sinks = [net[1:] if len(net) > 1 else net for net in pins]
        self._boxes = [_search_box(fabric, net) for net in pins]
        self._trees: list[RoutingTree | None] = [None] * len(pins)
        self._order = sorted(range(len(pins)), key=lambda net: (-len(pins[net]), net))

    @property
    def usage(self) -> Ints:
        """Number of nets in each segment."""
        return self._grower.usage

    @property
    def trees(self) -> list[RoutingTree]:
        """Trees of all nets that have been routed."""
        return [tree for tree in self._trees if tree is not None]

    def negotiate(self, width: int, *, rounds: int) -> bool:
        """Reroute until no segment holds more than ``width`` nets, or for ``rounds``; return whether it succeeded."""
        pressure, least_excess, idle_rounds = float(_PRESSURE), np.iinfo(np.int64).max, 0
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
            idle_rounds = 0 if excess.sum() < least_excess else idle_rounds + 1
            least_excess = min(least_excess, int(excess.sum()))
            if least_excess == 0 or idle_rounds >= _MAX_IDLE_ROUNDS or usage.mean() > _MAX_MEAN_LOAD * width:
                break
            history += _HISTORY * excess
            pressure = min(pressure * _PRESSURE_GROWTH, _MAX_PRESSURE)
        return not (usage > width).any()

    def restore(self, trees: list[RoutingTree]) -> None:
        """Return to earlier trees of all nets."""
        self._trees = list(trees)
        used = [tree.segments for tree in trees]
        passed = np.concatenate([np.zeros(0, np.int64), *used])
        self._grower.set_usage(np.bincount(passed, minlength=self.fabric.n_segments))

    def _reroute(self, net: int, width: int, pressure: int) -> None:
        tree = self._trees[net]
        ripped_up = np.zeros(0, np.int64) if tree is None else tree.segments
        roots = self.fabric.around[self._drivers[net]]
        grown = self._grower.grow(
            roots, self._sinks[net], ripped_up, self._boxes[net], width=width, pressure=pressure
        )
        self._trees[net] = RoutingTree(*grown)
