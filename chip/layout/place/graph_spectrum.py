"""Smoothest eigenvectors of a graph: exact for small graphs, by a multilevel method for large ones.

A large graph is halved by joining nodes with the strongest connections until it is small; its eigenvectors are
computed there and smoothed on the way back up. Only the order of the coordinates matters for placement, so a few
rounds a level suffice. After Hendrickson and Leland 1995, "A multilevel algorithm for partitioning graphs".
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

__all__ = ["smooth_eigenvectors"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Graph = sparse.csr_array[np.float64, tuple[int, int]]
# Nodes up to which the dense eigenproblem is solved: it is robust against equal eigenvalues.
_MAX_DENSE = 600
# Eigenvectors computed in addition, so that those returned are not the last; rounds of smoothing a level, and rounds
# between two orthogonalisations.
_EXTRA, _ROUNDS, _ROUNDS_PER_QR = 3, 30, 5
# Share of the total weight that connects every node to every other: keeps components without a common net together.
_UNIFORM_WEIGHT = 1e-6


def smooth_eigenvectors(graph: Graph, count: int) -> Floats:
    """Compute the ``count`` smoothest eigenvectors of a graph's random walk without the constant one, [node, vector].

    Args:
        graph: symmetric weights of at least 0.
        count: at most two less than there are nodes.
    """
    found = _level(graph, count + _EXTRA)
    return found[:, :count]


def _level(graph: Graph, count: int) -> Floats:
    nodes = graph.shape[0]
    strength: Floats = np.asarray(graph.sum(axis=1)).ravel()
    degree = strength + _UNIFORM_WEIGHT * max(1.0, float(strength.sum())) / nodes
    if nodes <= _MAX_DENSE:
        return _exact(graph, degree, min(count, nodes - 2))
    group = _matching(graph)
    ones = np.ones(nodes)
    member = sparse.csr_array((ones, (np.arange(nodes), group)), shape=(nodes, int(group.max()) + 1))
    return _refined(graph, degree, _level((member.T @ graph @ member).tocsr(), count)[group])


def _exact(graph: Graph, degree: Floats, count: int) -> Floats:
    # Imported here, because decoding and running a network does not need it.
    from scipy import linalg

    root = 1 / np.sqrt(degree)
    walk = graph.toarray() * root * root[:, None]
    # The last one is the same everywhere.
    last = graph.shape[0] - 2
    _, vectors = linalg.eigh(walk, subset_by_index=[last + 1 - count, last])
    found: Floats = vectors[:, ::-1] * root[:, None]
    return found


def _refined(graph: Graph, degree: Floats, start: Floats) -> Floats:
    """Apply subspace iteration to nearly right coordinates, and choose the best axes within the subspace."""
    root = np.sqrt(degree)
    walk = (sparse.diags_array(1 / root) @ graph @ sparse.diags_array(1 / root)).tocsr()
    constant = root / np.linalg.norm(root)
    space = start * root[:, None]
    for done in range(1, _ROUNDS + 1):
        space = (space + walk @ space) / 2
        if done % _ROUNDS_PER_QR == 0:
            space, _ = np.linalg.qr(space - constant[:, None] * (constant @ space))
    inner: Floats = space.T @ np.asarray(walk @ space)
    _, axes = np.linalg.eigh(inner)
    found: Floats = (space @ axes[:, ::-1]) / root[:, None]
    return found


def _matching(graph: Graph) -> Ints:
    """Pair the nodes with the strongest connections, those with few neighbours first; return the group of each."""
    nodes = graph.shape[0]
    mate = np.full(nodes, -1)
    for node in np.argsort(np.diff(graph.indptr), kind="stable").tolist():
        if mate[node] >= 0:
            continue
        beside = graph.indices[graph.indptr[node] : graph.indptr[node + 1]]
        free = np.flatnonzero((mate[beside] < 0) & (beside != node))
        if free.size:
            other = int(beside[free[np.argmax(graph.data[graph.indptr[node] + free])]])
            mate[node], mate[other] = other, node
    alone = np.flatnonzero(mate < 0)
    even = alone[: alone.size // 2 * 2]
    mate[even] = even.reshape(-1, 2)[:, ::-1].ravel()
    mate[mate < 0] = alone[-1:]
    return np.unique(np.minimum(np.arange(nodes), mate), return_inverse=True)[1].astype(np.int64)
