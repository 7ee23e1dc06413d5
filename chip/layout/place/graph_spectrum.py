"""The smoothest vibrations of a graph: exactly for small ones, level by level for large ones.

A large graph is halved by joining nodes that share most, until it is small; its vibrations are found there
and smoothed on the way back up. Only the order of the coordinates matters to whoever places nodes by them,
so a few rounds a level are enough. After Hendrickson and Leland 1995, "A multilevel algorithm for
partitioning graphs".
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

__all__ = ["vibrations"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Graph = sparse.csr_array[np.float64, tuple[int, int]]
# Nodes up to which the dense eigenproblem is solved: it knows no bad luck with equal eigenvalues.
_DENSE = 600
# Vibrations that are carried along so that those wanted are not the last; rounds of smoothing a level, and
# after how many of them they are made orthogonal again.
_SPARE, _ROUNDS, _APART = 3, 30, 5
# Share of everybody's connections that leads to everybody: holds parts together that no net connects.
_TOGETHER = 1e-6


def vibrations(graph: Graph, count: int) -> Floats:
    """The ``count`` smoothest eigenvectors of a graph's random walk but the constant one, [node, vibration].

    Args:
        graph: symmetric weights of at least 0.
        count: at most two less than there are nodes.
    """
    found = _level(graph, count + _SPARE)
    return found[:, :count]


def _level(graph: Graph, count: int) -> Floats:
    nodes = graph.shape[0]
    strength: Floats = np.asarray(graph.sum(axis=1)).ravel()
    degree = strength + _TOGETHER * max(1.0, float(strength.sum())) / nodes
    if nodes <= _DENSE:
        return _exact(graph, degree, min(count, nodes - 2))
    group = _halves(graph)
    ones = np.ones(nodes)
    member = sparse.csr_array((ones, (np.arange(nodes), group)), shape=(nodes, int(group.max()) + 1))
    return _smoothed(graph, degree, _level((member.T @ graph @ member).tocsr(), count)[group])


def _exact(graph: Graph, degree: Floats, count: int) -> Floats:
    # Imported here: whoever only decodes and runs a network should not pay for it.
    from scipy import linalg

    root = 1 / np.sqrt(degree)
    walk = graph.toarray() * root * root[:, None]
    # The last one is the same everywhere.
    last = graph.shape[0] - 2
    _, vectors = linalg.eigh(walk, subset_by_index=[last + 1 - count, last])
    found: Floats = vectors[:, ::-1] * root[:, None]
    return found


def _smoothed(graph: Graph, degree: Floats, start: Floats) -> Floats:
    """Subspace iteration from coordinates that are nearly right, and the best axes within the subspace."""
    root = np.sqrt(degree)
    walk = (sparse.diags_array(1 / root) @ graph @ sparse.diags_array(1 / root)).tocsr()
    constant = root / np.linalg.norm(root)
    space = start * root[:, None]
    for done in range(1, _ROUNDS + 1):
        space = (space + walk @ space) / 2
        if done % _APART == 0:
            space, _ = np.linalg.qr(space - constant[:, None] * (constant @ space))
    inner: Floats = space.T @ np.asarray(walk @ space)
    _, axes = np.linalg.eigh(inner)
    found: Floats = (space @ axes[:, ::-1]) / root[:, None]
    return found


def _halves(graph: Graph) -> Ints:
    """The group of each node: pairs that share most, those with few neighbours first; who is left pairs up."""
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
