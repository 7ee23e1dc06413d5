"""Graph analysis of a network: distances, loops, signs of spikes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse import csgraph

from chip.network import Network

__all__ = ["neurons_in_loops", "self_sustaining", "spike_signs", "steps_from_inputs"]


def steps_from_inputs(network: Network, *, also: NDArray[np.bool_] | None = None) -> NDArray[np.int64]:
    """Compute the fewest steps from an input spike to a spike of each neuron; -1 where there is no path.

    Args:
        network: the network.
        also: neurons that count as inputs as well.
    """
    steps = np.full(network.n_neurons, -1, dtype=np.int64)
    edges = _edges(network)
    from_input = network.source < network.n_inputs
    frontier = np.zeros(network.n_neurons, dtype=np.bool_)
    if also is not None:
        inner = np.maximum(network.source - network.n_inputs, 0)
        from_input = from_input | (~from_input & (also[inner] if also.size else False))
    frontier[network.target[from_input]] = True
    at = 1
    while (frontier := frontier & (steps < 0)).any():
        steps[frontier] = at
        frontier = (edges @ frontier.astype(np.int32)) > 0
        at += 1
    return steps


def neurons_in_loops(network: Network) -> NDArray[np.int64]:
    """Return the neurons whose spikes can come back to them, in ascending order."""
    return np.flatnonzero(_on_cycle(_edges(network)))


def self_sustaining(network: Network) -> NDArray[np.int64]:
    """Return the neurons on a loop that a single spike keeps going without any input, in ascending order.

    A spike counts as passed on where its synapse alone reaches the threshold of a neuron at rest.
    """
    n = network.n_neurons
    between = network.source >= network.n_inputs
    source = network.source[between] - network.n_inputs
    target, weight = network.target[between], network.weight[between]
    rows, columns = [], []
    for sign in (1, -1):
        # Node j is "neuron j fires +1", node n + j is "neuron j fires -1".
        drive = sign * weight.astype(np.int64)
        up = (drive > 0) & (drive >= network.theta_p[target])
        down = (drive < 0) & network.negative[target] & (-drive >= network.theta_n[target])
        start = source + (0 if sign > 0 else n)
        rows += [target[up], target[down] + n]
        columns += [start[up], start[down]]
    row, column = np.concatenate(rows), np.concatenate(columns)
    edges = sparse.csr_array((np.ones(row.size, np.int32), (row, column)), shape=(2 * n, 2 * n))
    return np.flatnonzero(_on_cycle(edges).reshape(2, n).any(axis=0))


def spike_signs(network: Network) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return the sources that can send +1, and those that can send -1, each bool[n_inputs + n_neurons]."""
    able = np.ones(network.n_inputs + network.n_neurons, dtype=np.bool_)
    return able, np.concatenate([able[: network.n_inputs], network.negative])


def _edges(network: Network) -> sparse.csr_array[Any, tuple[int, int]]:
    """Build the adjacency matrix of the neurons: row target, column source."""
    between = network.source >= network.n_inputs
    rows, columns = network.target[between], network.source[between] - network.n_inputs
    shape = (network.n_neurons, network.n_neurons)
    return sparse.csr_array((np.ones(rows.size, np.int32), (rows, columns)), shape=shape)


def _on_cycle(edges: sparse.csr_array[Any, tuple[int, int]]) -> NDArray[np.bool_]:
    if edges.shape[0] == 0:
        return np.zeros(0, dtype=np.bool_)
    count, component = csgraph.connected_components(edges, directed=True, connection="strong")
    alone = np.bincount(component, minlength=count)[component] == 1
    on_cycle: NDArray[np.bool_] = ~alone | (edges.diagonal() > 0)
    return on_cycle
