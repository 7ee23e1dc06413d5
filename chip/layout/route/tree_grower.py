"""Router of one net: shortest ways from a growing routing tree to the next sink, in plain loops on integers.

The same functions run as they are, on lists, and compiled by Numba, on arrays, where Numba is installed. Costs are
integers and ties go to the segment with the lower number, so both give the same tree. A segment's cost is computed
when the search reaches it: most of a large array is never visited.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from functools import cache
from heapq import heappop, heappush
from typing import Any, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

__all__ = ["FAR", "TreeGrower"]

Ints = NDArray[np.int64]
# A list, or an int64 array in the compiled form.
IntTable = list[int]
# Distance of a segment that the search has not reached: farther than any that it can reach.
FAR = 1 << 40
# Cost of an idle segment, and the largest cost of any: a way of 2^18 such segments stays below ``FAR``.
_IDLE_COST, _MAX_COST = 16, 1 << 22
# State of a site in ``SearchState.sites``. A reached sink holds ``_REACHED - segment``.
_NO_SINK, _PENDING, _REACHED = 0, 1, -2


class RoutingGraph(NamedTuple):
    """Channel segments and what they connect, as flat tables.

    Args:
        position: x and y of each segment.
        neighbours: segments that meet each segment, ``degree`` entries each; -1 for none.
        beside: sites beside each segment, ``sites_per_segment`` entries each; -1 for none.
        degree: entries of ``neighbours`` per segment.
        sites_per_segment: entries of ``beside`` per segment.
    """

    position: IntTable
    neighbours: IntTable
    beside: IntTable
    degree: int
    sites_per_segment: int


class Congestion(NamedTuple):
    """Nets in each segment now, and the extra cost of each segment because it held too many before."""

    usage: IntTable
    history: IntTable


class NetToRoute(NamedTuple):
    """One net, and the terms on which its segments are costed.

    Args:
        roots: segments beside the source; -1 for none.
        sinks: sites that the tree must reach.
        ripped_up: segments of the net's former tree.
        box: least x, greatest x, least y and greatest y of the segments that it may use.
        width: nets that a segment may hold.
        pressure: cost of each net beyond that, in sixteenths of the segment's cost.
    """

    roots: IntTable
    sinks: IntTable
    ripped_up: IntTable
    box: IntTable
    width: int
    pressure: int


class SearchState(NamedTuple):
    """Working tables of the search; between two nets they are at rest: ``FAR``, any, and ``_NO_SINK``.

    Args:
        distance: cost of the best way to each segment so far; 0 on the tree.
        origin: segment before each segment on that way; -1 for a root.
        sites: whether each site is a sink, and the segment that reached it.
    """

    distance: IntTable
    origin: IntTable
    sites: IntTable


class TreeBuffer(NamedTuple):
    """Room for the tree: its segments, the parent of each, and the segment that reaches each sink."""

    segments: IntTable
    parents: IntTable
    taps: IntTable


_Kernel = Callable[[NetToRoute, RoutingGraph, Congestion, SearchState, TreeBuffer], int]


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
        self._kernel: _Kernel = _compiled_kernel() if self._compiled else _grow
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


def _grow(
    net: NetToRoute, graph: RoutingGraph, congestion: Congestion, search: SearchState, tree: TreeBuffer
) -> int:
    """Route one net and count it in the segments of its tree.

    Returns:
        The number of segments of the tree.
    """
    usage, sites, distance = congestion.usage, search.sites, search.distance
    for segment in net.ripped_up:
        usage[segment] -= 1
    for sink in net.sinks:
        sites[sink] = _PENDING
    # The entry that is removed again gives Numba the type of the list.
    visited = [0]
    visited.pop()
    grown = _search(net, graph, congestion, search, tree, visited)
    for segment in visited:
        distance[segment] = FAR
    for at in range(len(net.sinks)):
        tree.taps[at] = _REACHED - sites[net.sinks[at]]
        sites[net.sinks[at]] = _NO_SINK
    for at in range(grown):
        usage[tree.segments[at]] += 1
    return grown


def _search(
    net: NetToRoute,
    graph: RoutingGraph,
    congestion: Congestion,
    search: SearchState,
    tree: TreeBuffer,
    visited: list[int],
) -> int:
    """Reach every sink by Dijkstra's algorithm; every way that is found joins the tree at distance 0.

    The tables are taken out of their tuples once: compiled code counts references each time it takes one out.

    Returns:
        The number of segments of the tree.
    """
    (usage, history), (distance, origin, sites) = congestion, search
    position, neighbours, beside, degree, sites_per_segment = graph
    x_min, x_max, y_min, y_max = net.box[0], net.box[1], net.box[2], net.box[3]
    width, pressure, size = net.width, net.pressure, len(distance)
    # Heap entries are distance * size + segment.
    heap = [0]
    heap.pop()
    for root in net.roots:
        if root >= 0:
            distance[root], origin[root] = _segment_cost(usage[root], history[root], width, pressure), -1
            visited.append(root)
            heappush(heap, distance[root] * size + root)
    pending, grown = len(net.sinks), 0
    while pending > 0 and len(heap) > 0:
        key = heappop(heap)
        path_cost, segment = key // size, key % size
        if path_cost != distance[segment]:
            continue
        if path_cost > 0 and _is_beside_sink(segment, beside, sites_per_segment, sites):
            grown, reached = _join(segment, graph, search, tree, grown, heap)
            pending -= reached
            continue
        for entry in range(segment * degree, (segment + 1) * degree):
            neighbour = neighbours[entry]
            # Most neighbours are on the tree or as near already: they are skipped before anything is computed.
            if neighbour < 0 or path_cost >= distance[neighbour]:
                continue
            x, y = position[2 * neighbour], position[2 * neighbour + 1]
            if x < x_min or x > x_max or y < y_min or y > y_max:
                continue
            new_cost = path_cost + _segment_cost(usage[neighbour], history[neighbour], width, pressure)
            if new_cost < distance[neighbour]:
                if distance[neighbour] == FAR:
                    visited.append(neighbour)
                distance[neighbour], origin[neighbour] = new_cost, segment
                heappush(heap, new_cost * size + neighbour)
    return grown


def _segment_cost(usage: int, history: int, width: int, pressure: int) -> int:
    """Return the cost of one more net in a segment."""
    excess = max(usage + 1 - width, 0)
    return min((_IDLE_COST + history) * (16 + pressure * excess) >> 4, _MAX_COST)


def _is_beside_sink(segment: int, beside: IntTable, sites_per_segment: int, sites: IntTable) -> bool:
    """Return whether a sink that is not reached yet lies beside a segment."""
    for entry in range(segment * sites_per_segment, (segment + 1) * sites_per_segment):
        if beside[entry] >= 0 and sites[beside[entry]] == _PENDING:
            return True
    return False


def _join(
    segment: int, graph: RoutingGraph, search: SearchState, tree: TreeBuffer, grown: int, heap: list[int]
) -> tuple[int, int]:
    """Add the way to a segment to the tree, parents before children.

    Returns:
        The number of segments of the tree, and the number of sinks beside the new ones.
    """
    distance, origin, sites = search
    beside, sites_per_segment = graph.beside, graph.sites_per_segment
    segments, parents, _ = tree
    joined = segment
    while joined >= 0 and distance[joined] > 0:
        grown += 1
        joined = origin[joined]
    # The way leads from the sink back to the tree, so it is written from its end.
    at, reached = grown, 0
    while segment >= 0 and distance[segment] > 0:
        at -= 1
        segments[at], parents[at] = segment, origin[segment]
        distance[segment] = 0
        heappush(heap, segment)
        for entry in range(segment * sites_per_segment, (segment + 1) * sites_per_segment):
            site = beside[entry]
            if site >= 0 and sites[site] == _PENDING:
                sites[site] = _REACHED - segment
                reached += 1
        segment = origin[segment]
    return grown, reached


@cache
def _compiled_kernel() -> _Kernel:
    import numba
    from numba.extending import register_jitable

    for function in (_search, _segment_cost, _is_beside_sink, _join):
        register_jitable(function)
    try:
        return cast(_Kernel, numba.njit(cache=True)(_grow))
    except RuntimeError:
        # No folder for the compiled code: an installation that cannot be written to.
        return cast(_Kernel, numba.njit(_grow))
