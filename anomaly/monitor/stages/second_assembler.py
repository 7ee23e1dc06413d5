"""First stage: blocks of any size become whole seconds on the clock of the microphone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from anomaly.audio import SAMPLE_RATE_HZ
from anomaly.audio.channels import Samples
from anomaly.monitor.sources.events import SoundBlock


@dataclass(frozen=True, eq=False)
class WholeSecond:
    """One second of sound.

    Args:
        samples: float32 [16000].
        end_s: UNIX seconds at its end.
        repeated: largest share of repeated samples among its blocks.
    """

    samples: Samples
    end_s: float
    repeated: float


class SecondAssembler:
    """Cuts blocks into whole seconds."""

    def __init__(self) -> None:
        self._waiting: list[Samples] = []
        self._count = 0
        self._repeated = 0.0
        self._whole_until_s: float | None = None

    def push(self, block: SoundBlock) -> Iterator[WholeSecond]:
        """Take a block and yield the seconds that it completes.

        The time comes from each block, not from a count of samples: the clock of a microphone drifts by seconds a day.
        """
        begin_s = block.time_s - self._count / SAMPLE_RATE_HZ
        if self._whole_until_s is None:
            self._whole_until_s = begin_s
        self._repeated = max(self._repeated, block.repeated)
        self._waiting.append(block.samples)
        self._count += len(block.samples)
        while self._count >= SAMPLE_RATE_HZ:
            joined = np.concatenate(self._waiting)
            self._waiting, self._count = [joined[SAMPLE_RATE_HZ:]], len(joined) - SAMPLE_RATE_HZ
            begin_s += 1.0
            self._whole_until_s = begin_s
            repeated, self._repeated = self._repeated, 0.0
            yield WholeSecond(joined[:SAMPLE_RATE_HZ], begin_s, repeated)

    def reset(self) -> None:
        """Drop the part of a second that waits: samples are missing after it."""
        self._waiting, self._count = [], 0

    def forget_time(self) -> None:
        """Restart the count of `without_whole_s` with the next block: the microphone was away."""
        self._whole_until_s = None

    def without_whole_s(self, time_s: float) -> float:
        """Seconds up to a UNIX time in which sound came but no second was whole."""
        return 0.0 if self._whole_until_s is None else time_s - self._whole_until_s
