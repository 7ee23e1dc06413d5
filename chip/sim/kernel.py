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

from chip.sim.counter_rng import GOLDEN, MIX_1, MIX_2
from chip.sim.tiles import LANES, WIDE, TilePlan
from chip.sim.vectors import (
    PACKS,
    add_row,
    copy,
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
    int(column) for column in (TilePlan.COLUMNS, TilePlan.ROW, TilePlan.TILE, TilePlan.NOTE, TilePlan.ARRIVED)
)


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
    """The finaliser of SplitMix64, as in ``chip.sim.counter_rng``."""
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


def _act(code: int, plan: Any, rows: Any, level: Any, awake: Any, woken: int, form: Any) -> tuple[int, int]:
    """Let one spike act through its first row.

    Returns the tiles that are awake, where a word of bits can tell, and 1 if there is more to do or write down.
    """
    mine = code * _COLUMNS
    where = peek(plan, mine + _TILE)
    tile = where >> 1
    add_row(level, tile, rows, peek(plan, mine + _ROW))
    poke(plan, mine + _ARRIVED, peek(plan, mine + _ARRIVED) + 1)
    if len(form) >= WIDE:
        poke(awake, tile, 1)
        poke(awake, tile + 1, 1)
    return woken | (3 << (tile & 63)), where & 1


