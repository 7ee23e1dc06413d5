"""NumPy engine: many steps of many streams, exact integers, few calls per step.

Membranes and spikes are laid out [neuron, stream]. Integers are kept in the narrowest type that no reachable value can
overflow (16 bits for anything that fits the chip), which triples the speed of batches.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse import _sparsetools

from chip.network import Network
from chip.sim.counter_rng import noise_words
from chip.sim.dynamics import dynamics_of
from chip.sim.imperfection import Deviation, noise_keys

__all__ = ["NumpyEngine", "NumpyState", "SimulationEngine", "StepBlock"]

# Product that ``@`` calls in the end. For one stream the dispatch of SciPy takes five times as long as the product; a
# SciPy that keeps it elsewhere is called through ``@``.
_CSR_MATVEC: Callable[..., None] | None = getattr(_sparsetools, "csr_matvec", None)


@dataclass
class NumpyState:
    """State between two steps: membranes and the spikes in flight, [neuron, stream]."""

    membrane: NDArray[Any]
    spikes: NDArray[Any]
    noise_keys: NDArray[np.uint64]
    step: int = 0


@dataclass(frozen=True)
class StepBlock:
    """Result of a block of steps.

    Args:
        outputs: -1, 0, +1 of each [step, stream, output].
        neurons: the same for every neuron, [step, stream, neuron], if ``keep_all`` is set.
        arrived: spikes that reached the synapses of each source, int64[n_inputs + n_neurons].
        emitted: spikes of each neuron, int64[neuron].
        saturations: number of membranes clipped at the limit.
        peak: largest absolute membrane of each neuron, int64[neuron].
    """

    outputs: NDArray[np.int8]
    neurons: NDArray[np.int8] | None
    arrived: NDArray[np.int64]
    emitted: NDArray[np.int64]
    saturations: int
    peak: NDArray[np.int64]


class SimulationEngine(Protocol):
    """Protocol of the engines that run a network; all give the same bits."""

    @property
    def checks_inputs(self) -> bool:
        """Return whether ``advance`` refuses invalid inputs before the state changes."""

    @property
    def block_values(self) -> int:
        """Steps x neurons x streams of the most efficient block."""

    def with_deviation(self, deviation: Deviation) -> SimulationEngine:
        """Prepare the same network for a chip with other imperfections."""

    def rest(self, streams: int, first: int = 0) -> Any:
        """Return the state after a reset: empty membranes, no spike in flight; ``first`` numbers the streams."""

    def advance(self, state: Any, inputs: NDArray[np.int8], *, keep_all: bool) -> StepBlock:
        """Run the steps of ``inputs`` [step, stream, input] and move ``state`` on."""


class NumpyEngine:
    """One network prepared for simulation with saturation at ``v_sat``, on a perfect chip or on another."""

    checks_inputs = False
    # Small enough for the cache, large enough to spread the cost of a block.
    block_values = 1 << 18

    def __init__(self, network: Network, v_sat: int, deviation: Deviation | None = None) -> None:
        self._network, self._v_sat, self._deviation = network, v_sat, deviation
        self._dynamics = numbers = dynamics_of(network, v_sat, deviation)
        self.dtype = numbers.dtype
        weights = sparse.csr_array(
            (numbers.weight, (network.target, network.source)),
            shape=(network.n_neurons, network.n_inputs + network.n_neurons),
        )
        self._input_weights = weights[:, : network.n_inputs].tocsr()
        self._neuron_weights = weights[:, network.n_inputs :].tocsr()
        self._theta_p, self._theta_n, self._w_fb, self._shift = (
            column[:, None] for column in (numbers.theta_p, numbers.theta_n, numbers.w_fb, numbers.shift)
        )
        self._feeds_back = bool(network.w_fb.any())
        self._high = np.array(numbers.v_sat, dtype=self.dtype)
        self._low = np.array(-numbers.v_sat, dtype=self.dtype)

    def with_deviation(self, deviation: Deviation) -> NumpyEngine:
        """Prepare the same network for a chip with other imperfections."""
        return NumpyEngine(self._network, self._v_sat, deviation)

    def rest(self, streams: int, first: int = 0) -> NumpyState:
        """Return the state after a reset: empty membranes, no spike in flight; ``first`` numbers the streams."""
        shape = (self._network.n_neurons, streams)
        keys = noise_keys(self._deviation, range(first, first + streams))
        return NumpyState(np.zeros(shape, self.dtype), np.zeros(shape, self.dtype), keys)

    def advance(self, state: NumpyState, inputs: NDArray[np.int8], *, keep_all: bool) -> StepBlock:
        """Run the steps of ``inputs`` [step, stream, input] and advance ``state``."""
        drive = self._drive(inputs)
        spikes = np.empty(drive.shape, self.dtype)
        positive = np.empty(drive.shape[1:], np.bool_)
        negative = np.empty_like(positive)
        # Reading a bool as a number costs nothing this way; the difference of the two is the signed spike.
        up, down = positive.view(np.int8), negative.view(np.int8)
        change = np.empty(drive.shape[1:], self.dtype)
        membrane, first = state.membrane, state.spikes
        weights, multiply = self._neuron_weights, _CSR_MATVEC if inputs.shape[1] == 1 else None
        csr = (*weights.shape, weights.indptr, weights.indices, weights.data)
        before = first
        for potential, fired in zip(drive, spikes, strict=True):
            if multiply is None:
                potential += weights @ before
            else:
                multiply(*csr, before, potential)
            if self._dynamics.noise.size:
                potential += self._dynamics.noise[
                    noise_words(state.noise_keys, state.step, self._network.n_neurons)
                ]
            if self._dynamics.leaks:
                self._leak(membrane, change)
            potential += membrane
            np.greater_equal(potential, self._theta_p, out=positive)
            np.less_equal(potential, self._theta_n, out=negative)
            np.subtract(up, down, out=fired)
            if self._feeds_back:
                potential -= np.multiply(fired, self._w_fb, out=change)
            np.minimum(potential, self._high, out=membrane)
            np.maximum(membrane, self._low, out=membrane)
            before = fired
            state.step += 1
        state.spikes = before.copy()
        return self._block(inputs, spikes, first, drive, keep_all)

    def _block(
        self,
        inputs: NDArray[np.int8],
        spikes: NDArray[Any],
        first: NDArray[Any],
        unclipped: NDArray[Any],
        keep_all: bool,
    ) -> StepBlock:
        """Summarise a block: spikes and membranes before saturation are [step, neuron, stream]."""
        v_sat = self._dynamics.v_sat
        reached = np.maximum(unclipped.max(axis=(0, 2), initial=0), -unclipped.min(axis=(0, 2), initial=0))
        held = np.flatnonzero(reached > v_sat)
        emitted = np.count_nonzero(spikes, axis=(0, 2))
        # Spikes of the last step arrive in the next block, those of the step before this block arrive here.
        last = spikes[-1] if len(spikes) else first
        neurons = emitted + np.count_nonzero(first, axis=1) - np.count_nonzero(last, axis=1)
        return StepBlock(
            outputs=spikes[:, self._network.outputs].transpose(0, 2, 1).astype(np.int8),
            neurons=spikes.transpose(0, 2, 1).astype(np.int8) if keep_all else None,
            arrived=np.concatenate([np.count_nonzero(inputs, axis=(0, 1)), neurons]),
            emitted=emitted,
            saturations=int(np.count_nonzero(np.abs(unclipped[:, held]) > v_sat)),
            peak=self._dynamics.in_whole_units(np.minimum(reached, v_sat)),
        )

    def _drive(self, inputs: NDArray[np.int8]) -> NDArray[Any]:
        """Compute the current of the inputs at each [step, neuron, stream], with one product for all steps."""
        steps, streams, n_inputs = inputs.shape
        columns = np.ascontiguousarray(inputs.reshape(steps * streams, n_inputs).T, dtype=self.dtype)
        currents = self._input_weights @ columns
        return np.ascontiguousarray(
            currents.reshape(self._network.n_neurons, steps, streams).transpose(1, 0, 2)
        )

    def _leak(self, membrane: NDArray[Any], scratch: NDArray[Any]) -> None:
        sign, fraction = np.sign(membrane), self._dynamics.fraction
        np.abs(membrane, out=scratch)
        scratch >>= self._shift
        scratch <<= fraction
        scratch *= sign
        membrane -= scratch
        if fraction:
            np.abs(membrane, out=scratch)
            scratch >>= self._dynamics.extra_shift
            scratch *= sign
            membrane -= scratch
