"""Sound that repeats with the turn of a shaft: one turn is computed once and read at the shaft's angle."""

from __future__ import annotations

import numpy as np

from anomaly.audio.simulator.arrays import Curve, Samples

ENTRIES = 16_384
"""Entries of a table: linear interpolation errs by less than -60 dB up to order 200."""

_BLOCK = 1 << 16


def angles() -> Curve:
    """The angle of each entry, in revolutions."""
    return np.arange(ENTRIES) / ENTRIES


def read(table: Curve, angle: Samples) -> Samples:
    """The table's value at each angle (in revolutions, whole ones ignored), linearly interpolated."""
    start = np.append(table, table[0]).astype(np.float32)
    rise = np.append(np.diff(start), np.float32(0.0)).astype(np.float32)
    out = np.empty(len(angle), dtype=np.float32)
    for first in range(0, len(angle), _BLOCK):
        place = angle[first : first + _BLOCK] * np.float32(ENTRIES)
        index = place.astype(np.int32)
        place -= index
        index &= ENTRIES - 1
        out[first : first + _BLOCK] = start[index] + rise[index] * place
    return out


def window(begin: float, end: float, edge: float) -> Curve:
    """A table that is 1 between two angles and 0 elsewhere, with soft edges; it may pass through 0.

    Args:
        begin: where it opens, in revolutions.
        end: where it closes; less than ``begin`` if the window passes through the end of the turn.
        edge: width of the edges, in revolutions.
    """
    inside = (angles() - begin) % 1.0
    width = (end - begin) % 1.0 or 1.0
    rise = np.clip(inside / edge, 0.0, 1.0)
    fall = np.clip((width - inside) / edge, 0.0, 1.0)
    return np.where(inside <= width, np.sin(0.5 * np.pi * np.minimum(rise, fall)) ** 2, 0.0)


def uneven(rng: np.random.Generator, count: int, depth: float) -> Curve:
    """A smooth table of mean 1 with a relative standard deviation of ``depth``: teeth or blades that differ."""
    highest = max(1, min(count // 2, 6))
    orders = np.arange(1, highest + 1)
    parts = rng.standard_normal((2, highest)) / orders
    phase = 2.0 * np.pi * orders[:, None] * angles()
    shape = parts[0] @ np.cos(phase) + parts[1] @ np.sin(phase)
    return np.asarray(1.0 + depth * shape / max(float(shape.std()), 1e-9), dtype=np.float64)
