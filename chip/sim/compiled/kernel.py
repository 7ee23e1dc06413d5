"""Compiled inner loop: events add to currents, the tiles that they reach are stepped, neurons that fire give events.

This file is imported only where Numba is installed.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

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
from chip.sim.compiled.stream_steps import (
    activate_all,
    add_noise,
    append_events,
    begin_stream,
    end_stream,
    gather_inputs,
    read_inputs,
)
from chip.sim.compiled.tiles import LANES
from chip.sim.compiled.vectors import (
    add_row,
    count_bits,
    lowest_bit,
    peek,
    poke,
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
            count = append_events(work.events, count, fired, negative, tile * 2 * LANES)
    return count, saturated, still_active


_deliver_compiled: Any = numba.njit(inline="always")(_deliver)
_step_tiles_compiled: Any = numba.njit(inline="always")(_step_tiles)


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
            gather_inputs(spikes, gathered, stream, min(group, streams - stream), inputs.spikes.shape)
        count, active = begin_stream(in_flight, begin, size, work, recording.pending)
        for step in range(steps):
            at, next_at = ((stream % group) * steps + step) * width, (step * streams + stream + group) * width
            count, invalid = read_inputs(
                gathered, at, spikes, next_at, width, size, work.events, count, invalid
            )
            active = _deliver_compiled(
                count, synapses, work, active, neurons.variant, record, record_at + step * columns
            )
            if noise.table.size:
                add_noise(
                    work.current, noise.keys[stream], noise.first_step + step, noise.table, neurons.places
                )
                active = activate_all(work.active, size)
            stepped = _step_tiles_compiled(neurons, work, membrane, begin, recording.peak, active)
            count, saturated, active = stepped
            saturations += saturated
        end_stream(
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
