"""Schedule of block lengths: a block ends as soon as the resampler can deliver the last sample of a second.

So the score of a second waits for nothing but the resampler, and blocks may be long. The capture process imports this
file, so it does not import numpy.
"""

from __future__ import annotations

from anomaly.audio import SAMPLE_RATE_HZ

BLOCK_S = 0.25
"""Default length of a block: sending one costs as much processor time as the sound in it (measured)."""
HALF_LENGTH = 96
"""Half the length of the resampler's filter, in samples of the lower of its two rates."""


def lookahead(from_hz: int, to_hz: int = SAMPLE_RATE_HZ) -> int:
    """Return the number of samples at ``from_hz`` that the resampler needs after the last one that it delivers."""
    return 0 if from_hz == to_hz else -(-HALF_LENGTH * from_hz // min(from_hz, to_hz))


class BlockSchedule:
    """Lengths of the blocks of one device.

    Args:
        rate_hz: sample rate of the device.
        block_s: the longest block.
    """

    def __init__(self, rate_hz: int, block_s: float) -> None:
        self._rate_hz = rate_hz
        self._longest = max(1, round(block_s * rate_hz))
        self._ahead = lookahead(rate_hz)
        self._position = 0

    def begin(self, frames: int = 0) -> None:
        """Restart the count of seconds after a gap, with ``frames`` of the first one delivered."""
        self._position = frames

    def next_frames(self) -> int:
        """Return the length of the next block in samples, and count them as delivered."""
        within_second = (self._position - self._ahead) % self._rate_hz
        frames = min(self._longest, self._rate_hz - within_second)
        self._position += frames
        return frames
