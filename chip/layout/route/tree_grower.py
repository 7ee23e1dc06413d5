"""Connects one net: the shortest ways from a growing tree to its next pin, in plain loops on integers.

The same function runs as it stands, on lists, and compiled by Numba, on arrays, where Numba is installed;
costs are integers and ties go to the lower segment, so both give the same tree. A segment's cost is worked
out when the search comes to it: most of a large array is never seen by a net.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Sequence
from functools import cache
from heapq import heappop, heappush
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

__all__ = ["FAR", "TreeGrower"]

Ints = NDArray[np.int64]
_Kernel = Callable[..., int]
# Farther than any segment.
FAR = 1 << 40
# Cost of an idle segment, and the most that one may cost.
_BASE, _DEAREST = 16, 1 << 22


class TreeGrower:
    """Grows the trees of nets in one graph of segments, and counts the nets in each segment.

    Args:
        place: x and y of each segment, [segment, 2].
        neighbours: segments that meet each segment, [segment, n]; -1 for none.
        beside: sites beside each segment, [segment, k]; -1 for none.
        n_sites: number of sites.
        compiled: whether to use Numba; by default where it is installed.
    """

    def __init__(
        self, place: Ints, neighbours: Ints, beside: Ints, n_sites: int, *, compiled: bool | None = None
    ) -> None:
        self._compiled = importlib.util.find_spec("numba") is not None if compiled is None else compiled
        self._kernel: _Kernel = _compiled_kernel() if self._compiled else _grow
        size = len(neighbours)
        nothing = np.zeros(size, np.int64)
        self._crowds = [self._suited(nothing), self._suited(nothing)]
        fixed = place.ravel(), neighbours.ravel(), beside.ravel()
        tables = (*fixed, np.full(size, FAR), nothing - 1, np.zeros(n_sites, np.int64))
        self._tables = [self._suited(table) for table in tables]
        self._widths = neighbours.shape[1], beside.shape[1]
        self._found = [self._suited(nothing) for _ in range(2)]
        self._taps = self._suited(np.zeros(n_sites, np.int64))

    @property
    def usage(self) -> Ints:
        """Nets in each segment, a copy."""
        return np.array(self._crowds[0], np.int64)

    def set_usage(self, usage: Ints) -> None:
        """Say how many nets are in each segment."""
        self._crowds[0] = self._suited(usage)

    def set_history(self, history: Ints) -> None:
        """Say how much more each segment costs because it held too many nets before."""
        self._crowds[1] = self._suited(history)

    def grow(
        self, roots: Ints, sinks: Ints, torn: Ints, box: Ints, *, width: int, pressure: int
    ) -> tuple[Ints, Ints, Ints]:
        """A tree: its segments, parents before children; the parent of each; and where each sink is reached.

        The parent is -1 where the source drives the segment. No leaf is without a sink.

        Args:
            roots: segments beside the source; -1 for none.
            sinks: sites that the tree must pass.
            torn: segments of the tree that this one takes the place of.
            box: least x, greatest x, least y and greatest y of the segments that it may use.
            width: nets that a segment may hold.
            pressure: what each net more costs, in sixteenths of the cost of an idle segment.
        """
        given = [self._suited(values) for values in (roots, sinks, torn, box)]
        tables = (*self._crowds, *self._tables, *self._found, self._taps)
        size = self._kernel(*given, *tables, width, pressure, *self._widths)
        tree, parents = (np.array(found[:size], np.int64) for found in self._found)
        return tree, parents, np.array(self._taps[: len(sinks)], np.int64)

    def _suited(self, values: Ints) -> Any:
        return np.array(values, np.int64) if self._compiled else values.tolist()


def _grow(
    roots: Sequence[int],
    sinks: Sequence[int],
    torn: Sequence[int],
    box: Sequence[int],
    usage: list[int],
    history: Sequence[int],
    place: Sequence[int],
    neighbours: Sequence[int],
    beside: Sequence[int],
    distance: list[int],
    origin: list[int],
    wanted: list[int],
    tree: list[int],
    parents: list[int],
    taps: list[int],
    width: int,
    pressure: int,
    n_neighbours: int,
    n_beside: int,
) -> int:
    """One loop over a heap of (distance, segment); a found way joins the tree at distance 0."""
    size, left, grown = len(distance), len(sinks), 0
    met, heap = [-1], [-1]
    heap.pop()
    for segment in torn:
        usage[segment] -= 1
    for sink in sinks:
        wanted[sink] = 1
    for root in roots:
        if root >= 0:
            crowd = max(usage[root] + 1 - width, 0)
            cost = min((_BASE + history[root]) * (16 + pressure * crowd) >> 4, _DEAREST)
            distance[root], origin[root] = cost, -1
            met.append(root)
            heappush(heap, cost * size + root)
    while left > 0 and len(heap) > 0:
        key = heappop(heap)
        away, here = key // size, key % size
        if away != distance[here]:
            continue
        found = False
        if away > 0:
            for k in range(here * n_beside, (here + 1) * n_beside):
                if beside[k] >= 0 and wanted[beside[k]] == 1:
                    found = True
                    break
        if found:
            joined = here
            while joined >= 0 and distance[joined] > 0:
                grown += 1
                joined = origin[joined]
            # From the sink back to the tree, written from the end: parents before children.
            at = grown
            while here >= 0 and distance[here] > 0:
                at -= 1
                tree[at], parents[at] = here, origin[here]
                distance[here] = 0
                heappush(heap, here)
                for k in range(here * n_beside, (here + 1) * n_beside):
                    if beside[k] >= 0 and wanted[beside[k]] == 1:
                        wanted[beside[k]] = -2 - here
                        left -= 1
                here = origin[here]
            continue
        for k in range(here * n_neighbours, (here + 1) * n_neighbours):
            there = neighbours[k]
            # A segment of the tree, or one that is as near already, needs no price.
            if there >= 0 and away < distance[there]:
                x, y = place[2 * there], place[2 * there + 1]
                if x < box[0] or x > box[1] or y < box[2] or y > box[3]:
                    continue
                crowd = max(usage[there] + 1 - width, 0)
                reached = away + min((_BASE + history[there]) * (16 + pressure * crowd) >> 4, _DEAREST)
                if reached < distance[there]:
                    if distance[there] == FAR:
                        met.append(there)
                    distance[there], origin[there] = reached, here
                    heappush(heap, reached * size + there)
    for i in range(1, len(met)):
        distance[met[i]] = FAR
    for i in range(len(sinks)):
        taps[i] = -2 - wanted[sinks[i]]
        wanted[sinks[i]] = 0
    for i in range(grown):
        usage[tree[i]] += 1
    return grown


@cache
def _compiled_kernel() -> _Kernel:
    import numba

    try:
        return cast(_Kernel, numba.njit(cache=True)(_grow))
    except RuntimeError:
        # Nowhere to keep the compiled code: an installation that cannot be written to.
        return cast(_Kernel, numba.njit(_grow))
