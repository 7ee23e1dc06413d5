"""Wavetable of one turn of a shaft: sound that repeats with the angle is computed once and read by interpolation."""

from __future__ import annotations

import numpy as np

from anomaly.audio.simulator.arrays import Curve, Samples

ENTRIES = 16_384
"""Entries of a table: linear interpolation errs by less than -60 dB up to order 200."""

_BLOCK = 1 << 16


def angles() -> Curve:
    """Return the angle of each entry, in revolutions [ENTRIES]."""
    return np.arange(ENTRIES) / ENTRIES


def read(table: Curve, angle: Samples) -> Samples:
    """Read the table at each angle [samples] (in revolutions, whole ones ignored), by linear interpolation."""
    start = np.append(table, table[0]).astype(np.float32)
    rise = np.append(np.diff(start), np.float32(0.0)).astype(np.float32)
    out = np.empty(len(angle), dtype=np.float32)
    for first in range(0, len(angle), _BLOCK):
        position = angle[first : first + _BLOCK] * np.float32(ENTRIES)
        index = position.astype(np.int32)
        position -= index
        index &= ENTRIES - 1
        out[first : first + _BLOCK] = start[index] + rise[index] * position
    return out


def angle_window(begin: float, end: float, edge: float) -> Curve:
    """Compute a table that is 1 between two angles and 0 elsewhere, with raised-cosine edges.

    Args:
        begin: angle at which it opens, in revolutions.
        end: angle at which it closes; less than ``begin`` if the window passes through the end of the turn.
        edge: width of the edges, in revolutions.
    """
    inside = (angles() - begin) % 1.0
    width = (end - begin) % 1.0 or 1.0
    rise = np.clip(inside / edge, 0.0, 1.0)
    fall = np.clip((width - inside) / edge, 0.0, 1.0)
    return np.where(inside <= width, np.sin(0.5 * np.pi * np.minimum(rise, fall)) ** 2, 0.0)


def uneven(rng: np.random.Generator, count: int, depth: float) -> Curve:
    """Draw a smooth table of mean 1 and relative standard deviation ``depth``: differences of teeth or blades."""
    highest = max(1, min(count // 2, 6))
    orders = np.arange(1, highest + 1)
    parts = rng.standard_normal((2, highest)) / orders
    phase = 2.0 * np.pi * orders[:, None] * angles()
    shape = parts[0] @ np.cos(phase) + parts[1] @ np.sin(phase)
    return np.asarray(1.0 + depth * shape / max(float(shape.std()), 1e-9), dtype=np.float64)
