"""The plain NumPy engine: many steps of many streams, exact integers, few calls per step.

Membranes and spikes are laid out [neuron, stream]. Integers are kept in the narrowest type that no
reachable value can overflow (16 bits for anything that fits the chip), which triples the speed of batches.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from chip.network import Network

__all__ = ["Block", "Engine", "SimulationEngine", "State", "narrowest", "thresholds"]


@dataclass
class State:
    """What the chip remembers between two steps: membranes and the spikes under way, [neuron, stream]."""

    membrane: NDArray[Any]
    spikes: NDArray[Any]


@dataclass(frozen=True)
class Block:
    """What a run of steps left behind.

    Args:
        outputs: -1, 0, +1 of each [step, stream, output].
        neurons: the same for every neuron, [step, stream, neuron], if asked for.
        emitted: spikes of each neuron, int64[neuron].
        saturations: how often a membrane was held at the limit.
        peak: largest absolute membrane each neuron kept, int64[neuron].
    """

    outputs: NDArray[np.int8]
    neurons: NDArray[np.int8] | None
    emitted: NDArray[np.int64]
    saturations: int
    peak: NDArray[np.int64]


class SimulationEngine(Protocol):
    """What runs a network: every engine gives the same bits."""

    @property
    def block_values(self) -> int:
        """Steps x neurons x streams that it takes best at once."""

    def rest(self, streams: int) -> State:
        """The state after a reset: empty membranes, no spike under way."""

    def advance(self, state: State, inputs: NDArray[np.int8], *, keep_all: bool) -> Block:
        """Run the steps of ``inputs`` [step, stream, input] and move ``state`` on."""


class Engine:
    """One network prepared for simulation with saturation at ``v_sat``."""

    # Small enough for the cache, large enough to spread the cost of a block.
    block_values = 1 << 18

    def __init__(self, network: Network, v_sat: int) -> None:
        self._read, self._v_sat = network.outputs, v_sat
        self.dtype = narrowest(network, v_sat)
        self.n_neurons = network.n_neurons
        weights = sparse.csr_array(
            (network.weight.astype(self.dtype), (network.target, network.source)),
            shape=(network.n_neurons, network.n_inputs + network.n_neurons),
        )
        self._input_weights = weights[:, : network.n_inputs].tocsr()
        self._neuron_weights = weights[:, network.n_inputs :].tocsr()
        self._theta_p, self._theta_n = thresholds(network, self.dtype)
        self._w_fb = network.w_fb.astype(self.dtype)[:, None]
        self._shift = np.where(network.decay > 0, network.decay, _bits(self.dtype) - 1)
        self._shift = np.minimum(self._shift, _bits(self.dtype) - 1).astype(self.dtype)[:, None]
        self._decays = bool((network.decay > 0).any())
        self._feeds_back = bool(network.w_fb.any())
        self._high = np.array(v_sat, dtype=self.dtype)
        self._low = np.array(-v_sat, dtype=self.dtype)

    def rest(self, streams: int) -> State:
        """The state after a reset: empty membranes, no spike under way."""
        shape = (self.n_neurons, streams)
        return State(np.zeros(shape, self.dtype), np.zeros(shape, self.dtype))

    def advance(self, state: State, inputs: NDArray[np.int8], *, keep_all: bool) -> Block:
        """Run the steps of ``inputs`` [step, stream, input] and move ``state`` on."""
        drive = self._drive(inputs)
        spikes = np.empty(drive.shape, self.dtype)
        positive = np.empty(drive.shape[1:], np.bool_)
        negative = np.empty_like(positive)
        # Reading a bool as a number costs nothing this way; the difference of the two is the signed spike.
        up, down = positive.view(np.int8), negative.view(np.int8)
        change = np.empty(drive.shape[1:], self.dtype)
        membrane, before = state.membrane, state.spikes
        for level, fired in zip(drive, spikes, strict=True):
            level += self._neuron_weights @ before
            if self._decays:
                self._leak(membrane, change)
            level += membrane
            np.greater_equal(level, self._theta_p, out=positive)
            np.less_equal(level, self._theta_n, out=negative)
            np.subtract(up, down, out=fired)
            if self._feeds_back:
                level -= np.multiply(fired, self._w_fb, out=change)
            np.minimum(level, self._high, out=membrane)
            np.maximum(membrane, self._low, out=membrane)
            before = fired
        state.spikes = before.copy()
        return self._block(spikes, drive, keep_all)

    def _block(self, spikes: NDArray[Any], unclipped: NDArray[Any], keep_all: bool) -> Block:
        """Count: spikes and membranes before saturation come as [step, neuron, stream]."""
        reached = np.maximum(unclipped.max(axis=(0, 2)), -unclipped.min(axis=(0, 2)))
        held = np.flatnonzero(reached > self._v_sat)
        return Block(
            outputs=spikes[:, self._read].transpose(0, 2, 1).astype(np.int8),
            neurons=spikes.transpose(0, 2, 1).astype(np.int8) if keep_all else None,
            emitted=np.count_nonzero(spikes, axis=(0, 2)),
            saturations=int(np.count_nonzero(np.abs(unclipped[:, held]) > self._v_sat)),
            peak=np.minimum(reached, self._v_sat).astype(np.int64),
        )

    def _drive(self, inputs: NDArray[np.int8]) -> NDArray[Any]:
        """What the inputs add to each [step, neuron, stream]: known ahead, so one product for all steps."""
        steps, streams, n_inputs = inputs.shape
        columns = np.ascontiguousarray(inputs.reshape(steps * streams, n_inputs).T, dtype=self.dtype)
        currents = self._input_weights @ columns
        return np.ascontiguousarray(currents.reshape(self.n_neurons, steps, streams).transpose(1, 0, 2))

    def _leak(self, membrane: NDArray[Any], scratch: NDArray[Any]) -> None:
        np.abs(membrane, out=scratch)
        scratch >>= self._shift
        scratch *= np.sign(membrane)
        membrane -= scratch


def narrowest(network: Network, v_sat: int) -> np.dtype[Any]:
    """The narrowest integers that hold every value a step can produce."""
    magnitude = np.abs(network.weight.astype(np.int64))
    current = np.bincount(network.target, weights=magnitude, minlength=network.n_neurons)
    reach = v_sat + int(current.max(initial=0)) + int(network.w_fb.max(initial=0))
    largest = max(reach, int(network.theta_p.max(initial=0)), int(network.theta_n.max(initial=0)))
    for kind in (np.int16, np.int32):
        if largest < np.iinfo(kind).max:
            return np.dtype(kind)
    return np.dtype(np.int64)


def thresholds(network: Network, dtype: np.dtype[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Levels to compare with; a disabled negative output gets a level that cannot be reached."""
    # With both thresholds at 0 the positive output wins at q = 0: -1 is then the first negative level.
    theta_n = np.where((network.theta_p == 0) & (network.theta_n == 0), 1, network.theta_n)
    level = np.where(network.negative, -theta_n.astype(np.int64), np.iinfo(dtype).min)
    return network.theta_p.astype(dtype)[:, None], level.astype(dtype)[:, None]


def _bits(dtype: np.dtype[Any]) -> int:
    return dtype.itemsize * 8
