"""Seconds that the decision does not take at once: they may belong to a ramp, or the machine stands."""

from __future__ import annotations

from anomaly.detect.operating.states import OperatingState
from anomaly.detect.scoring import SecondScore


class RampBuffer:
    """Keeps seconds of what may be a ramp until it is known what they were."""

    def __init__(self) -> None:
        self._seconds: list[SecondScore] = []

    def take(self, score: SecondScore) -> list[SecondScore]:
        """Take a second; return those that the decision is to take now, in the order of time."""
        heard = score.operating
        if not heard.counts and heard.operating is OperatingState.RAMPING:
            self._seconds.append(score)
            return []
        late = self._seconds[len(self._seconds) - heard.late :]
        self._seconds = []
        return [*late, score] if heard.counts else late

    def release(self) -> list[SecondScore]:
        """What is still held back when the sound ends or breaks off: nobody will know, so it counts."""
        seconds, self._seconds = self._seconds, []
        return seconds
