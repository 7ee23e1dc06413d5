"""Live mel columns of a microphone: levels in decibels, and their distance from normal sound."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from anomaly.features.mel import Centibels, MelStream, Samples, pool

# Steps of the residual in one decibel: 127 of them reach to 32 dB.
RESIDUAL_STEPS = 4
Columns = npt.NDArray[np.int8]


class LivePicture:
    """Turns blocks of sound into columns of the waterfall.

    Args:
        bands: number of pooled mel bands.
        normal: mean levels of the training sound, hundredths of a decibel, [bands]; None where they are not known.
    """

    def __init__(self, bands: int, normal: Centibels | None) -> None:
        self._bands, self._normal = bands, normal
        self._mel = MelStream()

    def push(self, samples: Samples) -> tuple[Columns, Columns | None]:
        """Add samples [n]; return the levels and residuals of the columns that they complete, [columns, bands] each.

        Levels are in decibels, residuals in quarters of one.
        """
        levels = pool(self._mel.push(samples), self._bands)
        shown = np.rint(levels / 100.0).clip(-128, 127).astype(np.int8)
        if self._normal is None:
            return shown, None
        residual = np.rint((levels - self._normal) * (RESIDUAL_STEPS / 100.0)).clip(-127, 127).astype(np.int8)
        return shown, residual

    def reset(self) -> None:
        """Begin anew after a gap."""
        self._mel.reset()
