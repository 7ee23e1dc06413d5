"""Compiled delta encoder: the events of `anomaly.features.delta_encoder`, in the order in which the network takes them.

This file is imported only where Numba is installed.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

__all__ = ["encode"]


@numba.njit(cache=True)
def encode(
    levels: Any, mean: Any, held: Any, contribution: Any, bounds: Any, leak: Any, shifts: Any, events: Any
) -> None:
    """Write the events of levels [streams, frames, bands] to ``events`` [frames * K, streams, bands].

    Args:
        levels: hundredths of a decibel.
        mean: where each band's reference starts.
        held: references minus the mean, [streams, bands], which are moved.
        contribution: of each event to the reference, [K, bands].
        bounds: distance beyond which each event is sent, [K, bands].
        leak: decay of the references in a frame; 0 for none.
        shifts: fractional bits of references and of the decay.
        events: receives -1, 0 or +1.
    """
    fraction, decay_bits = shifts
    steps, bands = contribution.shape
    size, sign = np.empty(bands, np.int64), np.empty(bands, np.int64)
    for stream in range(levels.shape[0]):
        for frame in range(levels.shape[1]):
            if leak:
                for band in range(bands):
                    held[stream, band] = (held[stream, band] * leak) >> decay_bits
            for band in range(bands):
                level = ((levels[stream, frame, band] - mean[band]) << fraction) - held[stream, band]
                size[band] = abs(level)
                sign[band] = 1 if level > 0 else -1
            for step in range(steps):
                for band in range(bands):
                    sent = sign[band] if size[band] > bounds[step, band] else 0
                    events[frame * steps + step, stream, band] = sent
                    held[stream, band] += sent * contribution[step, band]
