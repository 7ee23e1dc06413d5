"""Compiled inner loop: events add to currents, the tiles that they reach are stepped, neurons that fire give events.

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

from chip.sim.counter_rng import GOLDEN, MIX_1, MIX_2
from chip.sim.kernel_arguments import (
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
from chip.sim.tiles import LANES
from chip.sim.vectors import (
    HAS_COMPRESS,
    add_row,
    compress_events,
    copy_lanes,
    count_bits,
    lowest_bit,
    peek,
    poke,
    prefetch,
    sign_bits,
    step_leaky_tile,
    step_signed_tile,
    step_tile,
    take_flags,
)

__all__ = ["advance_streams"]

# Numba takes plain integers, not members of an enumeration.
_COLUMNS, _ROW, _TILE, _RECORD, _ARRIVED = (
    int(column)
    for column in (TilePlan.COLUMNS, TilePlan.ROW, TilePlan.TILE, TilePlan.RECORD, TilePlan.ARRIVED)
)
_POSITIVE, _SIGNED, _WIDE = int(Variant.POSITIVE), int(Variant.SIGNED), int(Variant.WIDE)


def _append(events: NDArray[Any], count: int, fired: int, negative: int, code: int) -> int:
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


overload(_append, strict=False)(_appending)


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


_add_noise_compiled: Any = numba.njit(_add_noise)


def _apply_first_row(
    code: int, synapses: SynapseTables, work: Workspace, active: int, variant: tuple[int, ...]
) -> tuple[int, int]:
    """Add the first row of an event to the currents.

    Returns:
        The active tiles as bits, where one word holds them; and 1 if the event has more rows or synapses, or is
        recorded.
    """
    entry = code * _COLUMNS
    where = peek(synapses.plan, entry + _TILE)
    tile = where >> 1
    add_row(work.current, tile, synapses.rows, peek(synapses.plan, entry + _ROW))
    poke(synapses.plan, entry + _ARRIVED, peek(synapses.plan, entry + _ARRIVED) + 1)
    if len(variant) >= _WIDE:
        poke(work.active, tile, 1)
        poke(work.active, tile + 1, 1)
    return active | (3 << (tile & 63)), where & 1


_apply_first_row_compiled: Any = numba.njit(inline="always")(_apply_first_row)


def _deliver(
    count: int,
    synapses: SynapseTables,
    work: Workspace,
    active: int,
    variant: tuple[int, ...],
    record: NDArray[np.int8],
    record_at: int,
) -> int:
    """Add the events of a step to the currents, and record those of the step before.

    Events with more to do than a first row are listed once more behind all others, so that the first loop has no
    branch that the processor could mispredict.

    Args:
        count: number of events.
        synapses: effect of each event.
        work: events and currents.
        active: active tiles as bits.
        variant: which loop is compiled.
        record: recorded spikes of all streams and steps, flat.
        record_at: where those of this step begin.

    Returns:
        The active tiles as bits, where one word holds them.
    """
    end = begin = work.events.size // 2
    for nth in range(count):
        code = peek(work.events, nth)
        active, more = _apply_first_row_compiled(code, synapses, work, active, variant)
        poke(work.events, end, code)
        end += more
    for nth in range(begin, end):
        code = peek(work.events, nth)
        note = peek(synapses.plan, code * _COLUMNS + _RECORD)
        poke(record, record_at + (note >> 8), note)
        for row in range(peek(synapses.row_begin, code), peek(synapses.row_end, code)):
            tile = peek(synapses.row_at, row) // LANES
            add_row(work.current, tile, synapses.rows, row * 2 * LANES)
            active |= 3 << (tile & 63)
            poke(work.active, tile, 1)
            poke(work.active, tile + 1, 1)
        for synapse in range(peek(synapses.synapse_begin, code), peek(synapses.synapse_end, code)):
            at = peek(synapses.synapse_at, synapse)
            poke(work.current, at, peek(work.current, at) + peek(synapses.synapse_weight, synapse))
            active |= 1 << (at // LANES & 63)
            poke(work.active, at // LANES, 1)
    return active


def _step_tiles(
    neurons: NeuronTables,
    work: Workspace,
    membrane: NDArray[Any],
    begin: int,
    peak: NDArray[Any],
    active: int,
) -> tuple[int, int, int]:
    """Step the neurons of every active tile.

    Args:
        neurons: their parameters.
        work: currents, which are emptied, and events, which are written.
        membrane: membranes of all streams, flat.
        begin: where those of this stream begin.
        peak: largest membrane at each place.
        active: active tiles as bits, where one word holds them.

    Returns:
        The number of events, the number of saturated membranes, and the tiles that stay active.
    """
    count = saturated = still_active = 0
    current, parameters = work.current, neurons.parameters
    for base in range(0, peak.size // LANES, 64):
        tiles = take_flags(work.active, base) if len(neurons.variant) >= _WIDE else active
        while tiles != 0:
            tile = base + lowest_bit(tiles)
            tiles &= tiles - 1
            at = begin + tile * LANES
            if len(neurons.variant) % _WIDE == _POSITIVE:
                fired, negative, over, again = step_tile(current, membrane, at, parameters, peak, tile)
            elif len(neurons.variant) % _WIDE == _SIGNED:
                fired, negative, over, again = step_signed_tile(current, membrane, at, parameters, peak, tile)
            else:
                fired, negative, over, again = step_leaky_tile(current, membrane, at, parameters, peak, tile)
            if len(neurons.variant) >= _WIDE:
                poke(work.active, tile, np.int64(again != 0))
            else:
                still_active |= np.int64(again != 0) << tile
            if over != 0:
                saturated += count_bits(over)
            count = _append(work.events, count, fired, negative, tile * 2 * LANES)
    return count, saturated, still_active


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


_gather_compiled: Any = numba.njit(_gather)
_deliver_compiled: Any = numba.njit(inline="always")(_deliver)
_step_tiles_compiled: Any = numba.njit(inline="always")(_step_tiles)
_activate_all_compiled: Any = numba.njit(inline="always")(_activate_all)


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
        count = _append(work.events, count, positive | negative, negative, 2 * at)
    for nth in range(count):
        place = peek(work.events, nth) >> 1
        poke(pending, place, peek(pending, place) - 1)
    return count, _activate_all_compiled(work.active, size)


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
        count = _append(events, count, positive | negative, negative, 2 * (size + lane))
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


_begin_stream_compiled: Any = numba.njit(inline="always")(_begin_stream)
_read_inputs_compiled: Any = numba.njit(inline="always")(_read_inputs)
_end_stream_compiled: Any = numba.njit(inline="always")(_end_stream)


def advance_streams(
    inputs: InputBlock,
    synapses: SynapseTables,
    neurons: NeuronTables,
    noise: NoiseSource,
    state: StreamState,
    work: Workspace,
    recording: SpikeRecord,
) -> tuple[int, bool]:
    """Run all steps of one stream after the other.

    Returns:
        How often a membrane was saturated, and whether an input was none of -1, 0 and +1.
    """
    steps, streams, width = inputs.spikes.shape
    group, size, columns = inputs.gathered.shape[0], state.membrane.shape[1], recording.spikes.shape[2]
    spikes, gathered, record = inputs.spikes.ravel(), inputs.gathered.ravel(), recording.spikes.ravel()
    membrane, in_flight = state.membrane.ravel(), state.in_flight.ravel()
    saturations = invalid = 0
    for stream in range(streams):
        begin, record_at = stream * size, stream * (steps + 1) * columns
        if streams > 1 and stream % group == 0:
            _gather_compiled(spikes, gathered, stream, min(group, streams - stream), inputs.spikes.shape)
        count, active = _begin_stream_compiled(in_flight, begin, size, work, recording.pending)
        for step in range(steps):
            at, next_at = ((stream % group) * steps + step) * width, (step * streams + stream + group) * width
            count, invalid = _read_inputs_compiled(
                gathered, at, spikes, next_at, width, size, work.events, count, invalid
            )
            active = _deliver_compiled(
                count, synapses, work, active, neurons.variant, record, record_at + step * columns
            )
            if noise.table.size:
                _add_noise_compiled(
                    work.current, noise.keys[stream], noise.first_step + step, noise.table, neurons.places
                )
                active = _activate_all_compiled(work.active, size)
            stepped = _step_tiles_compiled(neurons, work, membrane, begin, recording.peak, active)
            count, saturated, active = stepped
            saturations += saturated
        _end_stream_compiled(
            in_flight,
            begin,
            size,
            synapses,
            record,
            record_at + steps * columns,
            work,
            count,
            recording.pending,
        )
    return saturations, invalid != 0
