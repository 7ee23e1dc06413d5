"""Flat tables of the router: the graph of segments, its congestion, one net, and the working memory of a search.

They are lists, or int64 arrays in the compiled form.
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = [
    "FAR",
    "NO_SINK",
    "PENDING",
    "REACHED",
    "Congestion",
    "IntTable",
    "NetToRoute",
    "RoutingGraph",
    "SearchState",
    "TreeBuffer",
]

# A list, or an int64 array in the compiled form.
IntTable = list[int]
# Distance of a segment that the search has not reached: farther than any that it can reach.
FAR = 1 << 40
# State of a site in ``SearchState.sites``. A reached sink holds ``REACHED - segment``.
NO_SINK, PENDING, REACHED = 0, 1, -2


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
    """Working tables of the search; between two nets they are at rest: ``FAR``, any, and ``NO_SINK``.

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
