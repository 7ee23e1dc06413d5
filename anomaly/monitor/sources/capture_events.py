"""What a capture has to say of itself: its state, how often it lost samples, and whether the clock was set."""

from __future__ import annotations

import time
from dataclasses import replace

from anomaly.audio import SAMPLE_RATE_HZ
from anomaly.audio.capture.capture_state import CaptureCounts, CaptureState, CaptureStateMachine
from anomaly.monitor.sources.sources import CaptureEvent

# The sample clock drifts by seconds a day; a step within one block is somebody setting the clock.
_CLOCK_STEP_S = 1.0

_WORDS = {
    CaptureState.STARTING: "the microphone is being opened",
    CaptureState.HEALTHY: "the microphone is heard without a gap",
    CaptureState.DEGRADED: "samples were lost in the last seconds",
    CaptureState.LOST: "the microphone is looked for",
    CaptureState.RECOVERING: "the microphone is back",
    CaptureState.FAILED: "the microphone does not come back by itself; it is looked for all the same",
}


class CaptureEventEmitter:
    """Turns what happens to one capture into news; each change is told once.

    Attributes:
        counts: what it has gone through.
    """

    def __init__(self) -> None:
        self.counts = CaptureCounts()
        self._watch = CaptureStateMachine()
        self._told = CaptureState.STARTING
        self._expected: int | None = None
        self._zero_utc: float | None = None

    def opened(self, description: str, rate_hz: int) -> list[CaptureEvent]:
        """Take that the device was opened; return what is new."""
        self.counts = replace(self.counts, opened=self.counts.opened + 1)
        self._expected = self._zero_utc = None
        detail = {"input": description, "sample_rate_hz": rate_hz}
        words = f"listening to {description} at {rate_hz} Hz"
        return [CaptureEvent(time.time(), "device.opened", words, detail, self._told.value)]

    def sound(
        self, start_sample: int, samples: int, utc: float, *, lost: bool
    ) -> tuple[bool, list[CaptureEvent]]:
        """Take a block at 16 kHz; return whether samples were lost before it, and what is new.

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
        news = self._change(self._watch.sound(time.monotonic(), gap=gap), utc, "")
        if abs(step_s) >= _CLOCK_STEP_S:
            self.counts = replace(self.counts, clock_steps=self.counts.clock_steps + 1)
            words = f"the computer's clock was set by {step_s:+.1f} s; no sound was lost"
            news.append(CaptureEvent(utc, "clock.set", words, {"seconds": round(step_s, 3)}))
        return gap, news

    def lost(self, reason: str) -> list[CaptureEvent]:
        """Take that the device is gone or stays away; return what is new."""
        before = self._told
        state = self._watch.lost(time.monotonic())
        if before not in (CaptureState.LOST, CaptureState.FAILED):
            self.counts = replace(self.counts, losses=self.counts.losses + 1)
        return self._change(state, time.time(), reason)

    def _change(self, state: CaptureState, time_s: float, reason: str) -> list[CaptureEvent]:
        if state is self._told:
            return []
        detail = {"from": self._told.value, "to": state.value, **self.counts.to_dict()}
        self._told = state
        words = f"{_WORDS[state]} ({reason})" if reason else _WORDS[state]
        return [CaptureEvent(time_s, "capture.state", words, detail, state.value)]
