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
from chip.tiles import LANES
from chip.vectors import PACKS, add_row, first, number, pack, signs, step_leaky_tile, step_tile, taken

__all__ = ["advance_streams"]


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
    row_begin: Any,
    row_end: Any,
    row_at: Any,
    rows: Any,
    synapse_begin: Any,
    synapse_end: Any,
    synapse_at: Any,
    synapse_weight: Any,
    arrived: Any,
    slot: Any,
    record: Any,
    level: Any,
    awake: Any,
) -> None:
    """Let the spikes of the step before and of the inputs act, and write down the former."""
    nobody = arrived.size - 1
    # Four events far apart at a time: neighbours would wait for each other's sums.
    for extra in range(3):
        events[count + extra] = nobody
    quarter = (count + 3) // 4
    for nth in range(quarter):
        for part in range(4):
            code = events[nth + part * quarter]
            arrived[code] += 1
            record[slot[code]] = 1 - 2 * np.int8(code & 1)
            for row in range(row_begin[code], row_end[code]):
                at = row_at[row]
                add_row(level, at, rows, row)
                awake[at // LANES] = 1
                awake[at // LANES + 1] = 1
            for synapse in range(synapse_begin[code], synapse_end[code]):
                at = synapse_at[synapse]
                level[at] += synapse_weight[synapse]
                awake[at // LANES] = 1


def _step(
    events: Any, leaks: bool, level: Any, v: Any, v_at: int, tables: Any, peak: Any, awake: Any
) -> tuple[int, int]:
    """Move on every tile that is awake; returns how many neurons fire and how many are held at the limit."""
    count = held = 0
    for base in range(0, level.size, 64 * LANES):
        tiles = taken(awake, base // LANES)
        while tiles != 0:
            at = base + first(tiles) * LANES
            tiles &= tiles - 1
            if leaks:
                fired, down, over, again = step_leaky_tile(level, v, v_at + at, tables, peak, at)
            else:
                fired, down, over, again = step_tile(level, v, v_at + at, tables, peak, at)
            awake[at // LANES] = again
            held += number(over)
            count = _append(events, count, fired, down, 2 * at)
    return count, held


_deliver_compiled, _step_compiled = numba.njit(_deliver), numba.njit(_step)


def advance_streams(
    inputs: Any,
    first_step: int,
    row_begin: Any,
    row_end: Any,
    row_at: Any,
    rows: Any,
    synapse_begin: Any,
    synapse_end: Any,
    synapse_at: Any,
    synapse_weight: Any,
    tables: Any,
    leaks: bool,
    noise: Any,
    noise_keys: Any,
    place: Any,
    slot: Any,
    v: Any,
    under_way: Any,
    record: Any,
    events: Any,
    arrived: Any,
    level: Any,
    awake: Any,
    peak: Any,
) -> tuple[int, bool]:
    """All steps of one stream after the other.

    Returns how often a membrane was held at the limit, and whether an input was none of -1, 0 and +1.
    """
    steps, streams, width = inputs.shape
    spikes_in, membrane, ended, size = inputs.ravel(), v.ravel(), under_way.ravel(), level.size
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
                wrong |= strange
                count = _append(events, count, up | down, down, 2 * (size + at))
            _deliver_compiled(
                events,
                count,
                row_begin,
                row_end,
                row_at,
                rows,
                synapse_begin,
                synapse_end,
                synapse_at,
                synapse_weight,
                arrived,
                slot,
                record[stream, step],
                level,
                awake,
            )
            if noise.size:
                _add_noise_compiled(level, noise_keys[stream], first_step + step, noise, place)
                awake[: size // LANES] = 1
            count, over = _step_compiled(events, leaks, level, membrane, mine, tables, peak, awake)
            held += over
        ended[mine : mine + size] = 0
        for nth in range(count):
            code = events[nth]
            record[stream, steps, slot[code]] = ended[mine + code // 2] = 1 - 2 * np.int8(code & 1)
    return held, wrong != 0
