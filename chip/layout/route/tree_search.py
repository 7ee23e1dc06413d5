"""Search of one net: shortest ways from a growing routing tree to the next sink, in plain loops on integers.

The same functions run as they are, on lists, and compiled by Numba, on arrays. Costs are integers and ties go to the
segment with the lower number, so both give the same tree. A segment's cost is computed when the search reaches it: most
of a large array is never visited.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from heapq import heappop, heappush
from typing import cast

from chip.layout.route.routing_tables import (
    FAR,
    NO_SINK,
    PENDING,
    REACHED,
    Congestion,
    IntTable,
    NetToRoute,
    RoutingGraph,
    SearchState,
    TreeBuffer,
)

# Cost of an idle segment, and the largest cost of any: a way of 2^18 such segments stays below ``FAR``.
_IDLE_COST, _MAX_COST = 16, 1 << 22

Kernel = Callable[[NetToRoute, RoutingGraph, Congestion, SearchState, TreeBuffer], int]


def grow_tree(
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
        sites[sink] = PENDING
    # The entry that is removed again gives Numba the type of the list.
    visited = [0]
    visited.pop()
    grown = _search(net, graph, congestion, search, tree, visited)
    for segment in visited:
        distance[segment] = FAR
    for at in range(len(net.sinks)):
        tree.taps[at] = REACHED - sites[net.sinks[at]]
        sites[net.sinks[at]] = NO_SINK
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
        if beside[entry] >= 0 and sites[beside[entry]] == PENDING:
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
            if site >= 0 and sites[site] == PENDING:
                sites[site] = REACHED - segment
                reached += 1
        segment = origin[segment]
    return grown, reached


@cache
def compiled_kernel() -> Kernel:
    """Return `grow_tree`, compiled by Numba."""
    import numba
    from numba.extending import register_jitable

    for function in (_search, _segment_cost, _is_beside_sink, _join):
        register_jitable(function)
    try:
        return cast(Kernel, numba.njit(cache=True)(grow_tree))
    except RuntimeError:
        # No folder for the compiled code: an installation that cannot be written to.
        return cast(Kernel, numba.njit(grow_tree))
