"""Simulator of the chip: exact integers, one stream step by step or many at once."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from chip.errors import NetworkError
from chip.network import Network
from chip.sim.compiled.engine import CompiledEngine, is_loaded, numba_is_installed
from chip.sim.imperfection import Deviation, Imperfection
from chip.sim.numpy_engine import NumpyEngine, NumpyState, SimulationEngine, StepBlock
from chip.validation import MAX_MAGNITUDE

__all__ = ["EngineName", "SimulationResult", "Simulator"]

EngineName = Literal["numpy", "compiled", "auto"]
# Neuron-steps and streams from which a second for loading Numba, or ten for compiling, pays off.
_AUTO_NEURON_STEPS, _AUTO_STREAMS = 50_000_000, 8


@dataclass(frozen=True)
class SimulationResult:
    """Result of one call of ``run``.

    Args:
        outputs: -1, 0, +1 of each [step, stream, output].
        neurons: the same for every neuron, [step, stream, neuron], if ``record="all"``; otherwise None.
        sop: synaptic operations: synapses on which a spike arrived during these steps, all streams together.
        spikes: spikes that neurons emitted.
        input_spikes: spikes that came in.
        neuron_spikes: spikes emitted by each neuron, int64[neuron].
        saturations: number of membranes clipped at the limit.
        peak_membrane: largest absolute membrane of each neuron, int64[neuron]; fractions are rounded up.
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
    """Running network; the state persists between calls, so any split of the input gives the same bits.

    Args:
        network: network to run.
        v_sat: membranes are clipped to [-v_sat, +v_sat].
        engine: ``"numpy"``, or ``"compiled"``, which needs Numba: the same bits, 20 to 90 times as fast, after
            a second for loading, and about ten for compiling on the first run after installation. ``"auto"``
            begins with the former and changes to the latter when there is much work and Numba is installed.
        imperfection: deviations of the chips from their program; None for a perfect chip.
        chip: number of the chip in the series, which determines its mismatch and noise.
        first_stream: number of the first stream. Noise and lost events of a stream depend on its number, so
            stream 7 alone, with ``first_stream=7``, gives the same bits as in a batch.

    Raises:
        NetworkError: ``v_sat`` or a number is out of range.
        ChipError: Numba is not installed.
    """

    def __init__(
        self,
        network: Network,
        *,
        v_sat: int,
        engine: EngineName = "numpy",
        imperfection: Imperfection | None = None,
        chip: int = 0,
        first_stream: int = 0,
    ) -> None:
        if not 1 <= v_sat <= MAX_MAGNITUDE:
            raise NetworkError(f"is {v_sat}, not within 1..{MAX_MAGNITUDE}", where="v_sat")
        for name, number in (("chip", chip), ("first_stream", first_stream)):
            if not 0 <= number <= MAX_MAGNITUDE:
                raise NetworkError(f"is {number}, not within 0..{MAX_MAGNITUDE}", where=name)
        self.network = network
        self.v_sat = int(v_sat)
        self._first_stream = first_stream
        self._deviation = None if imperfection is None else Deviation(imperfection, chip)
        self._chooses, self._done = engine == "auto" and numba_is_installed(), 0
        compiled = engine == "compiled" or (self._chooses and is_loaded())
        self._engine: SimulationEngine = (CompiledEngine if compiled else NumpyEngine)(
            network, self.v_sat, self._deviation
        )
        self._fan_out = network.fan_out()
        self._streams: int | None = None
        self._state: Any = None
        self._step = 0

    @property
    def streams(self) -> int | None:
        """Number of streams side by side; None before the first run."""
        return self._streams

    def for_chip(self, chip: int) -> Self:
        """Return the same network at rest on another chip of the series; cheaper than a new simulator."""
        if self._deviation is None:
            raise NetworkError("all chips are the same without imperfections", where="chip")
        other = copy.copy(self)
        other._deviation = self._deviation.imperfection.of_chip(chip)
        other._engine = self._engine.with_deviation(other._deviation)
        other._streams = other._state = None
        return other

    def reset(self, streams: int | None = None) -> None:
        """Return to rest, with another number of streams if one is given."""
        streams = self.streams if streams is None else streams
        if streams is not None and streams < 1:
            raise NetworkError(f"is {streams}, not at least 1", where="streams")
        self._streams, self._step = streams, 0
        self._state = None if streams is None else self._engine.rest(streams, self._first_stream)

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
        if self._streams is None:
            self.reset(streams)
        if self._deviation is not None:
            numbers = range(self._first_stream, self._first_stream + streams)
            inputs = self._deviation.surviving(inputs, self._step, numbers)
        length = self._block_length(streams)
        # No steps at all are a block too.
        blocks = [
            self._engine.advance(self._state, inputs[start : start + length], keep_all=record == "all")
            for start in range(0, max(steps, 1), length)
        ]
        self._step += steps
        self._done += steps * streams * self.network.n_neurons
        if self._chooses and streams >= _AUTO_STREAMS and self._done >= _AUTO_NEURON_STEPS:
            self._change_engine()
        return self._result(blocks)

    def _change_engine(self) -> None:
        """Change from the NumPy engine to the compiled one."""
        if isinstance(self._state, NumpyState):
            compiled = CompiledEngine(self.network, self.v_sat, self._deviation)
            self._engine, self._state = compiled, compiled.adopt(self._state)

    def _block_length(self, streams: int) -> int:
        return max(1, self._engine.block_values // max(1, self.network.n_neurons * streams))

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
        in_one_go = len(inputs) <= self._block_length(inputs.shape[1])
        checked_later = inputs.dtype == np.int8 and self._engine.checks_inputs and in_one_go
        if inputs.size and not checked_later and (inputs.max() > 1 or inputs.min() < -1):
            raise NetworkError("holds values other than -1, 0 and +1", where="spikes")
        return inputs.astype(np.int8, copy=False)

    def _result(self, blocks: list[StepBlock]) -> SimulationResult:
        """Merge the blocks of a run."""
        arrived = np.sum([block.arrived for block in blocks], axis=0)
        emitted = np.sum([block.emitted for block in blocks], axis=0)
        every = [block.neurons for block in blocks if block.neurons is not None]
        return SimulationResult(
            outputs=_joined([block.outputs for block in blocks]),
            neurons=_joined(every) if every else None,
            sop=int(arrived @ self._fan_out),
            spikes=int(emitted.sum()),
            input_spikes=int(arrived[: self.network.n_inputs].sum()),
            neuron_spikes=emitted,
            saturations=sum(block.saturations for block in blocks),
            peak_membrane=np.max([block.peak for block in blocks], axis=0),
        )


def _joined(parts: list[NDArray[np.int8]]) -> NDArray[np.int8]:
    return parts[0] if len(parts) == 1 else np.concatenate(parts)
