"""Level compensation: a small change of the microphone's gain is taken off the levels before anything is judged.

A plug that was pulled and put back, another cable or a warmer amplifier change the gain by a decibel or two, which a
detector that knows a steady machine takes for a fault. Larger changes are reported by the sensor check
(`anomaly.audio.sensor.sensor_check`), and are not judged.
"""

from __future__ import annotations

import numpy as np

from anomaly.features.front_end import FrontEnd, frames_before
from anomaly.features.level_reference import Integers, LevelReference, mean_levels
from anomaly.features.mel import Centibels

# Beyond the 5 dB from which the sensor check reports a gain, because the gain of single seconds scatters.
_LARGEST_GAIN_CB = 800


class LevelCompensator:
    """Compensator of the gain, second by second; a function of the sound since the last reset.

    The gain of a second counts if its shape is one of the training sound. It is averaged since the reset, so that it
    does not jump from one second to the next, and taken off while at least half of the seconds count: those of a fault
    have another shape. Mean gains that training sound has, too, are left alone.

    Args:
        reference: of the training sound.
        streams: number of segments that run side by side.
    """

    def __init__(self, reference: LevelReference, streams: int = 1) -> None:
        self._reference = reference
        self._sum: Integers = np.zeros(streams, dtype=np.int64)
        self._count: Integers = np.zeros(streams, dtype=np.int64)
        self._seconds = 0

    def reset(self) -> None:
        """Forget the gain: a new segment begins."""
        self._sum[:], self._count[:], self._seconds = 0, 0, 0

    def push(self, levels: Centibels) -> Centibels:
        """Take the gain off one second of levels, [streams, frames, bands] in hundredths of a decibel."""
        gain, has_shape = self._reference.gains(mean_levels(levels))
        counts = has_shape & (np.abs(gain) <= _LARGEST_GAIN_CB)
        self._sum += np.where(counts, gain, 0)
        self._count += counts
        self._seconds += 1
        mean = self._sum // np.maximum(self._count, 1)
        own = self._reference.largest_own_gain_cb(np.maximum(self._count, 1))
        mean[(2 * self._count < self._seconds) | (np.abs(mean) <= own)] = 0
        compensated: Centibels = levels - mean[:, None, None].astype(np.int32)
        return compensated


def compensate_segments(
    segments: Centibels, seconds: int, front_end: FrontEnd, reference: LevelReference | None
) -> Centibels:
    """Compensate the `segment_levels` of a recording of so many whole seconds; None changes nothing."""
    if reference is None or not len(segments):
        return segments
    result = segments.copy()
    whole, rest = divmod(seconds, front_end.reset_s)
    for part, length in ((result[:whole], front_end.reset_s), (result[whole:], rest)):
        compensator = LevelCompensator(reference, len(part))
        for second in range(length if len(part) else 0):
            frames = slice(frames_before(second), frames_before(second + 1))
            part[:, frames] = compensator.push(part[:, frames])
    return result
