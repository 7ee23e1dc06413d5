"""Events of the live monitor: their names, and what a session publishes beside records."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from anomaly.detect.scoring import SecondScore
    from anomaly.monitor.model.session_model import SessionModel


class EventName(StrEnum):
    """Names of events in the log, in the store and in the output of ``monitor --jsonl``; they never change."""

    STATE_CHANGED = "state.changed"
    """The decision went from one state to another."""
    SECONDS_DECIDED = "seconds.decided"
    """Held seconds of a possible ramp proved to count; ``seconds`` lists them with their states."""
    CASE_OPENED = "case.opened"
    CASE_AGAIN = "case.again"
    """The alarm came back before anybody had acknowledged its case."""
    CASE_ESCALATED = "case.escalated"
    """An open case has reached a higher severity."""
    CASE_RETURNED = "case.returned"
    """The sound of an open case is normal again."""
    SENSOR_RECOVERED = "sensor.recovered"
    DEVICE_OPENED = "device.opened"
    DEVICE_LOST = "device.lost"
    CAPTURE_STATE = "capture.state"
    CLOCK_SET = "clock.set"
    SOURCE_TRUNCATED = "source.truncated"
    """A recording has ended early: it was cut short or is damaged."""
    AUDIO_GAP = "audio.gap"
    MODEL_ACTIVATED = "model.activated"
    MODEL_REFUSED = "model.refused"
    CLIP_SAVED = "clip.saved"
    CLIP_FAILED = "clip.failed"
    DRIFT = "drift"
    DRIFT_OVER = "drift.over"
    SCORE_HOUR = "score.hour"
    """Median score of an hour; stored only."""
    STORE_FAILED = "store.failed"
    STORE_RECOVERED = "store.recovered"
    STORE_DAMAGED = "store.damaged"
    MACHINE_FAILED = "machine.failed"
    """A machine is no longer monitored."""
    MACHINE_NOT_JUDGED = "machine.not_judged"
    """The microphone works, but no second could be judged for a while."""
    MACHINE_JUDGED = "machine.judged"
    MACHINE_RECALIBRATED = "machine.recalibrated"
    """The request of ``cases close --rebaseline`` was carried out."""
    TREND_RISING = "trend.rising"
    """The health index rises towards the alarm level; ``lower_s`` and ``upper_s`` bound the time that is left."""
    TREND_OVER = "trend.over"
    """That rise has ended."""
    REBASELINE_WAITS = "rebaseline.waits"
    """That request waits for feedback on cases since."""


WARNINGS = frozenset(
    {
        EventName.AUDIO_GAP,
        EventName.CASE_AGAIN,
        EventName.CASE_ESCALATED,
        EventName.CASE_OPENED,
        EventName.CLIP_FAILED,
        EventName.DEVICE_LOST,
        EventName.MACHINE_FAILED,
        EventName.MACHINE_NOT_JUDGED,
        EventName.MODEL_REFUSED,
        EventName.REBASELINE_WAITS,
        EventName.SOURCE_TRUNCATED,
        EventName.STORE_DAMAGED,
        EventName.STORE_FAILED,
        EventName.TREND_RISING,
    }
)
"""Events that say that something is wrong with the machine or the monitor."""


@dataclass(frozen=True, eq=False)
class ModelActivated:
    """Another model scores from the next second on."""

    model: SessionModel


@dataclass(frozen=True, eq=False)
class SecondScored:
    """A second has its score; its record follows.

    Args:
        score: of the second.
        limit: of the sum of the decision.
    """

    score: SecondScore
    limit: float


@dataclass(frozen=True)
class BlockProcessed:
    """A source event has gone through all stages, and its records are published."""


@dataclass(frozen=True)
class SessionEnded:
    """The sound has ended, and all records are published."""
