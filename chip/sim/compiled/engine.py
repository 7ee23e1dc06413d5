"""Engine compiled by Numba: vectors of 32 neurons, of which only those that a spike reaches are stepped.

It gives the same bits as the NumPy engine. Each stream runs through all its steps in turn, so its state stays in the
nearest cache. The loop is in ``kernel`` beside this file, the structures that it works on in ``kernel_arguments``.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from chip.errors import ChipError, NetworkError
from chip.network import Network
from chip.sim.compiled.cache_lines import aligned_copy, empty_aligned
from chip.sim.compiled.kernel_arguments import (
    InputBlock,
    NeuronTables,
    NoiseSource,
    SpikeRecord,
    StreamState,
    SynapseTables,
    TilePlan,
    Variant,
    Workspace,
)
from chip.sim.compiled.tiles import LANES, neuron_order, neuron_parameters, synapse_tables
from chip.sim.dynamics import dynamics_of
from chip.sim.imperfection import Deviation, noise_keys
from chip.sim.numpy_engine import NumpyState, StepBlock

__all__ = ["CompiledEngine", "CompiledState", "is_loaded", "numba_is_installed"]

_Kernel = Callable[
    [InputBlock, SynapseTables, NeuronTables, NoiseSource, StreamState, Workspace, SpikeRecord],
    tuple[int, bool],
]
# Inputs that are gathered at once, in bytes: few enough to stay in the second-level cache.
_GATHERED_BYTES = 1 << 18
# Event codes beyond this need 32 bits.
_MAX_SHORT_CODES = 1 << 16
# The loop writes whole vectors, the last of which may reach this far beyond the last event.
_EVENT_MARGIN = 2 * LANES
# Places whose tiles share a word of flags.
_PLACES_PER_WORD = 64 * LANES


@dataclass
class CompiledState:
    """Membranes and spikes in flight, [stream, place], and the number of steps made."""

    membrane: NDArray[Any]
    spikes: NDArray[np.int8]
    noise_keys: NDArray[np.uint64]
    step: int = 0


class CompiledEngine:
    """One network prepared for simulation with saturation at ``v_sat``, on a perfect chip or an imperfect one.

    Args:
        network: network to run.
        v_sat: membranes are clipped to [-v_sat, +v_sat].
        deviation: imperfections of the chip; None for a perfect one.
        order: result of ``neuron_order`` for the network, if it is known already.

    Raises:
        ChipError: Numba is not installed.
    """

    checks_inputs = True
    # Arrivals are counted without overflow, and records stay small enough to be written at once.
    block_values = 1 << 27

    def __init__(
        self,
        network: Network,
        v_sat: int,
        deviation: Deviation | None = None,
        *,
        order: NDArray[np.int64] | None = None,
    ) -> None:
        if not numba_is_installed():
            raise ChipError("Numba is not installed", where="engine", hint="pip install numba")
        self._network, self._v_sat, self._deviation = network, v_sat, deviation
        self._dynamics = dynamics_of(network, v_sat, deviation)
        self._order = neuron_order(network) if order is None else order
        self._place = np.argsort(self._order)
        self._size = max(2, -(-network.n_neurons // LANES)) * LANES
        # Flags of tiles come in words of 64, and one more word that is never read.
        self._words = -(-self._size // _PLACES_PER_WORD)
        # Inputs fill whole vectors too; the last place belongs to no source.
        self._width = -(-network.n_inputs // LANES) * LANES
        self._sources = self._size + self._width + 1
        self._synapses = self._synapse_tables()
        # The same memory, one row for each code.
        self._plan = self._synapses.plan.reshape(-1, TilePlan.COLUMNS)
        self._has_more = (self._plan[:, TilePlan.TILE] & 1).astype(np.bool_)
        self._neurons = self._neuron_tables()
        self._work = self._workspace()
        self._keeps_all: bool | None = None
        self._kernel = _compiled()

    def _synapse_tables(self) -> SynapseTables:
        """Build the tables of the synapses between places."""
        network = self._network
        neuron = np.maximum(network.source - network.n_inputs, 0)
        tables = synapse_tables(
            np.where(network.source < network.n_inputs, self._size + network.source, self._places_of(neuron)),
            self._places_of(network.target),
            self._dynamics.weight,
            sources=self._sources,
            size=self._size,
            spare=self._words * _PLACES_PER_WORD,
        )
        return SynapseTables(*(aligned_copy(table) for table in tables))

    def _neuron_tables(self) -> NeuronTables:
        """Build the parameters of the neurons, and choose the variant of the loop."""
        kind = Variant.LEAKY if self._dynamics.leaks else int(self._network.negative.any())
        variant = (0,) * (kind + (Variant.WIDE if self._words > 1 else 0))
        parameters = aligned_copy(neuron_parameters(self._dynamics, self._order, self._size))
        return NeuronTables(parameters, self._place, variant)

    def _workspace(self) -> Workspace:
        """Allocate the buffers of the loop."""
        code_type = np.uint16 if 2 * self._sources <= _MAX_SHORT_CODES else np.uint32
        return Workspace(
            events=np.zeros(2 * (self._sources + _EVENT_MARGIN), code_type),
            current=aligned_copy(np.zeros(self._words * _PLACES_PER_WORD + 2 * LANES, self._dynamics.dtype)),
            active=aligned_copy(np.zeros((self._words + 1) * 64, np.int8)),
        )

    def with_deviation(self, deviation: Deviation) -> CompiledEngine:
        """Prepare the same network for a chip with other imperfections."""
        return CompiledEngine(self._network, self._v_sat, deviation, order=self._order)

    def rest(self, streams: int, first: int = 0) -> CompiledState:
        """Return the state after a reset: empty membranes, no spike in flight; ``first`` numbers the streams."""
        shape = (streams, self._size)
        keys = noise_keys(self._deviation, range(first, first + streams))
        return CompiledState(np.zeros(shape, self._dynamics.dtype), np.zeros(shape, np.int8), keys)

    def adopt(self, state: NumpyState) -> CompiledState:
        """Convert the state of the NumPy engine, to continue from it."""
        adopted = self.rest(state.membrane.shape[1])
        adopted.membrane[:, self._place] = state.membrane.T
        adopted.spikes[:, self._place] = state.spikes.T
        adopted.noise_keys, adopted.step = state.noise_keys, state.step
        return adopted

    def advance(self, state: CompiledState, inputs: NDArray[np.int8], *, keep_all: bool) -> StepBlock:
        """Run the steps of ``inputs`` [step, stream, input] and advance ``state``.

        Raises:
            NetworkError: an input is none of -1, 0 and +1; the state stays as it was.
        """
        steps, streams, _ = inputs.shape
        columns = self._plan_recording(keep_all)
        recording = SpikeRecord(
            spikes=np.zeros((streams, steps + 1, columns + 1), np.int8),
            peak=aligned_copy(np.zeros(self._size, self._dynamics.dtype)),
            pending=np.zeros(self._size, np.int64),
        )
        following = StreamState(aligned_copy(state.membrane), aligned_copy(state.spikes))
        self._plan[:, TilePlan.ARRIVED] = 0
        padded = self._padded(inputs)
        saturations, invalid = self._kernel(
            InputBlock(padded, self._gathering_buffer(padded)),
            self._synapses,
            self._neurons,
            NoiseSource(self._dynamics.noise, state.noise_keys, state.step),
            following,
            self._work,
            recording,
        )
        if invalid:
            raise NetworkError("holds values other than -1, 0 and +1", where="spikes")
        state.membrane, state.spikes, state.step = *following, state.step + steps
        # Spikes of the last step are still in flight; those of the step before the first arrived here.
        return self._block(recording.spikes[:, 1:, :columns], recording, saturations)

    def _block(self, spikes: NDArray[np.int8], recording: SpikeRecord, saturations: int) -> StepBlock:
        """Summarise a run; ``spikes`` is the record without the step before and the column of the rest."""
        network, spikes = self._network, spikes.transpose(1, 0, 2)
        arrived = self._plan[:, TilePlan.ARRIVED].reshape(-1, 2).sum(axis=1, dtype=np.int64)
        neurons = arrived[self._place]
        inputs = arrived[self._size : self._size + network.n_inputs]
        peak = np.minimum(recording.peak[self._place], self._dynamics.v_sat)
        return StepBlock(
            outputs=spikes[:, :, network.outputs] if self._keeps_all else spikes,
            neurons=spikes if self._keeps_all else None,
            arrived=np.concatenate([inputs, neurons]),
            emitted=neurons + recording.pending[self._place],
            saturations=int(saturations),
            peak=self._dynamics.in_whole_units(peak),
        )

    def _padded(self, inputs: NDArray[np.int8]) -> NDArray[np.int8]:
        """Pad the inputs to whole vectors."""
        missing = self._width - inputs.shape[2]
        return np.ascontiguousarray(np.pad(inputs, ((0, 0), (0, 0), (0, missing))) if missing else inputs)

    def _gathering_buffer(self, inputs: NDArray[np.int8]) -> NDArray[np.int8]:
        """Allocate room for the inputs of as many streams as the cache holds; a single stream is contiguous already."""
        steps, streams, width = inputs.shape
        if streams == 1:
            return inputs.reshape(1, steps, width)
        group = min(max(1, _GATHERED_BYTES // max(1, steps * width)), streams)
        return empty_aligned((group, steps, width), np.dtype(np.int8))

    def _plan_recording(self, keep_all: bool) -> int:
        """Assign each source its column of the record: all neurons, or the outputs; the rest share one more column.

        Returns:
            The number of columns without that one.
        """
        network = self._network
        kept = np.arange(network.n_neurons) if keep_all else network.outputs
        if keep_all != self._keeps_all:
            column = np.full(self._sources, len(kept))
            column[self._places_of(kept)] = np.arange(len(kept))
            signs = np.tile(np.array([1, -1], np.int8).view(np.uint8), self._sources)
            self._plan[:, TilePlan.RECORD], self._keeps_all = np.repeat(column, 2) * 256 + signs, keep_all
            # An event that is recorded has more to do than to add its first row.
            more = self._has_more | np.repeat(column < len(kept), 2)
            self._plan[:, TilePlan.TILE] = self._plan[:, TilePlan.TILE] & ~1 | more
        return len(kept)

    def _places_of(self, neurons: NDArray[Any]) -> NDArray[np.int64]:
        """Return the places of neurons."""
        return self._place[neurons] if self._place.size else np.zeros(len(neurons), np.int64)


def numba_is_installed() -> bool:
    """Return whether the compiled engine can run here."""
    return importlib.util.find_spec("numba") is not None


def is_loaded() -> bool:
    """Return whether this process has loaded the compiled loop already."""
    return _compiled.cache_info().currsize > 0


@cache
def _compiled() -> _Kernel:
    import numba

    from chip.sim import counter_rng
    from chip.sim.compiled import kernel, kernel_arguments, lanes, stream_steps, tiles, vectors

    # Compiled code is cached under this name; Numba itself would only notice changes of the loop's own file.
    modules = (kernel, kernel_arguments, stream_steps, counter_rng, lanes, tiles, vectors)
    sources = (Path(str(module.__file__)).read_bytes() for module in modules)
    kernel.advance_streams.__qualname__ = (
        f"advance_streams_{hashlib.sha256(b''.join(sources)).hexdigest()[:16]}"
    )
    # A systemd service may have no other writable folder for the compiled code than this one.
    folder = os.environ.get("CACHE_DIRECTORY")
    settings: Any = numba.config
    if folder and not settings.CACHE_DIR:
        settings.CACHE_DIR = folder.split(":")[0]
    try:
        return cast(_Kernel, numba.njit(cache=True)(kernel.advance_streams))
    except RuntimeError:
        # No folder at all: the loop is compiled again at each start.
        return cast(_Kernel, numba.njit(kernel.advance_streams))
