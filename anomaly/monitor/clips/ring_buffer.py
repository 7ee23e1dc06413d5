"""The last seconds of sound, so that a clip may begin before its case, at a place from which it can be scored."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np

from anomaly.audio import SAMPLE_RATE_HZ
from anomaly.audio.channels import Samples

# One step of a 24-bit FLAC: what is heard is put on this grid, so that what is kept is what was heard.
_STEP = np.float32(2.0**-23)


@dataclass(frozen=True, eq=False)
class Excerpt:
    """Sound cut from the ring.

    Args:
        samples: float32 [n], 16 kHz.
        begin_s: UNIX seconds of the first.
        since_reset: samples between the last reset of the score and the first; 0: it begins at a reset.
    """

    samples: Samples
    begin_s: float
    since_reset: int


class SoundRing:
    """Keeps sound back to the reset before the pre-roll.

    Args:
        before_s: sound to have from before any moment.
        span_s: sound that a clip may take after that moment.
        reset_s: seconds between resets of the score.
    """

    def __init__(self, before_s: float, span_s: float, reset_s: int) -> None:
        self._before = round(before_s * SAMPLE_RATE_HZ)
        self._reset = reset_s * SAMPLE_RATE_HZ
        # A machine whose resets are far apart does not get endless memory; its clips then begin between resets.
        most_reset = min(self._reset, 60 * SAMPLE_RATE_HZ)
        self._most = self._before + round(span_s * SAMPLE_RATE_HZ) + most_reset + SAMPLE_RATE_HZ
        self._blocks: deque[Samples] = deque()
        self._first = 0
        self._end_s = 0.0
        self.position = 0
        """Samples heard since the last time the sound began anew."""

    def push(self, samples: Samples, time_s: float) -> None:
        """Take a block [n] whose first sample was heard at a UNIX time."""
        self._blocks.append(np.array(samples, dtype=np.float32))
        self.position += len(samples)
        self._end_s = time_s + len(samples) / SAMPLE_RATE_HZ
        while self.position - self._first - len(self._blocks[0]) >= self._most:
            self._first += len(self._blocks.popleft())

    def begin_anew(self) -> None:
        """After a gap: the next sample is the first after a reset."""
        self._blocks.clear()
        self._first = self.position = 0

    def begin_at(self, position: int, reset_s: int) -> None:
        """The score began again at a position, with other resets: what lies before it is let go."""
        self._reset = reset_s * SAMPLE_RATE_HZ
        while self._blocks and self._first + len(self._blocks[0]) <= position:
            self._first += len(self._blocks.popleft())
        if self._blocks and self._first < position:
            self._blocks[0] = self._blocks[0][position - self._first :]
            self._first = position
        self._first, self.position = self._first - position, self.position - position

    def excerpt(self, around: int) -> Excerpt | None:
        """Sound from the reset before ``before_s`` before a position up to now; None if there is no second of it."""
        wanted = max(self._first, around - self._before)
        begin = wanted // self._reset * self._reset
        if begin < self._first:
            begin = wanted
        if self.position - begin < SAMPLE_RATE_HZ:
            return None
        joined = np.concatenate(self._blocks)[begin - self._first :]
        return Excerpt(joined, self._end_s - len(joined) / SAMPLE_RATE_HZ, begin % self._reset)


def on_grid(samples: Samples) -> Samples:
    """Sound as 24 bits hold it: rounded by at most -144 dB of full scale, and clipped to it."""
    whole = np.rint(np.asarray(samples, dtype=np.float32) / _STEP)
    result: Samples = (np.clip(whole, -(2.0**23), 2.0**23 - 1) * _STEP).astype(np.float32)
    return result
