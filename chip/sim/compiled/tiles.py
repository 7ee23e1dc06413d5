"""Synapses as tiles: the form in which one vector addition serves every neuron that a spike reaches.

Neurons are ordered so that those with common sources are adjacent, as they are on a chip with local connections, and
cut into tiles of 32. A spike then adds one row of weights to two adjacent tiles instead of following its synapses one
by one. Sources whose targets stay scattered keep their synapses as a list.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.csgraph import reverse_cuthill_mckee

from chip.network import Network
from chip.sim.compiled.kernel_arguments import SynapseTables, TilePlan
from chip.sim.dynamics import Dynamics

__all__ = [
    "LANES",
    "TABLES",
    "neuron_order",
    "neuron_parameters",
    "synapse_tables",
]

LANES = 32
# Parameters of each neuron in the compiled loop.
TABLES = 7
_WINDOW = 2 * LANES
# Cost of a row, in synapses of a list.
_ROW_COST = 3
# Largest number of pairs of neurons with a common source from which an order is derived: bounds time and memory.
_MAX_PAIRS = 1 << 24


def neuron_order(network: Network) -> NDArray[np.int64]:
    """Order neurons so that their synapses fill the fewest rows: int64[n_neurons]."""
    unchanged = np.arange(network.n_neurons)
    if not 0 < int((network.fan_out() ** 2).sum()) <= _MAX_PAIRS:
        return unchanged
    shape = (network.n_neurons, network.n_inputs + network.n_neurons)
    incoming = sparse.csr_array(
        (np.ones(network.n_synapses, np.int32), (network.target, network.source)), shape
    )
    by_common_sources = reverse_cuthill_mckee((incoming @ incoming.T).tocsr(), symmetric_mode=True).astype(
        np.int64
    )
    return min(by_common_sources, unchanged, key=lambda order: _rows_needed(network, order))


def synapse_tables(
    source: NDArray[np.int64],
    target: NDArray[np.int64],
    weight: NDArray[Any],
    *,
    sources: int,
    size: int,
    spare: int,
) -> SynapseTables:
    """Build the tables of synapses between places.

    Args:
        source: place of each synapse's source, below ``sources``.
        target: place of the neuron it ends at.
        weight: its weight, in the integers to compute with.
        sources: number of places of sources.
        size: number of places of neurons, at least 64.
        spare: first of 64 places beyond the neurons.
    """
    by_place = np.lexsort((target, source))
    source, target, weight = source[by_place], target[by_place], weight[by_place]
    window, base = _windows(source, target)
    base = np.minimum(base, size - _WINDOW)
    fan_out = np.bincount(source, minlength=sources)
    owner = source[np.flatnonzero(np.diff(window, prepend=-1))]
    in_rows = np.bincount(owner, minlength=sources) * _ROW_COST <= fan_out
    rowed = in_rows[source]
    kept, row = np.unique(window[rowed], return_inverse=True)
    rows = np.zeros((kept.size + 1, _WINDOW), weight.dtype)
    rows[row + 1, target[rowed] - base[window[rowed]]] = weight[rowed]
    row_at = np.tile(np.concatenate([[spare], base[kept]]), 2)
    begin, end = _ranges(owner[kept], sources, offset=1)
    # A source without a row gets row 0 at a spare place, so that the loop needs no branch.
    first = np.where(begin < end, begin, 0)
    row_begin, row_end = _for_both_signs(np.minimum(begin + 1, end), end, kept.size + 1)
    listed = weight[~rowed]
    synapse_begin, synapse_end = _for_both_signs(
        *_ranges(source[~rowed], sources, offset=0), items=listed.size
    )
    head = np.stack([first, first + kept.size + 1], 1).ravel()
    more = (row_begin < row_end) | (synapse_begin < synapse_end)
    plan = np.zeros((head.size, TilePlan.COLUMNS), np.int32)
    plan[:, TilePlan.ROW], plan[:, TilePlan.TILE] = head * _WINDOW, row_at[head] // LANES * 2 + more
    # Weights of the chip take a byte, and half as many lines of the cache.
    narrow = np.int8 if np.abs(rows).max() <= np.iinfo(np.int8).max else rows.dtype
    return SynapseTables(
        plan=plan,
        rows=np.concatenate([rows, -rows]).astype(narrow).ravel(),
        row_begin=row_begin,
        row_end=row_end,
        row_at=row_at,
        synapse_begin=synapse_begin,
        synapse_end=synapse_end,
        synapse_at=np.tile(target[~rowed], 2),
        synapse_weight=np.concatenate([listed, -listed]),
    )


def neuron_parameters(dynamics: Dynamics, order: NDArray[np.int64], size: int) -> NDArray[Any]:
    """Build seven vectors of 32 numbers for each tile: thresholds, feedback, limit, and the shifts of the leak.

    Args:
        dynamics: parameters by neuron.
        order: the neuron at each place.
        size: places, a multiple of 32; those beyond the last neuron are silent.
    """
    kind = np.iinfo(dynamics.dtype)
    silent = kind.max, kind.min, 0, dynamics.v_sat, kind.bits - 1, dynamics.fraction, dynamics.extra_shift
    columns = dynamics.theta_p, dynamics.theta_n, dynamics.w_fb, None, dynamics.shift, None, None
    tables = np.empty((TABLES, size), dynamics.dtype)
    for row, value, column in zip(tables, silent, columns, strict=True):
        row[:] = value
        if column is not None:
            row[: order.size] = column[order]
    return np.ascontiguousarray(tables.reshape(TABLES, -1, LANES).transpose(1, 0, 2)).ravel()


def _windows(
    source: NDArray[np.int64], target: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Assign each synapse to a window of two tiles; return that, and the place at which each window begins.

    Each source's windows begin at the tile of its first synapse that no window holds yet.
    """
    window = np.zeros(source.size, np.int64)
    starts = np.flatnonzero(np.diff(source, prepend=-1))
    key = source * (int(target.max(initial=0)) + 2 * _WINDOW) + target
    begin = np.zeros(source.size, bool)
    first = starts
    ends = np.append(starts[1:], source.size)
    while first.size:
        begin[first] = True
        limit = key[first] - target[first] + target[first] // LANES * LANES + _WINDOW
        first = np.searchsorted(key, limit)
        left = first < ends
        first, ends = first[left], ends[left]
    window = np.cumsum(begin) - 1
    return window, target[begin] // LANES * LANES


def _rows_needed(network: Network, order: NDArray[np.int64]) -> int:
    place = np.argsort(order)[network.target]
    by_place = np.lexsort((place, network.source))
    return int(_windows(network.source[by_place].astype(np.int64), place[by_place])[1].size)


def _ranges(
    owner: NDArray[np.int64], sources: int, *, offset: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the first and one past the last item of each source, for items sorted by their owner."""
    ends = np.cumsum(np.bincount(owner, minlength=sources)) + offset
    return np.concatenate([[offset], ends[:-1]]).astype(np.int64), ends.astype(np.int64)


def _for_both_signs(
    begin: NDArray[np.int64], end: NDArray[np.int64], items: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return ranges by code; the items of negative spikes follow those of positive ones."""
    return np.stack([begin, begin + items], 1).ravel(), np.stack([end, end + items], 1).ravel()
