"""Causal level normalisation: the running broadband level is subtracted from every frame.

For microphones that are moved and inputs whose gain changes. Faults that only make the machine louder are then no
longer detected, so it is off by default (``--level-normalise``).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Centibels = npt.NDArray[np.int32]

# 2^6 frames of 32 ms: a time constant of two seconds.
_SHIFT = 6
# Fractional bits of the running level, so that a shift by 6 does not lose small steps.
_FRACTION = 8


class LevelNormaliser:
    """Level normaliser with integer arithmetic.

    The running level starts at the first frame after a reset and follows
    ``m += (x - m) / 64`` with ``x`` the mean over bands, so that archive and live agree to the bit.
    """

    def __init__(self, streams: int = 1) -> None:
        self._level = np.zeros(streams, dtype=np.int64)
        self._started = False

    def reset(self) -> None:
        """Discard the running level; the next frame sets it."""
        self._started = False

    def push(self, levels: Centibels) -> Centibels:
        """Normalise levels [streams, frames, bands] in hundredths of a decibel; same shape back."""
        result = np.empty_like(levels)
        broadband = levels.astype(np.int64).sum(axis=2) // levels.shape[2] << _FRACTION
        for frame in range(levels.shape[1]):
            if not self._started:
                self._level[:] = broadband[:, frame]
                self._started = True
            else:
                self._level += (broadband[:, frame] - self._level) >> _SHIFT
            result[:, frame] = levels[:, frame] - (self._level >> _FRACTION)[:, None].astype(np.int32)
        return result
