"""Nengo's reference simulator with its optimiser and sparse connections."""

from __future__ import annotations

import time
from typing import Any

import nengo
import numpy as np
import scipy.sparse
from task import Task, serve

STEPS = 2000


def run(task: Task) -> dict[str, Any]:
    """Measure the first stream alone, with spiking rectified linear neurons as integrate-and-fire neurons."""
    spikes = task.spikes[:STEPS, 0].astype(float)
    n, inputs = task.theta.size, spikes.shape[1]
    weights = scipy.sparse.csr_matrix((task.weight, (task.target, task.source)), shape=(n, inputs + n))
    scale = scipy.sparse.diags(1000.0 / task.theta)
    with nengo.Network() as network:
        node = nengo.Node(lambda t: spikes[min(len(spikes), max(1, round(t * 1000))) - 1], size_out=inputs)
        neurons = nengo.Ensemble(
            n, 1, neuron_type=nengo.SpikingRectifiedLinear(), gain=np.ones(n), bias=np.zeros(n)
        ).neurons
        from_input, from_neurons = scale @ weights[:, :inputs], scale @ weights[:, inputs:] / 1000.0
        nengo.Connection(node, neurons, transform=nengo.Sparse((n, inputs), init=from_input), synapse=None)
        nengo.Connection(neurons, neurons, transform=nengo.Sparse((n, n), init=from_neurons), synapse=0)
    with nengo.Simulator(network, progress_bar=False, optimize=True) as simulator:
        simulator.run_steps(10)
        begin = time.perf_counter()
        simulator.run_steps(len(spikes) - 10)
        seconds = time.perf_counter() - begin
    return {"stream": (len(spikes) - 10) * n / seconds}


serve(run)
