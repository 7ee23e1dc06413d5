"""How long the next block is: long ones cost little, short ones come in when a second is being completed.

The resampler holds the last samples of a second back until up to 40 ms after it; whoever waits for them
should not wait for the rest of a long block as well.
"""

from __future__ import annotations

_SHORT_S, _SHORT_FOR_S = 0.005, 0.045


class Pace:
    """Lengths of the blocks of one device.

    Args:
        rate_hz: its rate.
        block_s: the longest block.
    """

    def __init__(self, rate_hz: int, block_s: float) -> None:
        self._rate_hz = rate_hz
        self._long = max(1, round(block_s * rate_hz))
        self._short = max(1, min(self._long, round(_SHORT_S * rate_hz)))
        self._position = 0

    def begin(self, frames: int = 0) -> None:
        """After a gap seconds are counted anew: ``frames`` of the first are there."""
        self._position = frames

    def next_frames(self) -> int:
        """How many samples the next block shall hold; they are counted as delivered."""
        into = self._position % self._rate_hz
        if into < round(_SHORT_FOR_S * self._rate_hz):
            frames = self._short
        else:
            frames = min(self._long, self._rate_hz - into)
        self._position += frames
        return frames
