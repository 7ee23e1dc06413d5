"""Events of a capture: its state, lost samples, and steps of the computer's clock."""

from __future__ import annotations

import time
from dataclasses import replace

from anomaly.audio import SAMPLE_RATE_HZ
from anomaly.audio.capture.capture_state import CaptureCounts, CaptureState, CaptureStateMachine
from anomaly.monitor.events import EventName
from anomaly.monitor.sources.events import CaptureEvent

# The sample clock drifts by seconds a day; a step within one block is somebody setting the clock.
_CLOCK_STEP_S = 1.0

_STATE_TEXT = {
    CaptureState.STARTING: "the microphone is being opened",
    CaptureState.HEALTHY: "the microphone delivers sound without a gap",
    CaptureState.DEGRADED: "samples were lost in the last seconds",
    CaptureState.LOST: "the microphone is looked for",
    CaptureState.RECOVERING: "the microphone is back",
    CaptureState.FAILED: "the microphone does not come back by itself; it is looked for all the same",
}


class CaptureEventEmitter:
    """Turns what happens to one capture into events, each change once.

    Attributes:
        counts: openings, losses, gaps and clock steps so far.
    """

    def __init__(self) -> None:
        self.counts = CaptureCounts()
        self._watch = CaptureStateMachine()
        self._emitted = CaptureState.STARTING
        self._expected: int | None = None
        self._zero_utc: float | None = None

    def opened(self, description: str, rate_hz: int) -> list[CaptureEvent]:
        """Note that the device was opened; return the events."""
        self.counts = replace(self.counts, opened=self.counts.opened + 1)
        self._expected = self._zero_utc = None
        detail = {"input": description, "sample_rate_hz": rate_hz}
        message = f"listening to {description} at {rate_hz} Hz"
        return [CaptureEvent(time.time(), EventName.DEVICE_OPENED, message, detail, self._emitted.value)]

    def sound(
        self, start_sample: int, samples: int, utc: float, *, lost: bool
    ) -> tuple[bool, list[CaptureEvent]]:
        """Take a block at 16 kHz; return whether samples were lost before it, and the events.

        Only the count of samples says whether there is a gap; the clock of the computer never does.
        """
        missing = 0 if self._expected is None else start_sample - self._expected
        gap = self._expected is not None and (lost or missing != 0)
        self._expected = start_sample + samples
        zero_utc = utc - start_sample / SAMPLE_RATE_HZ
        step_s = 0.0 if self._zero_utc is None or gap else zero_utc - self._zero_utc
        self._zero_utc = zero_utc
        if gap:
            lost_samples = self.counts.lost_samples + max(0, missing)
            self.counts = replace(self.counts, gaps=self.counts.gaps + 1, lost_samples=lost_samples)
        events = self._change(self._watch.sound(time.monotonic(), gap=gap), utc, "")
        if abs(step_s) >= _CLOCK_STEP_S:
            self.counts = replace(self.counts, clock_steps=self.counts.clock_steps + 1)
            message = f"the computer's clock was set by {step_s:+.1f} s; no sound was lost"
            events.append(CaptureEvent(utc, EventName.CLOCK_SET, message, {"seconds": round(step_s, 3)}))
        return gap, events

    def lost(self, reason: str) -> list[CaptureEvent]:
        """Note that the device is gone or stays away; return the events."""
        before = self._emitted
        state = self._watch.lost(time.monotonic())
        if before not in (CaptureState.LOST, CaptureState.FAILED):
            self.counts = replace(self.counts, losses=self.counts.losses + 1)
        return self._change(state, time.time(), reason)

    def _change(self, state: CaptureState, time_s: float, reason: str) -> list[CaptureEvent]:
        if state is self._emitted:
            return []
        detail = {"from": self._emitted.value, "to": state.value, **self.counts.to_dict()}
        self._emitted = state
        message = f"{_STATE_TEXT[state]} ({reason})" if reason else _STATE_TEXT[state]
        return [CaptureEvent(time_s, EventName.CAPTURE_STATE, message, detail, state.value)]
