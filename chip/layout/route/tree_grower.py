"""Router of one net at a time, compiled where Numba is installed; the search itself is in `tree_search`."""

from __future__ import annotations

import importlib.util
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chip.layout.route.routing_tables import (
    FAR,
    Congestion,
    NetToRoute,
    RoutingGraph,
    SearchState,
    TreeBuffer,
)
from chip.layout.route.tree_search import Kernel, compiled_kernel, grow_tree

__all__ = ["TreeGrower"]

Ints = NDArray[np.int64]


class TreeGrower:
    """Routes nets one at a time in one graph of segments, and counts the nets in each segment.

    Args:
        position: x and y of each segment, [segment, 2].
        neighbours: segments that meet each segment, [segment, n]; -1 for none.
        beside: sites beside each segment, [segment, k]; -1 for none.
        n_sites: number of sites.
        compiled: whether to use Numba; by default where it is installed.
    """

    def __init__(
        self, position: Ints, neighbours: Ints, beside: Ints, n_sites: int, *, compiled: bool | None = None
    ) -> None:
        self._compiled = importlib.util.find_spec("numba") is not None if compiled is None else compiled
        self._kernel: Kernel = compiled_kernel() if self._compiled else grow_tree
        size, table = len(neighbours), self._table
        zeros = np.zeros(size, np.int64)
        self._graph = RoutingGraph(
            table(position.ravel()),
            table(neighbours.ravel()),
            table(beside.ravel()),
            neighbours.shape[1],
            beside.shape[1],
        )
        self._congestion = Congestion(table(zeros), table(zeros))
        self._search = SearchState(table(zeros + FAR), table(zeros - 1), table(np.zeros(n_sites, np.int64)))
        self._tree = TreeBuffer(table(zeros), table(zeros), table(np.zeros(n_sites, np.int64)))

    @property
    def usage(self) -> Ints:
        """Copy of the number of nets in each segment."""
        return np.array(self._congestion.usage, np.int64)

    def set_usage(self, usage: Ints) -> None:
        """Set the number of nets in each segment."""
        self._congestion = self._congestion._replace(usage=self._table(usage))

    def set_history(self, history: Ints) -> None:
        """Set the extra cost of each segment for having held too many nets before."""
        self._congestion = self._congestion._replace(history=self._table(history))

    def grow(
        self, roots: Ints, sinks: Ints, ripped_up: Ints, box: Ints, *, width: int, pressure: int
    ) -> tuple[Ints, Ints, Ints]:
        """Route a net: rip up its former tree and grow a new one.

        Args:
            roots: segments beside the source; -1 for none.
            sinks: sites that the tree must reach.
            ripped_up: segments of the former tree.
            box: least x, greatest x, least y and greatest y of the segments that the tree may use.
            width: nets that a segment may hold.
            pressure: cost of each net beyond that, in sixteenths of the segment's cost.

        Returns:
            The tree's segments, parents before children; the parent of each, -1 where the source drives it; and the
            segment that reaches each sink. No leaf is without a sink.
        """
        table = self._table
        net = NetToRoute(table(roots), table(sinks), table(ripped_up), table(box), width, pressure)
        size = self._kernel(net, self._graph, self._congestion, self._search, self._tree)
        segments, parents = (np.array(found[:size], np.int64) for found in self._tree[:2])
        return segments, parents, np.array(self._tree.taps[: len(sinks)], np.int64)

    def _table(self, values: Ints) -> Any:
        return np.array(values, np.int64) if self._compiled else values.tolist()
