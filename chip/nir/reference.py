"""Reference run of a NIR graph in real numbers, against which the integers of the chip are measured."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from chip.errors import NetworkError
from chip.nir.discretise import DiscreteNeurons, Reset
from chip.sim.stimulus import random_spikes

__all__ = ["checked_spikes", "reference_run", "reference_spikes", "trial_spikes"]

STEPS, RATE = 1000, 0.2


def trial_spikes(n_inputs: int, *, seed: int = 0) -> NDArray[np.int8]:
    """Generate random input, [step, input]: a fifth of the inputs fires +1 in a step."""
    return np.abs(random_spikes(n_inputs, STEPS, rate=RATE, seed=seed)[:, 0])


def checked_spikes(neurons: DiscreteNeurons, spikes: NDArray[np.integer[Any]]) -> NDArray[np.int8]:
    """Validate input spikes.

    Raises:
        NetworkError: they are not -1, 0 or +1 of each [step, input].
    """
    if spikes.ndim != 2 or spikes.shape[1] != neurons.n_inputs or len(spikes) == 0:
        raise NetworkError(f"has shape {spikes.shape}, not (steps, {neurons.n_inputs})", where="spikes")
    if spikes.dtype.kind not in "biu" or spikes.max(initial=0) > 1 or spikes.min(initial=0) < -1:
        raise NetworkError("holds values other than -1, 0 and +1", where="spikes")
    return np.asarray(spikes, np.int8)


def reference_spikes(
    neurons: DiscreteNeurons, spikes: NDArray[np.int8], *, reset: Reset = "zero"
) -> NDArray[np.bool_]:
    """Compute the spikes of every neuron, bool[step, neuron], on one stream of input, [step, input].

    Spikes reach a later layer within the step, and neurons on a common loop in the next, as frameworks have it for
    layers and for recurrent connections. Resets go to ``v_reset``, as NIR defines it, or subtract the threshold.
    """
    return reference_run(neurons, spikes, reset=reset)[0]


def reference_run(
    neurons: DiscreteNeurons, spikes: NDArray[np.int8], *, reset: Reset = "zero"
) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Compute ``reference_spikes``, and the mean membrane of each neuron when it fires; NaN if it never does."""
    inner = neurons.weights[:, neurons.n_inputs :].tocoo()
    forward = neurons.layer[inner.row] > neurons.layer[inner.col]
    shape = (neurons.count, neurons.count)
    next_step = sparse.csr_array(
        (inner.data[~forward], (inner.row[~forward], inner.col[~forward])), shape=shape
    )
    within_step = sparse.csr_array(
        (inner.data[forward], (inner.row[forward], inner.col[forward])), shape=shape
    )
    groups = [
        np.flatnonzero(neurons.layer == level) for level in range(int(neurons.layer.max(initial=0)) + 1)
    ]
    rows_by_layer = [within_step[group] for group in groups]
    input_weights = sparse.csr_array(neurons.weights[:, : neurons.n_inputs])
    current, membrane = np.zeros(neurons.count), np.zeros(neurons.count)
    fired = np.zeros((len(spikes), neurons.count), np.bool_)
    last, at_spikes = np.zeros(neurons.count), np.zeros(neurons.count)
    for step, row in enumerate(spikes):
        drive = input_weights @ row.astype(np.float64) + neurons.bias + next_step @ last
        last = np.zeros(neurons.count)
        for group, weights in zip(groups, rows_by_layer, strict=True):
            current[group] = neurons.alpha[group] * current[group] + drive[group] + weights @ last
            membrane[group] = neurons.beta[group] * membrane[group] + current[group]
            last[group] = membrane[group] > neurons.theta[group]
        fired[step] = last > 0
        at_spikes += membrane * fired[step]
        membrane = _reset(neurons, membrane, fired[step], reset)
    counts = fired.sum(axis=0)
    return fired, np.where(counts > 0, at_spikes / np.maximum(counts, 1), np.nan)


def _reset(
    neurons: DiscreteNeurons, membrane: NDArray[np.float64], fired: NDArray[np.bool_], reset: Reset
) -> NDArray[np.float64]:
    if reset == "subtract":
        return membrane - neurons.feedback * fired
    return np.where(fired & np.isfinite(neurons.v_reset), neurons.v_reset, membrane)
