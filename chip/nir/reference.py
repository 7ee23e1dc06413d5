"""Reference run of a NIR graph in real numbers, against which the integers of the chip are measured."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from chip.errors import NetworkError
from chip.nir.convolution import Matrix
from chip.nir.discretise import DiscreteNeurons, Reset
from chip.sim.stimulus import random_spikes

__all__ = ["checked_spikes", "reference_run", "reference_spikes", "trial_spikes"]

STEPS, RATE = 1000, 0.2


def trial_spikes(n_inputs: int, *, seed: int = 0, steps: int = STEPS, rate: float = RATE) -> NDArray[np.int8]:
    """Generate random input, [step, input]: a fifth of the inputs fires +1 in a step."""
    return np.abs(random_spikes(n_inputs, steps, rate=rate, seed=seed)[:, 0])


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
    layers and for recurrent connections. Resets go to ``v_reset``, as NIR defines it, or subtract the feedback.
    """
    return reference_run(neurons, spikes, reset=reset)[0]


def reference_run(
    neurons: DiscreteNeurons, spikes: NDArray[np.int8], *, reset: Reset = "zero"
) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Compute ``reference_spikes``, and the mean membrane of each neuron when it fires; NaN if it never does."""
    now, past = _by_lag(neurons)
    groups = [
        np.flatnonzero(neurons.layer == level) for level in range(int(neurons.layer.max(initial=0)) + 1)
    ]
    rows_by_layer = [now[group] for group in groups]
    padded = np.concatenate([spikes, np.zeros((len(spikes), neurons.count), np.int8)], axis=1)
    all_sources = padded.astype(np.float64)
    current, membrane = np.zeros(neurons.count), np.zeros(neurons.count)
    fired, at_spikes = all_sources[:, neurons.n_inputs :], np.zeros(neurons.count)
    for step, sources in enumerate(all_sources):
        drive = neurons.bias.copy()
        for lag, weights in past.items():
            if step >= lag:
                drive += weights @ all_sources[step - lag]
        for group, weights in zip(groups, rows_by_layer, strict=True):
            current[group] = neurons.alpha[group] * current[group] + drive[group] + weights @ sources
            membrane[group] = neurons.beta[group] * membrane[group] + current[group]
            fired[step, group] = membrane[group] > neurons.theta[group]
        at_spikes += membrane * fired[step]
        membrane = _reset(neurons, membrane, fired[step] > 0, reset)
    counts = fired.sum(axis=0)
    return fired > 0, np.where(counts > 0, at_spikes / np.maximum(counts, 1), np.nan)


def _by_lag(neurons: DiscreteNeurons) -> tuple[Matrix, dict[int, Matrix]]:
    """Divide the weights into those that act within the step, and those of each number of steps later."""
    entries = neurons.weights.tocoo()
    delay, source = np.divmod(entries.col, neurons.n_sources)
    inner = source - neurons.n_inputs
    before = np.where(inner < 0, -1, neurons.layer[np.maximum(inner, 0)])
    lag = delay + (before == neurons.layer[entries.row])
    shape = (neurons.count, neurons.n_sources)
    found = {}
    for at in np.unique(np.append(lag, 0)).tolist():
        part = lag == at
        found[at] = sparse.csr_array((entries.data[part], (entries.row[part], source[part])), shape=shape)
    return found.pop(0), found


def _reset(
    neurons: DiscreteNeurons, membrane: NDArray[np.float64], fired: NDArray[np.bool_], reset: Reset
) -> NDArray[np.float64]:
    if reset != "zero":
        return membrane - neurons.feedback * fired
    return np.where(fired & np.isfinite(neurons.v_reset), neurons.v_reset, membrane)
