"""The engine compiled by Numba: vectors of 32 neurons, and only what a spike reaches is touched.

It gives the same bits as the plain engine. Each stream runs through all its steps in turn, so its state stays
in the nearest cache; what the loop does is in ``chip.sim.kernel``, the form of its tables in ``chip.sim.tiles``.
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
from chip.sim.cache_lines import aligned, room
from chip.sim.dynamics import dynamics_of
from chip.sim.imperfection import Deviation, noise_keys
from chip.sim.numpy_engine import EngineState, StepBlock
from chip.sim.tiles import LANES, WIDE, TilePlan, neuron_order, neuron_tables, synapse_tables

__all__ = ["CompiledEngine", "CompiledState", "is_loaded", "numba_is_installed"]

_Kernel = Callable[..., tuple[int, bool]]
# Bytes of inputs that are put side by side at once.
_GATHERED = 1 << 18
# Codes of events beyond this need 32 bits.
_SHORT_CODES = 1 << 16
# The loop writes whole vectors, the last of which may reach this far beyond the last event.
_MARGIN = 2 * LANES
# Neurons whose tiles share a word of flags.
_WORD = 64 * LANES


@dataclass
class CompiledState:
    """Membranes and spikes under way, [stream, place], and how many steps the streams have made."""

    membrane: NDArray[Any]
    spikes: NDArray[np.int8]
    noise_keys: NDArray[np.uint64]
    step: int = 0


class CompiledEngine:
    """One network prepared for simulation with saturation at ``v_sat``, on a perfect chip or on another.

    Args:
        network: what to run.
        v_sat: membranes are clipped to [-v_sat, +v_sat].
        deviation: the imperfections of the chip, if it has any.
        order: what ``neuron_order`` gives for the network, if that is known already.

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
        # Flags of tiles come in words of 64, and one more that nobody looks at.
        self._words = -(-self._size // _WORD)
        # Inputs take whole vectors too; the last place is nobody's.
        self._width = -(-network.n_inputs // LANES) * LANES
        self._sources = self._size + self._width + 1
        inner = np.maximum(network.source - network.n_inputs, 0)
        tables = synapse_tables(
            np.where(network.source < network.n_inputs, self._size + network.source, self._at(inner)),
            self._at(network.target),
            self._dynamics.weight,
            sources=self._sources,
            size=self._size,
            spare=self._words * _WORD,
        )
        self._plan, self._synapses = aligned(tables.plan), tuple(map(aligned, tables.arrays()))
        self._more = (self._plan[:, TilePlan.TILE] & 1).astype(np.bool_)
        self._neurons = aligned(neuron_tables(self._dynamics, self._order, self._size))
        kind = 2 if self._dynamics.leaks else int(network.negative.any())
        self._form = (0,) * (kind + (WIDE if self._words > 1 else 0))
        self._keeps_all: bool | None = None
        # The loop's own: it finds levels empty and leaves them so.
        self._scratch = (
            # Twice the room: events that have more to do are listed once more.
            np.zeros(
                2 * (self._sources + _MARGIN), np.uint16 if 2 * self._sources <= _SHORT_CODES else np.uint32
            ),
            aligned(np.zeros(self._words * _WORD + 2 * LANES, self._dynamics.dtype)),
            aligned(np.zeros((self._words + 1) * 64, np.int8)),
        )
        self._kernel = _compiled()

    def on_another(self, deviation: Deviation) -> CompiledEngine:
        """The same network on a chip with other imperfections."""
        return CompiledEngine(self._network, self._v_sat, deviation, order=self._order)

    def rest(self, streams: int, first: int = 0) -> CompiledState:
        """The state after a reset: empty membranes, no spike under way; ``first`` numbers the streams."""
        shape = (streams, self._size)
        keys = noise_keys(self._deviation, range(first, first + streams))
        return CompiledState(np.zeros(shape, self._dynamics.dtype), np.zeros(shape, np.int8), keys)

    def adopt(self, state: EngineState) -> CompiledState:
        """What the plain engine left behind, to go on from there."""
        adopted = self.rest(state.membrane.shape[1])
        adopted.membrane[:, self._place] = state.membrane.T
        adopted.spikes[:, self._place] = state.spikes.T
        adopted.noise_keys, adopted.step = state.noise_keys, state.step
        return adopted

    def advance(self, state: CompiledState, inputs: NDArray[np.int8], *, keep_all: bool) -> StepBlock:
        """Run the steps of ``inputs`` [step, stream, input] and move ``state`` on.

        Raises:
            NetworkError: an input is none of -1, 0 and +1; the state stays as it was.
        """
        steps, streams, _ = inputs.shape
        width = self._write_down(keep_all)
        record = np.zeros((streams, steps + 1, width + 1), np.int8)
        membrane, spikes = aligned(state.membrane), aligned(state.spikes)
        peak = aligned(np.zeros(self._size, self._dynamics.dtype))
        more = np.zeros(self._size, np.int64)
        self._plan[:, TilePlan.ARRIVED] = 0
        given = self._padded(inputs)
        saturations, wrong = self._kernel(
            given,
            self._aside(given),
            state.step,
            self._plan.ravel(),
            *self._synapses,
            self._neurons,
            self._form,
            self._dynamics.noise,
            state.noise_keys,
            self._place,
            membrane,
            spikes,
            record,
            *self._scratch,
            peak,
            more,
        )
        if wrong:
            raise NetworkError("holds values other than -1, 0 and +1", where="spikes")
        state.membrane, state.spikes, state.step = membrane, spikes, state.step + steps
        # Spikes of the last step are still under way, those of the step before the first arrived here.
        return self._block(record[:, 1:, :width], more, saturations, peak)

    def _block(
        self, record: NDArray[np.int8], more: NDArray[np.int64], saturations: int, peak: NDArray[Any]
    ) -> StepBlock:
        """What was counted; ``more`` are the spikes of each place that did not arrive yet."""
        network, spikes = self._network, record.transpose(1, 0, 2)
        arrived = self._plan[:, TilePlan.ARRIVED].reshape(-1, 2).sum(axis=1, dtype=np.int64)
        neurons = arrived[self._place]
        inputs = arrived[self._size : self._size + network.n_inputs]
        return StepBlock(
            outputs=spikes[:, :, network.outputs] if self._keeps_all else spikes,
            neurons=spikes if self._keeps_all else None,
            arrived=np.concatenate([inputs, neurons]),
            emitted=neurons + more[self._place],
            saturations=int(saturations),
            peak=self._dynamics.in_whole_units(np.minimum(peak[self._place], self._dynamics.v_sat)),
        )

    def _padded(self, inputs: NDArray[np.int8]) -> NDArray[np.int8]:
        """The inputs in whole vectors."""
        missing = self._width - inputs.shape[2]
        return np.ascontiguousarray(np.pad(inputs, ((0, 0), (0, 0), (0, missing))) if missing else inputs)

    def _aside(self, inputs: NDArray[np.int8]) -> NDArray[np.int8]:
        """Room for the inputs of so many streams as the cache can hold: those of a step lie far from the next."""
        steps, streams, width = inputs.shape
        if streams == 1:
            return inputs.reshape(1, steps, width)
        group = min(max(1, _GATHERED // max(1, steps * width)), streams)
        return room((group, steps, width), np.dtype(np.int8))

    def _write_down(self, keep_all: bool) -> int:
        """Plan where the spikes of each source are written down; returns how many columns that takes.

        What nobody asked for goes to one more column.
        """
        network = self._network
        kept = np.arange(network.n_neurons) if keep_all else network.outputs
        if keep_all != self._keeps_all:
            slots = np.full(self._sources, len(kept))
            slots[self._at(kept)] = np.arange(len(kept))
            signs = np.tile(np.array([1, -1], np.int8).view(np.uint8), self._sources)
            self._plan[:, TilePlan.NOTE], self._keeps_all = np.repeat(slots, 2) * 256 + signs, keep_all
            # Who gets written down has more to do than to act through its first row.
            late = self._more | np.repeat(slots < len(kept), 2)
            self._plan[:, TilePlan.TILE] = self._plan[:, TilePlan.TILE] & ~1 | late
        return len(kept)

    def _at(self, neurons: NDArray[Any]) -> NDArray[np.int64]:
        """The places of neurons."""
        return self._place[neurons] if self._place.size else np.zeros(len(neurons), np.int64)


def numba_is_installed() -> bool:
    """Whether the compiled engine can run here."""
    return importlib.util.find_spec("numba") is not None


def is_loaded() -> bool:
    """Whether this process has loaded the compiled loop already."""
    return _compiled.cache_info().currsize > 0


@cache
def _compiled() -> _Kernel:
    import numba

    from chip.sim import kernel, lanes, tiles, vectors

    # Compiled code is kept under this name; Numba itself would only notice changes of the loop's own file.
    sources = (Path(str(module.__file__)).read_bytes() for module in (kernel, lanes, tiles, vectors))
    kernel.advance_streams.__qualname__ = (
        f"advance_streams_{hashlib.sha256(b''.join(sources)).hexdigest()[:16]}"
    )
    # A service may have nowhere but this folder, which systemd makes for it, to keep the compiled code.
    folder = os.environ.get("CACHE_DIRECTORY")
    settings: Any = numba.config
    if folder and not settings.CACHE_DIR:
        settings.CACHE_DIR = folder.split(":")[0]
    try:
        return cast(_Kernel, numba.njit(cache=True)(kernel.advance_streams))
    except RuntimeError:
        # Nowhere at all: it is compiled again at each start.
        return cast(_Kernel, numba.njit(kernel.advance_streams))
