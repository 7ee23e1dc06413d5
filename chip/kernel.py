"""The compiled inner loop: what arrives is added, tiles that it reaches move on, whoever fires is listed.

This file is imported only where Numba is installed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba
import numpy as np
from numba import types
from numba.extending import overload

from chip.chance import GOLDEN, MIX_1, MIX_2
from chip.tiles import LANES, Plan
from chip.vectors import (
    PACKS,
    add_row,
    first,
    number,
    pack,
    peek,
    poke,
    signs,
    soon,
    step_leaky_tile,
    step_signed_tile,
    step_tile,
    taken,
)

__all__ = ["advance_streams"]

_COLUMNS, _ROW, _TILE, _NOTE, _ARRIVED = (
    int(column) for column in (Plan.COLUMNS, Plan.ROW, Plan.TILE, Plan.NOTE, Plan.ARRIVED)
)
# Steps of which the inputs are fetched ahead: those of one stream lie far apart.
_AHEAD = 6


def _append(events: Any, count: int, fired: int, negative: int, code: int) -> int:
    """Append the codes of 32 sources, the first of which has ``code``, as far as they fired."""
    raise NotImplementedError("it is compiled, never called")


def _appending(events: Any, count: Any, fired: Any, negative: Any, code: Any) -> Callable[..., int]:
    if PACKS and events.dtype == types.uint16:
        return lambda events, count, fired, negative, code: pack(events, count, fired, negative, code)

    def one_by_one(events: Any, count: int, fired: int, negative: int, code: int) -> int:
        while fired != 0:
            lane = first(fired)
            fired &= fired - 1
            events[count] = code + 2 * lane + ((negative >> lane) & 1)
            count += 1
        return count

    return one_by_one


overload(_append, strict=False)(_appending)


def _mixed(word: Any) -> Any:
    """The finaliser of SplitMix64, as in ``chip.chance``."""
    word = (word ^ (word >> np.uint64(30))) * np.uint64(MIX_1)
    word = (word ^ (word >> np.uint64(27))) * np.uint64(MIX_2)
    return word ^ (word >> np.uint64(31))


_mixed_compiled = numba.njit(_mixed)


def _add_noise(level: Any, key: Any, step: int, noise: Any, place: Any) -> None:
    """Add to each neuron what chance deals it in this step: one word of 64 bits serves four neurons."""
    row = _mixed_compiled(key + np.uint64(step) * np.uint64(GOLDEN))
    for group in range((place.size + 3) // 4):
        word = _mixed_compiled(row + np.uint64(group) * np.uint64(GOLDEN))
        for neuron in range(4 * group, min(4 * group + 4, place.size)):
            level[place[neuron]] += noise[word & np.uint64(noise.size - 1)]
            word >>= np.uint64(16)


_add_noise_compiled = numba.njit(_add_noise)


def _deliver(
    events: Any,
    count: int,
    plan: Any,
    rows: Any,
    row_begin: Any,
    row_end: Any,
    row_at: Any,
    synapse_begin: Any,
    synapse_end: Any,
    synapse_at: Any,
    synapse_weight: Any,
    record: Any,
    record_at: int,
    level: Any,
    awake: Any,
) -> None:
    """Let the spikes of the step before and of the inputs act, and write down the former."""
    for nth in range(count):
        code = peek(events, nth)
        mine = code * _COLUMNS
        where, note = peek(plan, mine + _TILE), peek(plan, mine + _NOTE)
        add_row(level, awake, where >> 1, rows, peek(plan, mine + _ROW))
        poke(plan, mine + _ARRIVED, peek(plan, mine + _ARRIVED) + 1)
        poke(record, record_at + (note >> 8), note)
        if where & 1:
            for row in range(peek(row_begin, code), peek(row_end, code)):
                add_row(level, awake, peek(row_at, row) // LANES, rows, row * 2 * LANES)
            for synapse in range(peek(synapse_begin, code), peek(synapse_end, code)):
                at = peek(synapse_at, synapse)
                poke(level, at, peek(level, at) + peek(synapse_weight, synapse))
                poke(awake, at // LANES, 1)


def _step(
    events: Any, kind: int, level: Any, v: Any, v_at: int, tables: Any, peak: Any, awake: Any
) -> tuple[int, int]:
    """Move on every tile that is awake; returns how many neurons fire and how many are held at the limit.

    The kind of the network: 0 without negative spikes and leak, 1 without leak, 2 any.
    """
    count = held = 0
    for base in range(0, peak.size // LANES, 64):
        tiles = taken(awake, base)
        while tiles != 0:
            tile = base + first(tiles)
            tiles &= tiles - 1
            at = v_at + tile * LANES
            if kind == 0:
                fired, down, over, again = step_tile(level, v, at, tables, peak, tile)
            elif kind == 1:
                fired, down, over, again = step_signed_tile(level, v, at, tables, peak, tile)
            else:
                fired, down, over, again = step_leaky_tile(level, v, at, tables, peak, tile)
            poke(awake, tile, np.int64(again != 0))
            if over != 0:
                held += number(over)
            count = _append(events, count, fired, down, tile * 2 * LANES)
    return count, held


_deliver_compiled: Any = numba.njit(inline="always")(_deliver)
_step_compiled: Any = numba.njit(inline="always")(_step)


def advance_streams(
    inputs: Any,
    first_step: int,
    plan: Any,
    rows: Any,
    row_begin: Any,
    row_end: Any,
    row_at: Any,
    synapse_begin: Any,
    synapse_end: Any,
    synapse_at: Any,
    synapse_weight: Any,
    tables: Any,
    kind: int,
    noise: Any,
    noise_keys: Any,
    place: Any,
    v: Any,
    under_way: Any,
    record: Any,
    events: Any,
    level: Any,
    awake: Any,
    peak: Any,
) -> tuple[int, bool]:
    """All steps of one stream after the other.

    Returns how often a membrane was held at the limit, and whether an input was none of -1, 0 and +1.
    """
    steps, streams, width = inputs.shape
    size, columns = v.shape[1], record.shape[2]
    spikes_in, membrane, ended, noted = inputs.ravel(), v.ravel(), under_way.ravel(), record.ravel()
    held, wrong = 0, 0
    for stream in range(streams):
        mine = stream * size
        awake[: size // LANES] = 1
        count = 0
        for at in range(0, size, LANES):
            up, down, _ = signs(ended, mine + at)
            count = _append(events, count, up | down, down, 2 * at)
        for step in range(steps):
            given = (step * streams + stream) * width
            for at in range(0, width, LANES):
                up, down, strange = signs(spikes_in, given + at)
                soon(spikes_in, given + at + _AHEAD * streams * width)
                wrong |= strange
                count = _append(events, count, up | down, down, 2 * (size + at))
            _deliver_compiled(
                events,
                count,
                plan,
                rows,
                row_begin,
                row_end,
                row_at,
                synapse_begin,
                synapse_end,
                synapse_at,
                synapse_weight,
                noted,
                (stream * (steps + 1) + step) * columns,
                level,
                awake,
            )
            if noise.size:
                _add_noise_compiled(level, noise_keys[stream], first_step + step, noise, place)
                awake[: size // LANES] = 1
            count, over = _step_compiled(events, kind, level, membrane, mine, tables, peak, awake)
            held += over
        ended[mine : mine + size] = 0
        for nth in range(count):
            code = peek(events, nth)
            note = peek(plan, code * _COLUMNS + _NOTE)
            poke(noted, (stream * (steps + 1) + steps) * columns + (note >> 8), note)
            poke(ended, mine + (code >> 1), note)
    return held, wrong != 0
