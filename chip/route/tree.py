"""Connects one net: the shortest ways from a growing tree to its next pin, in plain loops on integers.

The same function runs as it stands, on lists, and compiled by Numba, on arrays, where Numba is installed;
costs are integers and ties go to the lower segment, so both give the same tree.
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
_Kernel = Callable[..., tuple[list[int], list[int], list[int]]]
# Farther than any segment.
FAR = 1 << 40


class TreeGrower:
    """Grows the trees of nets in one graph of segments.

    Args:
        neighbours: segments that meet each segment, [segment, n]; -1 for none.
        beside: sites beside each segment, [segment, k]; -1 for none.
        n_sites: number of sites.
        compiled: whether to use Numba; by default where it is installed.
    """

    def __init__(self, neighbours: Ints, beside: Ints, n_sites: int, *, compiled: bool | None = None) -> None:
        self._compiled = importlib.util.find_spec("numba") is not None if compiled is None else compiled
        self._kernel: _Kernel = _compiled_kernel() if self._compiled else _grow
        size = len(neighbours)
        tables = neighbours.ravel(), beside.ravel(), np.full(size, FAR), np.full(size, -1)
        self._tables = [self._suited(table) for table in (*tables, np.zeros(n_sites, np.int64))]
        self._widths = neighbours.shape[1], beside.shape[1]

    def grow(self, roots: Ints, sinks: Ints, cost: Ints) -> tuple[Ints, Ints, Ints]:
        """A tree: its segments, parents before children; the parent of each; and where each sink is reached.

        The parent is -1 where the source drives the segment. No leaf is without a sink.

        Args:
            roots: segments beside the source; -1 for none.
            sinks: sites that the tree must pass.
            cost: of each segment, at least 1.
        """
        given = [self._suited(values) for values in (roots, sinks, cost)]
        tree, parents, taps = self._kernel(*given, *self._tables, *self._widths)
        return np.array(tree, np.int64), np.array(parents, np.int64), np.array(taps, np.int64)

    def _suited(self, values: Ints) -> Any:
        return np.array(values, np.int64) if self._compiled else values.tolist()


def _grow(
    roots: Sequence[int],
    sinks: Sequence[int],
    cost: Sequence[int],
    neighbours: Sequence[int],
    beside: Sequence[int],
    distance: list[int],
    origin: list[int],
    wanted: list[int],
    n_neighbours: int,
    n_beside: int,
) -> tuple[list[int], list[int], list[int]]:
    """One loop over a heap of (distance, segment); a found way joins the tree at distance 0."""
    size, left = len(distance), len(sinks)
    tree, parents, met, heap = [-1], [-1], [-1], [-1]
    heap.pop()
    for sink in sinks:
        wanted[sink] = 1
    for root in roots:
        if root >= 0:
            distance[root], origin[root] = cost[root], -1
            met.append(root)
            heappush(heap, cost[root] * size + root)
    while left > 0 and len(heap) > 0:
        key = heappop(heap)
        away, here = key // size, key % size
        if away != distance[here]:
            continue
        found = False
        if away > 0:
            for k in range(here * n_beside, (here + 1) * n_beside):
                found = found or (beside[k] >= 0 and wanted[beside[k]] == 1)
        if found:
            joined = len(tree)
            while here >= 0 and distance[here] > 0:
                tree.insert(joined, here)
                parents.insert(joined, origin[here])
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
            if there >= 0 and away + cost[there] < distance[there]:
                if distance[there] == FAR:
                    met.append(there)
                distance[there], origin[there] = away + cost[there], here
                heappush(heap, distance[there] * size + there)
    for i in range(1, len(met)):
        distance[met[i]] = FAR
    taps = [-2 - wanted[sink] for sink in sinks]
    for sink in sinks:
        wanted[sink] = 0
    return tree[1:], parents[1:], taps


@cache
def _compiled_kernel() -> _Kernel:
    import numba

    try:
        return cast(_Kernel, numba.njit(cache=True)(_grow))
    except RuntimeError:
        # Nowhere to keep the compiled code: an installation that cannot be written to.
        return cast(_Kernel, numba.njit(_grow))
