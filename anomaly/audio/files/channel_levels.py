"""Level of each channel of a recording, measured while it is read, to find channels without sound."""

from __future__ import annotations

import numpy as np

from anomaly.audio.channels import Samples
from anomaly.audio.sensor.health import FLOOR_DBFS


class ChannelLevels:
    """Running power of each channel without its mean.

    Args:
        channels: their number; a single one is not measured.
    """

    def __init__(self, channels: int) -> None:
        self._count = 0
        self._sum, self._square = np.zeros(channels), np.zeros(channels)

    def add(self, block: Samples) -> None:
        """Add a block, float32 [n, channels]."""
        if len(self._sum) == 1:
            return
        self._count += len(block)
        self._sum += block.sum(axis=0, dtype=np.float64)
        self._square += np.square(block, dtype=np.float64).sum(axis=0)

    def silent(self) -> tuple[int, ...]:
        """Return the channels below the floor of any microphone, unless all of them are; counted from 0."""
        if self._count == 0:
            return ()
        power = self._square / self._count - np.square(self._sum / self._count)
        silent = power < 10 ** (FLOOR_DBFS / 10)
        return () if silent.all() else tuple(int(channel) for channel in np.flatnonzero(silent))