def _deliver(
    events: Any, count: int, plan: Any, rows: Any, row_begin: Any, row_end: Any, row_at: Any, synapse_begin: Any,
    synapse_end: Any, synapse_at: Any, synapse_weight: Any, record: Any, record_at: int, level: Any, awake: Any,
    woken: int, form: Any,
) -> int:  # fmt: skip
    """Let the spikes of the step before and of the inputs act, and write down the former.

    Those with more to do than a first row are listed once more, behind all others: so the loop has no branch to
    guess.
    """
    late = first_late = events.size // 2
    for nth in range(count):
        code = peek(events, nth)
        woken, more = _act_compiled(code, plan, rows, level, awake, woken, form)
        poke(events, late, code)
        late += more
    for nth in range(first_late, late):
        code = peek(events, nth)
        note = peek(plan, code * _COLUMNS + _NOTE)
        poke(record, record_at + (note >> 8), note)
        for row in range(peek(row_begin, code), peek(row_end, code)):
            tile = peek(row_at, row) // LANES
            add_row(level, tile, rows, row * 2 * LANES)
            woken |= 3 << (tile & 63)
            poke(awake, tile, 1)
            poke(awake, tile + 1, 1)
        for synapse in range(peek(synapse_begin, code), peek(synapse_end, code)):
            at = peek(synapse_at, synapse)
            poke(level, at, peek(level, at) + peek(synapse_weight, synapse))
            woken |= 1 << (at // LANES & 63)
            poke(awake, at // LANES, 1)
    return woken


def _step(
    events: Any, form: Any, level: Any, v: Any, v_at: int, tables: Any, peak: Any, awake: Any, woken: int
) -> tuple[int, int, int]:
    """Move on every tile that is awake.

    Returns:
        How many neurons fire, how many are held at the limit, and which tiles stay awake.
    """
    count = held = still = 0
    for base in range(0, peak.size // LANES, 64):
        tiles = taken(awake, base) if len(form) >= WIDE else woken
        while tiles != 0:
            tile = base + first(tiles)
            tiles &= tiles - 1
            at = v_at + tile * LANES
            if len(form) % WIDE == 0:
                fired, down, over, again = step_tile(level, v, at, tables, peak, tile)
            elif len(form) % WIDE == 1:
                fired, down, over, again = step_signed_tile(level, v, at, tables, peak, tile)
            else:
                fired, down, over, again = step_leaky_tile(level, v, at, tables, peak, tile)
            if len(form) >= WIDE:
                poke(awake, tile, np.int64(again != 0))
            else:
                still |= np.int64(again != 0) << tile
            if over != 0:
                held += number(over)
            count = _append(events, count, fired, down, tile * 2 * LANES)
    return count, held, still


def _gather(far: Any, near: Any, first_stream: int, many: int, shape: tuple[int, int, int]) -> None:
    """Copy the inputs of some streams, which lie far apart from step to step, to where each has its own in a row."""
    steps, streams, width = shape
    for step in range(steps):
        begin = (step * streams + first_stream) * width
        for nth in range(many):
            to = (nth * steps + step) * width
            for at in range(0, width, LANES):
                copy(far, begin + nth * width + at, near, to + at)


_gather_compiled: Any = numba.njit(_gather)
_act_compiled: Any = numba.njit(inline="always")(_act)
_deliver_compiled: Any = numba.njit(inline="always")(_deliver)
_step_compiled: Any = numba.njit(inline="always")(_step)


def _all_awake(awake: Any, size: int) -> int:
    """Wake every tile; returns them as bits of a word, if that holds them."""
    tiles = size // LANES
    awake[:tiles] = 1
    return (1 << tiles) - 1 if tiles < 64 else -1


_all_awake_compiled: Any = numba.njit(inline="always")(_all_awake)


def _wake(ended: Any, mine: int, size: int, awake: Any, events: Any, more: Any) -> tuple[int, int]:
    """Begin a stream: every tile is awake, and the spikes that ended a run before are under way.

    Returns how many events that makes, and the tiles that are awake.
    """
    count = 0
    for at in range(0, size, LANES):
        up, down, _ = signs(ended, mine + at)
        count = _append(events, count, up | down, down, 2 * at)
    for nth in range(count):
        place = peek(events, nth) >> 1
        poke(more, place, peek(more, place) - 1)
    return count, _all_awake_compiled(awake, size)


def _listen(
    near: Any, far: Any, at: tuple[int, int], width: int, size: int, events: Any, count: int, wrong: int
) -> tuple[int, int]:
    """Add the inputs of a step to its events; returns how many there are then, and bits of what is no spike."""
    for lane in range(0, width, LANES):
        up, down, strange = signs(near, at[0] + lane)
        # What the next group of streams gets at this step, for the next gathering.
        soon(far, at[1] + lane)
        wrong |= strange
        count = _append(events, count, up | down, down, 2 * (size + lane))
    return count, wrong


def _leave(
    ended: Any, mine: int, size: int, plan: Any, record: Any, record_at: int, events: Any, count: int, more: Any
) -> None:  # fmt: skip
    """End a stream: what its neurons fired last is written down, and stays under way."""
    ended[mine : mine + size] = 0
    for nth in range(count):
        code = peek(events, nth)
        note, place = peek(plan, code * _COLUMNS + _NOTE), code >> 1
        poke(record, record_at + (note >> 8), note)
        poke(ended, mine + place, note)
        poke(more, place, peek(more, place) + 1)


_wake_compiled: Any = numba.njit(inline="always")(_wake)
_listen_compiled: Any = numba.njit(inline="always")(_listen)
_leave_compiled: Any = numba.njit(inline="always")(_leave)


def advance_streams(
    inputs: Any, aside: Any, first_step: int, plan: Any, rows: Any, row_begin: Any, row_end: Any, row_at: Any,
    synapse_begin: Any, synapse_end: Any, synapse_at: Any, synapse_weight: Any, tables: Any, form: Any, noise: Any,
    noise_keys: Any, places: Any, v: Any, under_way: Any, record: Any, events: Any, level: Any, awake: Any,
    peak: Any, more: Any,
) -> tuple[int, bool]:  # fmt: skip
    """All steps of one stream after the other.

    ``aside`` is room for the inputs of as many streams as are gathered at once. The length of ``form`` tells, while
    all this is compiled, what the network has: 0 neither negative spikes nor leak, 1 no leak, 2 any; and ``WIDE``
    more if its tiles take more than one word of flags. Returns how often a membrane was held at the limit, and
    whether an input was none of -1, 0 and +1.
    """
    steps, streams, width = inputs.shape
    group, size, columns = aside.shape[0], v.shape[1], record.shape[2]
    far, near, noted = inputs.ravel(), aside.ravel(), record.ravel()
    membrane, ended = v.ravel(), under_way.ravel()
    held = wrong = 0
    for stream in range(streams):
        mine, noted_at = stream * size, stream * (steps + 1) * columns
        if streams > 1 and stream % group == 0:
            _gather_compiled(far, near, stream, min(group, streams - stream), inputs.shape)
        count, woken = _wake_compiled(ended, mine, size, awake, events, more)
        for step in range(steps):
            at = ((stream % group) * steps + step) * width, (step * streams + stream + group) * width
            count, wrong = _listen_compiled(near, far, at, width, size, events, count, wrong)
            woken = _deliver_compiled(
                events, count, plan, rows, row_begin, row_end, row_at, synapse_begin, synapse_end, synapse_at,
                synapse_weight, noted, noted_at + step * columns, level, awake, woken, form,
            )  # fmt: skip
            if noise.size:
                _add_noise_compiled(level, noise_keys[stream], first_step + step, noise, places)
                woken = _all_awake_compiled(awake, size)
            moved = _step_compiled(events, form, level, membrane, mine, tables, peak, awake, woken)
            count, over, woken = moved
            held += over
        _leave_compiled(ended, mine, size, plan, noted, noted_at + steps * columns, events, count, more)
    return held, wrong != 0
