"""Where blocks end: shortly after a second does, as soon as the resampler can deliver its last sample.

Whoever waits for a second then waits for nothing else, and blocks may be long. No numpy here: the capture process
has none.
"""

from __future__ import annotations

from anomaly.audio import SAMPLE_RATE_HZ

BLOCK_S = 0.25
"""How often sound is handed over where nobody says otherwise: each time costs as much as the sound in it."""
HALF_LENGTH = 96
"""Half the length of the resampler's filter, in samples of the lower of its two rates."""


def lookahead(from_hz: int, to_hz: int = SAMPLE_RATE_HZ) -> int:
    """How many samples at ``from_hz`` the resampler waits for after the last one that it delivers."""
    return 0 if from_hz == to_hz else -(-HALF_LENGTH * from_hz // min(from_hz, to_hz))


class BlockSchedule:
    """Lengths of the blocks of one device.

    Args:
        rate_hz: its rate.
        block_s: the longest block.
    """

    def __init__(self, rate_hz: int, block_s: float) -> None:
        self._rate_hz = rate_hz
        self._longest = max(1, round(block_s * rate_hz))
        self._ahead = lookahead(rate_hz)
        self._position = 0

    def begin(self, frames: int = 0) -> None:
        """After a gap seconds are counted anew: ``frames`` of the first are there."""
        self._position = frames

    def next_frames(self) -> int:
        """How many samples the next block shall hold; they are counted as delivered."""
        into = (self._position - self._ahead) % self._rate_hz
        frames = min(self._longest, self._rate_hz - into)
        self._position += frames
        return frames
