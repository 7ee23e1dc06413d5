"""How the capture of one device does: starting, healthy, degraded, lost, recovering or failed."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

# Sound without a loss for so long, and the capture is healthy again.
_CALM_S = 10.0
# Back again, it must hold for so long before it is trusted.
_RECOVERED_S = 3.0
# Looked for in vain for so long, it has failed: somebody must see to it. It is looked for all the same.
_GIVE_UP_S = 600.0


class CaptureState(StrEnum):
    """The state of one capture process and its device."""

    STARTING = "starting"
    HEALTHY = "healthy"
    DEGRADED = "degraded"
    LOST = "lost"
    RECOVERING = "recovering"
    FAILED = "failed"


@dataclass(frozen=True)
class CaptureCounts:
    """What one capture has gone through since the start.

    Args:
        gaps: how often samples were lost, by the count of samples, never by the clock of the computer.
        losses: how often the device was lost.
        opened: how often it was opened.
        lost_samples: samples lost in gaps, at 16 kHz.
        clock_steps: how often the computer's clock was set meanwhile.
    """

    gaps: int = 0
    losses: int = 0
    opened: int = 0
    lost_samples: int = 0
    clock_steps: int = 0

    def to_dict(self) -> dict[str, int]:
        """As JSON types."""
        return dict(vars(self))


class CaptureStateMachine:
    """Follows the state of one capture.

    Times are seconds of a clock that nobody sets (``time.monotonic``).
    """

    def __init__(self) -> None:
        self.state = CaptureState.STARTING
        self._lost_since_s: float | None = None
        self._back_since_s = 0.0
        self._last_gap_s: float | None = None

    def sound(self, now_s: float, *, gap: bool = False) -> CaptureState:
        """Take that sound came; ``gap`` says that samples were lost before it."""
        if self._lost_since_s is not None:
            self._lost_since_s, self._back_since_s = None, now_s
            self.state, self._last_gap_s = CaptureState.RECOVERING, None
        if gap:
            self._last_gap_s = now_s
        recovering = self.state is CaptureState.RECOVERING and now_s - self._back_since_s < _RECOVERED_S
        if self._last_gap_s is not None and now_s - self._last_gap_s < _CALM_S:
            self.state = CaptureState.DEGRADED
        elif not recovering:
            self.state = CaptureState.HEALTHY
        return self.state

    def lost(self, now_s: float, *, for_good: bool = False) -> CaptureState:
        """Take that the device is gone or stays away; ``for_good``: no waiting will bring it back."""
        if self._lost_since_s is None:
            self._lost_since_s = now_s
        failed = for_good or now_s - self._lost_since_s >= _GIVE_UP_S
        self.state = CaptureState.FAILED if failed else CaptureState.LOST
        return self.state
