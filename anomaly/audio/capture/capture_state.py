"""State of the capture of one device: starting, healthy, degraded, lost, recovering or failed."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

# Time without lost samples after which a degraded capture is healthy.
_DEGRADED_S = 10.0
# Time without another loss after which a recovering capture is healthy.
_RECOVERING_S = 3.0
# Time after which a lost device needs someone to look after it; it is looked for all the same.
_FAILED_AFTER_S = 600.0


class CaptureState(StrEnum):
    """State of one capture process and its device."""

    STARTING = "starting"
    HEALTHY = "healthy"
    DEGRADED = "degraded"
    LOST = "lost"
    RECOVERING = "recovering"
    FAILED = "failed"


@dataclass(frozen=True)
class CaptureCounts:
    """Counts of the events of one capture since the start.

    Args:
        gaps: gaps in the count of samples; the computer's clock plays no part.
        losses: losses of the device.
        opened: times that the device was opened.
        lost_samples: samples lost in gaps, at 16 kHz.
        clock_steps: times that the computer's clock was set.
    """

    gaps: int = 0
    losses: int = 0
    opened: int = 0
    lost_samples: int = 0
    clock_steps: int = 0

    def to_dict(self) -> dict[str, int]:
        """Return the counts as JSON types."""
        return dict(vars(self))


class CaptureStateMachine:
    """Follows the state of one capture.

    Times are seconds of a monotonic clock (``time.monotonic``).
    """

    def __init__(self) -> None:
        self.state = CaptureState.STARTING
        self._lost_since_s: float | None = None
        self._back_since_s = 0.0
        self._last_gap_s: float | None = None

    def sound(self, now_s: float, *, gap: bool = False) -> CaptureState:
        """Process that sound arrived, and return the new state; ``gap``: samples were lost before it."""
        if self._lost_since_s is not None:
            self._lost_since_s, self._back_since_s = None, now_s
            self.state, self._last_gap_s = CaptureState.RECOVERING, None
        if gap:
            self._last_gap_s = now_s
        recovering = self.state is CaptureState.RECOVERING and now_s - self._back_since_s < _RECOVERING_S
        if self._last_gap_s is not None and now_s - self._last_gap_s < _DEGRADED_S:
            self.state = CaptureState.DEGRADED
        elif not recovering:
            self.state = CaptureState.HEALTHY
        return self.state

    def lost(self, now_s: float, *, for_good: bool = False) -> CaptureState:
        """Process that the device is gone or stays away, and return the new state.

        Args:
            now_s: the time.
            for_good: waiting cannot bring it back.
        """
        if self._lost_since_s is None:
            self._lost_since_s = now_s
        failed = for_good or now_s - self._lost_since_s >= _FAILED_AFTER_S
        self.state = CaptureState.FAILED if failed else CaptureState.LOST
        return self.state
