"""Beginning, inputs, noise and end of a stream in the compiled loop.

This file is imported only where Numba is installed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba
import numpy as np
from numba import types
from numba.extending import overload
from numpy.typing import NDArray

from chip.sim.compiled.kernel_arguments import SynapseTables, TilePlan, Workspace
from chip.sim.compiled.tiles import LANES
from chip.sim.compiled.vectors import (
    HAS_COMPRESS,
    compress_events,
    copy_lanes,
    lowest_bit,
    peek,
    poke,
    prefetch,
    sign_bits,
)
from chip.sim.counter_rng import GOLDEN, MIX_1, MIX_2

__all__ = [
    "activate_all",
    "add_noise",
    "append_events",
    "begin_stream",
    "end_stream",
    "gather_inputs",
    "read_inputs",
]

_COLUMNS, _RECORD = int(TilePlan.COLUMNS), int(TilePlan.RECORD)


def append_events(events: NDArray[Any], count: int, fired: int, negative: int, code: int) -> int:
    """Append the codes of those of 32 sources that fired; ``code`` is that of the first, the flags are bits."""
    raise NotImplementedError("it is compiled, never called")


def _appending(events: Any, count: Any, fired: Any, negative: Any, code: Any) -> Callable[..., int]:
    if HAS_COMPRESS and events.dtype == types.uint16:
        return lambda events, count, fired, negative, code: compress_events(
            events, count, fired, negative, code
        )

    def one_by_one(events: NDArray[Any], count: int, fired: int, negative: int, code: int) -> int:
        while fired != 0:
            lane = lowest_bit(fired)
            fired &= fired - 1
            events[count] = code + 2 * lane + ((negative >> lane) & 1)
            count += 1
        return count

    return one_by_one


overload(append_events, strict=False)(_appending)


def _mixed(word: np.uint64) -> np.uint64:
    """Apply the finaliser of SplitMix64, as ``chip.sim.counter_rng`` does."""
    word = (word ^ (word >> np.uint64(30))) * np.uint64(MIX_1)
    word = (word ^ (word >> np.uint64(27))) * np.uint64(MIX_2)
    return word ^ (word >> np.uint64(31))


_mixed_compiled: Any = numba.njit(_mixed)


def _add_noise(
    current: NDArray[Any], key: np.uint64, step: int, table: NDArray[Any], places: NDArray[np.int64]
) -> None:
    """Add one value of the noise table to each neuron; one random word of 64 bits serves four neurons."""
    row = _mixed_compiled(key + np.uint64(step) * np.uint64(GOLDEN))
    for group in range((places.size + 3) // 4):
        word = _mixed_compiled(row + np.uint64(group) * np.uint64(GOLDEN))
        for neuron in range(4 * group, min(4 * group + 4, places.size)):
            current[places[neuron]] += table[word & np.uint64(table.size - 1)]
            word >>= np.uint64(16)


add_noise: Any = numba.njit(_add_noise)


def _gather(
    spikes: NDArray[np.int8],
    gathered: NDArray[np.int8],
    first: int,
    streams: int,
    shape: tuple[int, int, int],
) -> None:
    """Copy the inputs of ``streams`` streams from ``first`` on, so that those of each stream are contiguous."""
    steps, n_streams, width = shape
    for step in range(steps):
        begin = (step * n_streams + first) * width
        for nth in range(streams):
            to = (nth * steps + step) * width
            for at in range(0, width, LANES):
                copy_lanes(spikes, begin + nth * width + at, gathered, to + at)


def _activate_all(active: NDArray[np.int8], size: int) -> int:
    """Set the flag of every tile; returns the flags as bits of a word, if that holds them."""
    tiles = size // LANES
    active[:tiles] = 1
    return (1 << tiles) - 1 if tiles < 64 else -1


gather_inputs: Any = numba.njit(_gather)
activate_all: Any = numba.njit(inline="always")(_activate_all)


def _begin_stream(
    in_flight: NDArray[np.int8], begin: int, size: int, work: Workspace, pending: NDArray[np.int64]
) -> tuple[int, int]:
    """Activate every tile of a stream, and turn the spikes in flight since its last run into events.

    Returns:
        The number of events, and the active tiles as bits.
    """
    count = 0
    for at in range(0, size, LANES):
        positive, negative, _ = sign_bits(in_flight, begin + at)
        count = append_events(work.events, count, positive | negative, negative, 2 * at)
    for nth in range(count):
        place = peek(work.events, nth) >> 1
        poke(pending, place, peek(pending, place) - 1)
    return count, activate_all(work.active, size)


def _read_inputs(
    gathered: NDArray[np.int8],
    at: int,
    spikes: NDArray[np.int8],
    next_at: int,
    width: int,
    size: int,
    events: NDArray[Any],
    count: int,
    invalid: int,
) -> tuple[int, int]:
    """Append the inputs of a step to its events.

    Args:
        gathered: inputs of the streams at hand, flat.
        at: where those of this stream and step begin.
        spikes: inputs of all streams, flat.
        next_at: where the next gathering will read; it is prefetched.
        width: inputs of a step.
        size: places of neurons.
        events: events of the step.
        count: number of events so far.
        invalid: bits of the inputs so far that are none of -1, 0 and +1.

    Returns:
        The number of events, and the bits of invalid inputs.
    """
    for lane in range(0, width, LANES):
        positive, negative, other = sign_bits(gathered, at + lane)
        prefetch(spikes, next_at + lane)
        invalid |= other
        count = append_events(events, count, positive | negative, negative, 2 * (size + lane))
    return count, invalid


def _end_stream(
    in_flight: NDArray[np.int8],
    begin: int,
    size: int,
    synapses: SynapseTables,
    record: NDArray[np.int8],
    record_at: int,
    work: Workspace,
    count: int,
    pending: NDArray[np.int64],
) -> None:
    """Record the spikes of the last step of a stream, and keep them as spikes in flight."""
    in_flight[begin : begin + size] = 0
    for nth in range(count):
        code = peek(work.events, nth)
        note, place = peek(synapses.plan, code * _COLUMNS + _RECORD), code >> 1
        poke(record, record_at + (note >> 8), note)
        poke(in_flight, begin + place, note)
        poke(pending, place, peek(pending, place) + 1)


begin_stream: Any = numba.njit(inline="always")(_begin_stream)
read_inputs: Any = numba.njit(inline="always")(_read_inputs)
end_stream: Any = numba.njit(inline="always")(_end_stream)
