"""The engine compiled by Numba: stream by stream, only synapses on which a spike arrives are touched.

It gives the same bits as the plain engine. The state of a stream stays in the nearest caches, and the loops
over neurons are kept so simple, and their integers so narrow, that the compiler turns them into vectors.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from functools import cache
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from chip.engine import Block, State, narrowest, thresholds
from chip.errors import ChipError
from chip.network import Network

__all__ = ["CompiledEngine"]

_Kernel = Callable[..., int]
# Bytes of spikes that one look can skip when all of them are 0.
_WORD = 8


class CompiledEngine:
    """One network prepared for simulation with saturation at ``v_sat``.

    Raises:
        ChipError: Numba is not installed.
    """

    block_values = 1 << 24

    def __init__(self, network: Network, v_sat: int) -> None:
        if importlib.util.find_spec("numba") is None:
            raise ChipError("Numba is not installed", where="engine", hint="pip install numba")
        self.dtype = narrowest(network, v_sat)
        self._network = network
        self._synapses = _by_source(network, self.dtype)
        theta_p, theta_n = (theta[:, 0].copy() for theta in thresholds(network, self.dtype))
        shift = np.where(network.decay > 0, network.decay, 8 * self.dtype.itemsize - 1)
        shift = np.minimum(shift, 8 * self.dtype.itemsize - 1).astype(self.dtype)
        limit = np.full(network.n_neurons, v_sat, self.dtype)
        self._neurons = theta_p, theta_n, network.w_fb.astype(self.dtype), shift, limit
        self._decays = bool((network.decay > 0).any())
        self._kernel = _compiled()

    def rest(self, streams: int) -> State:
        """The state after a reset: empty membranes, no spike under way."""
        shape = (self._network.n_neurons, streams)
        return State(np.zeros(shape, self.dtype), np.zeros(shape, self.dtype))

    def advance(self, state: State, inputs: NDArray[np.int8], *, keep_all: bool) -> Block:
        """Run the steps of ``inputs`` [step, stream, input] and move ``state`` on."""
        steps, streams, _ = inputs.shape
        network = self._network
        membrane = np.ascontiguousarray(state.membrane.T)
        # Whole words of spikes: those beyond the last neuron stay 0.
        padded = -(-max(1, network.n_neurons) // _WORD) * _WORD
        fired = np.zeros((streams, padded), np.int8)
        fired[:, : network.n_neurons] = state.spikes.T
        outputs = np.zeros((steps, streams, network.n_outputs), np.int8)
        neurons = np.zeros((steps, streams, network.n_neurons if keep_all else 0), np.int8)
        emitted = np.zeros(network.n_neurons, np.int64)
        peak = np.zeros(network.n_neurons, self.dtype)
        tables = *self._synapses, *self._neurons, network.outputs
        saturations = self._kernel(
            *_given(inputs),
            *tables,
            self._decays,
            membrane,
            fired,
            outputs,
            neurons,
            emitted,
            peak,
        )
        state.membrane = np.ascontiguousarray(membrane.T)
        state.spikes = np.ascontiguousarray(fired[:, : network.n_neurons].T).astype(self.dtype)
        return Block(outputs, neurons if keep_all else None, emitted, int(saturations), peak.astype(np.int64))


def _given(inputs: NDArray[np.int8]) -> tuple[NDArray[Any], ...]:
    """The spikes of ``inputs``: first of each [stream, step] and of the end; input and sign of each."""
    by_stream = np.ascontiguousarray(inputs.transpose(1, 0, 2))
    steps, streams, n_inputs = inputs.shape
    counts = np.count_nonzero(by_stream, axis=2).ravel()
    at = np.flatnonzero(by_stream)
    return (
        np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        (at % max(1, n_inputs)).astype(np.int64),
        by_stream.ravel()[at],
        np.array([steps, streams, n_inputs]),
    )


def _by_source(network: Network, dtype: np.dtype[Any]) -> tuple[NDArray[Any], ...]:
    """First synapse of each source, [source + 1], and target and weight of each synapse.

    Indices are unsigned: the compiled loops then need not ask whether one counts from the end.
    """
    order = np.argsort(network.source, kind="stable")
    counts = np.bincount(network.source, minlength=network.n_inputs + network.n_neurons)
    start = np.concatenate([[0], np.cumsum(counts)]).astype(np.uint64)
    return start, network.target[order].astype(np.uint32), network.weight[order].astype(dtype)


def _advance(
    given_start: NDArray[np.int64],
    given: NDArray[np.int64],
    given_sign: NDArray[np.int8],
    sizes: NDArray[np.int64],
    start: NDArray[np.uint64],
    target: NDArray[np.uint32],
    weight: NDArray[Any],
    theta_p: NDArray[Any],
    theta_n: NDArray[Any],
    w_fb: NDArray[Any],
    shift: NDArray[Any],
    limit: NDArray[Any],
    read: NDArray[np.int32],
    decays: bool,
    membrane: NDArray[Any],
    fired: NDArray[np.int8],
    outputs: NDArray[np.int8],
    neurons: NDArray[np.int8],
    emitted: NDArray[np.int64],
    peak: NDArray[Any],
) -> int:
    """All steps of one stream after the other; returns how often a membrane was held at the limit."""
    steps, streams, n_inputs = sizes
    n = theta_p.size
    level = np.zeros_like(theta_p)
    active = np.zeros(n + 8, np.int64)
    saturations = 0
    for stream in range(streams):
        v, spikes = membrane[stream], fired[stream]
        words = spikes.view(np.int64)
        count = 0
        for j in range(n):
            active[count] = j
            count += spikes[j] != 0
        for step in range(steps):
            now = stream * steps + step
            for at in range(given_start[now], given_start[now + 1]):
                source = given[at]
                if given_sign[at] > 0:
                    for p in range(start[source], start[source + 1]):
                        level[target[p]] += weight[p]
                else:
                    for p in range(start[source], start[source + 1]):
                        level[target[p]] -= weight[p]
            for at in range(count):
                source = active[at] + n_inputs
                if spikes[active[at]] > 0:
                    for p in range(start[source], start[source + 1]):
                        level[target[p]] += weight[p]
                else:
                    for p in range(start[source], start[source + 1]):
                        level[target[p]] -= weight[p]
            if decays:
                for j in range(n):
                    v[j] -= v[j] >> shift[j] if v[j] >= 0 else -(-v[j] >> shift[j])
            for j in range(n):
                level[j] += v[j]
            for j in range(n):
                spikes[j] = np.int8(level[j] >= theta_p[j]) - np.int8(level[j] <= theta_n[j])
            for j in range(n):
                level[j] -= w_fb[j] * spikes[j]
            held = 0
            for j in range(n):
                v[j] = min(max(level[j], -limit[j]), limit[j])
                held += v[j] != level[j]
                peak[j] = max(peak[j], abs(v[j]))
                level[j] = 0
            saturations += held
            count = 0
            for word in range(words.size):
                if words[word] != 0:
                    for j in range(word * 8, word * 8 + 8):
                        active[count] = j
                        count += spikes[j] != 0
            for at in range(count):
                emitted[active[at]] += 1
            for k in range(read.size):
                outputs[step, stream, k] = spikes[read[k]]
            for j in range(neurons.shape[2]):
                neurons[step, stream, j] = spikes[j]
    return saturations


@cache
def _compiled() -> _Kernel:
    import numba

    try:
        return cast(_Kernel, numba.njit(cache=True)(_advance))
    except RuntimeError:
        # Nowhere to keep the compiled code: an installation that cannot be written to.
        return cast(_Kernel, numba.njit(_advance))
