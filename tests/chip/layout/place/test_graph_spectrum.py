"""Eigenvectors of large graphs: as smooth as exact ones, also for graphs with several components."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import sparse

from chip.layout.place import graph_spectrum
from chip.layout.place.graph_spectrum import smooth_eigenvectors


def grid(columns: int, rows: int) -> sparse.csr_array[np.float64, tuple[int, int]]:
    node = np.arange(columns * rows).reshape(rows, columns)
    pairs = np.concatenate(
        [
            np.stack([node[:, :-1], node[:, 1:]], -1).reshape(-1, 2),
            np.stack([node[:-1], node[1:]], -1).reshape(-1, 2),
        ]
    )
    ends = np.concatenate([pairs, pairs[:, ::-1]])
    return sparse.csr_array((np.ones(len(ends)), tuple(ends.T)), shape=(node.size, node.size))


def roughness(
    graph: sparse.csr_array[np.float64, tuple[int, int]], found: NDArray[np.float64]
) -> list[float]:
    degree: NDArray[np.float64] = np.asarray(graph.sum(axis=1)).ravel()
    centred = found - (degree @ found) / degree.sum()
    bent = (centred * (degree[:, None] * centred - graph @ centred)).sum(axis=0)
    return list(bent / (degree[:, None] * centred**2).sum(axis=0))


def test_multilevel_vectors_are_nearly_as_smooth_as_exact_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    graph = grid(30, 17)
    exact = roughness(graph, smooth_eigenvectors(graph, 3))
    monkeypatch.setattr(graph_spectrum, "_MAX_DENSE", 100)
    assert np.allclose(roughness(graph, smooth_eigenvectors(graph, 3)), exact, rtol=0.1)


def test_unconnected_components_are_separated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graph_spectrum, "_MAX_DENSE", 20)
    parts = sparse.csr_array(sparse.block_diag([grid(5, 4)] * 6 + [sparse.csr_array((7, 7))]))
    found = smooth_eigenvectors(parts, 5)
    assert found.shape == (127, 5)
    assert np.isfinite(found).all()
    inside = found[:120].reshape(6, 20, 5)
    # Nodes of a part lie together, and the parts apart.
    assert inside.std(axis=1).max() < 0.3 * inside.mean(axis=1).std(axis=0).max()
