"""Ring buffer of recent sound: a clip begins before its case, at a reset, so that its score can be repeated."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np

from anomaly.audio import SAMPLE_RATE_HZ
from anomaly.audio.channels import Samples

# One step of a 24-bit FLAC: live sound is rounded to this grid before it is scored, so that a clip keeps it exactly.
_STEP = np.float32(2.0**-23)


@dataclass(frozen=True, eq=False)
class Excerpt:
    """Sound from the ring buffer.

    Args:
        samples: float32 [n], 16 kHz.
        begin_s: UNIX seconds of the first.
        since_reset: samples between the last reset of the score and the first; 0: it begins at a reset.
    """

    samples: Samples
    begin_s: float
    since_reset: int


class SoundRing:
    """Ring buffer that reaches back to the last reset before the pre-roll.

    Args:
        before_s: pre-roll, seconds of a clip before its case.
        span_s: seconds of a clip after its case is opened.
        reset_s: seconds between resets of the score.
    """

    def __init__(self, before_s: float, span_s: float, reset_s: int) -> None:
        self._before = round(before_s * SAMPLE_RATE_HZ)
        self._reset = reset_s * SAMPLE_RATE_HZ
        # Resets that are far apart must not make the buffer endless; clips then begin between resets.
        max_reset = min(self._reset, 60 * SAMPLE_RATE_HZ)
        self._capacity = self._before + round(span_s * SAMPLE_RATE_HZ) + max_reset + SAMPLE_RATE_HZ
        self._blocks: deque[Samples] = deque()
        self._first = 0
        self._end_s = 0.0
        self.position = 0
        """Samples pushed since the last interruption."""

    def push(self, samples: Samples, time_s: float) -> None:
        """Append a block [n] whose first sample has this UNIX time."""
        self._blocks.append(np.array(samples, dtype=np.float32))
        self.position += len(samples)
        self._end_s = time_s + len(samples) / SAMPLE_RATE_HZ
        while self.position - self._first - len(self._blocks[0]) >= self._capacity:
            self._first += len(self._blocks.popleft())

    def interrupt(self) -> None:
        """Empty the buffer at an interruption of the sound: the next sample is the first after a reset."""
        self._blocks.clear()
        self._first = self.position = 0

    def restart_at(self, position: int, reset_s: int) -> None:
        """Drop the sound before a position at which the score was reset, with another distance of resets from there."""
        self._reset = reset_s * SAMPLE_RATE_HZ
        while self._blocks and self._first + len(self._blocks[0]) <= position:
            self._first += len(self._blocks.popleft())
        if self._blocks and self._first < position:
            self._blocks[0] = self._blocks[0][position - self._first :]
            self._first = position
        self._first, self.position = self._first - position, self.position - position

    def excerpt(self, around: int) -> Excerpt | None:
        """Return the sound up to now from the last reset before the pre-roll of a position; None if under a second."""
        earliest = max(self._first, around - self._before)
        begin = earliest // self._reset * self._reset
        if begin < self._first:
            begin = earliest
        if self.position - begin < SAMPLE_RATE_HZ:
            return None
        joined = np.concatenate(self._blocks)[begin - self._first :]
        return Excerpt(joined, self._end_s - len(joined) / SAMPLE_RATE_HZ, begin % self._reset)


def on_grid(samples: Samples) -> Samples:
    """Return sound rounded to 24 bits (at most -144 dB of full scale) and clipped to full scale."""
    whole = np.rint(np.asarray(samples, dtype=np.float32) / _STEP)
    result: Samples = (np.clip(whole, -(2.0**23), 2.0**23 - 1) * _STEP).astype(np.float32)
    return result
