"""Runs a network as the chip would: exact integers, one stream step by step or many at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from chip.engine import Engine, SimulationEngine, State
from chip.engine_compiled import CompiledEngine
from chip.errors import NetworkError
from chip.network import Network
from chip.validation import MAX_MAGNITUDE

__all__ = ["SimulationResult", "Simulator"]


@dataclass(frozen=True)
class SimulationResult:
    """What one call of ``run`` produced.

    Args:
        outputs: -1, 0, +1 of each [step, stream, output].
        neurons: the same for every neuron, [step, stream, neuron], if ``record="all"``; otherwise None.
        sop: synaptic operations: synapses on which a spike arrived during these steps, all streams together.
        spikes: spikes that neurons emitted.
        input_spikes: spikes that came in.
        neuron_spikes: spikes emitted by each neuron, int64[neuron].
        saturations: how often a membrane was held at the limit.
        peak_membrane: largest absolute membrane each neuron kept, int64[neuron].
    """

    outputs: NDArray[np.int8]
    neurons: NDArray[np.int8] | None
    sop: int
    spikes: int
    input_spikes: int
    neuron_spikes: NDArray[np.int64]
    saturations: int
    peak_membrane: NDArray[np.int64]


class Simulator:
    """A network in motion; the state lives on between calls, so any split of the input gives the same bits.

    Args:
        network: what to run.
        v_sat: membranes are clipped to [-v_sat, +v_sat].
        engine: ``"numpy"``, or ``"compiled"``, which needs Numba: the same bits, about 20 times as fast for one
            stream and 5 times for many, after a second or two for the compiler.

    Raises:
        NetworkError: ``v_sat`` is out of range.
        ChipError: Numba is not installed.
    """

    def __init__(
        self, network: Network, *, v_sat: int, engine: Literal["numpy", "compiled"] = "numpy"
    ) -> None:
        if not 1 <= v_sat <= MAX_MAGNITUDE:
            raise NetworkError(f"is {v_sat}, not within 1..{MAX_MAGNITUDE}", where="v_sat")
        self.network = network
        self.v_sat = int(v_sat)
        made = Engine if engine == "numpy" else CompiledEngine
        self._engine: SimulationEngine = made(network, self.v_sat)
        self._fan_out = network.fan_out()
        self._state: State | None = None

    @property
    def streams(self) -> int | None:
        """How many streams run side by side; None before the first run."""
        return None if self._state is None else self._state.membrane.shape[1]

    def reset(self, streams: int | None = None) -> None:
        """Return to rest, with another number of streams if one is given."""
        streams = self.streams if streams is None else streams
        if streams is not None and streams < 1:
            raise NetworkError(f"is {streams}, not at least 1", where="streams")
        self._state = None if streams is None else self._engine.rest(streams)

    def run(
        self, spikes: NDArray[np.integer[Any]], *, record: Literal["outputs", "all"] = "outputs"
    ) -> SimulationResult:
        """Run as many steps as ``spikes`` holds.

        Args:
            spikes: -1, 0 or +1 of each [step, stream, input].
            record: ``"all"`` also keeps the spikes of every neuron.

        Raises:
            NetworkError: wrong shape or values, or another number of streams than before.
        """
        inputs = self._checked(spikes)
        steps, streams, _ = inputs.shape
        if self._state is None:
            self.reset(streams)
        tally = _Tally(self, steps, streams, record == "all")
        block = max(1, self._engine.block_values // max(1, self.network.n_neurons * streams))
        for start in range(0, steps, block):
            tally.add(inputs[start : start + block], start)
        return tally.result()

    def _checked(self, spikes: NDArray[Any]) -> NDArray[np.int8]:
        inputs = np.asarray(spikes)
        if inputs.ndim != 3 or inputs.shape[2] != self.network.n_inputs or inputs.shape[1] < 1:
            raise NetworkError(
                f"has shape {inputs.shape} instead of (steps, streams, {self.network.n_inputs})",
                where="spikes",
            )
        if self.streams not in (None, inputs.shape[1]):
            raise NetworkError(
                f"holds {inputs.shape[1]} streams while {self.streams} are under way",
                where="spikes",
                hint="call reset(streams=...) to start others",
            )
        if inputs.dtype.kind not in ("b", "i", "u"):
            raise NetworkError(f"holds {inputs.dtype} instead of integers", where="spikes")
        if inputs.size and (inputs.max() > 1 or inputs.min() < -1):
            raise NetworkError("holds values other than -1, 0 and +1", where="spikes")
        return inputs.astype(np.int8, copy=False)


class _Tally:
    """Advances a simulator block by block and keeps count."""

    def __init__(self, simulator: Simulator, steps: int, streams: int, keep_all: bool) -> None:
        network = simulator.network
        self._simulator = simulator
        self._outputs = np.zeros((steps, streams, network.n_outputs), np.int8)
        self._neurons = np.zeros((steps, streams, network.n_neurons), np.int8) if keep_all else None
        self._arrived = np.zeros(network.n_inputs + network.n_neurons, np.int64)
        self._emitted = np.zeros(network.n_neurons, np.int64)
        self._peak = np.zeros(network.n_neurons, np.int64)
        self._saturations = 0

    def add(self, inputs: NDArray[np.int8], start: int) -> None:
        simulator, network = self._simulator, self._simulator.network
        state = simulator._state
        if state is None:
            return
        under_way = np.count_nonzero(state.spikes, axis=1)
        block = simulator._engine.advance(state, inputs, keep_all=self._neurons is not None)
        end = start + len(inputs)
        self._outputs[start:end] = block.outputs
        if self._neurons is not None and block.neurons is not None:
            self._neurons[start:end] = block.neurons
        self._emitted += block.emitted
        # Spikes of the last step arrive in the next block, those of the step before this block arrive here.
        self._arrived[: network.n_inputs] += np.count_nonzero(inputs, axis=(0, 1))
        still = np.count_nonzero(state.spikes, axis=1)
        self._arrived[network.n_inputs :] += block.emitted + under_way - still
        self._saturations += block.saturations
        np.maximum(self._peak, block.peak, out=self._peak)

    def result(self) -> SimulationResult:
        n_inputs = self._simulator.network.n_inputs
        return SimulationResult(
            outputs=self._outputs,
            neurons=self._neurons,
            sop=int(self._arrived @ self._simulator._fan_out),
            spikes=int(self._emitted.sum()),
            input_spikes=int(self._arrived[:n_inputs].sum()),
            neuron_spikes=self._emitted,
            saturations=self._saturations,
            peak_membrane=self._peak,
        )
