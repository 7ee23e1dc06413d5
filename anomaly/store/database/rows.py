"""Typed rows of the store: scores, events, minutes, states, gaps, clips and deliveries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from anomaly.store.outbox.message import AlertMessage

# ``dead``: refused for good by the sink; ``abandoned``: given up after a week of failures.
DeliveryStatus = Literal["pending", "delivered", "abandoned", "dead"]
UNKNOWN = "unknown"
"""State of a `LiveScore` while the machine is not judged."""


@dataclass(frozen=True, slots=True)
class ScoreRow:
    """Result of one second of sound.

    Args:
        machine: whose sound it is.
        time_s: UNIX seconds (UTC) at the second's end.
        second: its index on the sample clock, since the start of the sound.
        score: the machine's score; none where there is none, as in a gap.
        p_value: its tail probability on held-out normal sound.
        state: the machine's state, such as OK, WATCH or ALARM.
    """

    machine: str
    time_s: float
    second: int
    score: float | None
    p_value: float | None
    state: str


@dataclass(frozen=True, slots=True)
class LiveScore(ScoreRow):
    """Newest second of a machine with the status of its microphone, for sinks that publish scores.

    Args:
        sensor: ``ok``, the fault that is in force, or None where no sound arrives and no fault is known.
        operating: operating state of the machine, such as ``running``; None where it is not known.
    """

    sensor: str | None = "ok"
    operating: str | None = None

    @property
    def is_known(self) -> bool:
        """True if the state is one of the machine: its sound arrives and is judged."""
        return self.state != UNKNOWN


@dataclass(frozen=True, slots=True)
class EventRow:
    """Event: a change of state, an acknowledgement, a damaged file.

    Args:
        time: UTC, ISO 8601.
        event: a stable name with a dot, such as ``case.opened``.
        machine: whose event it is, if it is a machine's.
        case_id: which case it belongs to, if any.
        detail: JSON: operator, reason, old and new value.
    """

    time: str
    event: str
    machine: str | None
    case_id: str | None
    detail: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class MinuteRow:
    """Scores of one minute, aggregated.

    Args:
        machine: whose.
        minute_s: UNIX seconds at its beginning, a multiple of 60.
        seconds: how many seconds were scored or skipped in it.
        scored: how many of them have a score.
        score_mean: mean score; none where there was none, as for the next two.
        score_max: highest score.
        p_value_min: smallest tail probability.
        watch_s: seconds in state WATCH.
        alarm_s: seconds in state ALARM.
    """

    machine: str
    minute_s: int
    seconds: int
    scored: int
    score_mean: float | None
    score_max: float | None
    p_value_min: float | None
    watch_s: int
    alarm_s: int


@dataclass(frozen=True, slots=True)
class StateRow:
    """Beginning of a state.

    Args:
        machine: whose.
        kind: of what: ``decision`` (OK, WATCH, ALARM), ``sensor``, or what else is watched.
        time_s: UNIX seconds at its first second's end.
        state: its name.
    """

    machine: str
    kind: str
    time_s: float
    state: str


@dataclass(frozen=True, slots=True)
class GapRow:
    """Interval without sound, in UNIX seconds; ``reason`` is ``overflow`` or ``lost``."""

    machine: str
    begin_s: float
    end_s: float
    reason: str


@dataclass(frozen=True, slots=True)
class ClipRow:
    """Sound clip that belongs to a case.

    Args:
        id: 12 hex digits, the name of its folder.
        case_id: the case.
        machine: whose sound it is.
        begin_s: UNIX seconds of its first sample.
        seconds: its length.
        content: what it holds: ``features``, ``speech-filtered`` or ``full``.
        folder: where it lies, relative to the folder of the clips.
        bytes: size of all its files.
        removed_s: UNIX seconds at which retention removed the files, if it did.
    """

    id: str
    case_id: str
    machine: str
    begin_s: float
    seconds: float
    content: str
    folder: str
    bytes: int
    removed_s: float | None = None


@dataclass(frozen=True, slots=True)
class AccessRow:
    """Access to a clip: by whom, how (``play`` or ``export``), when, and the reason given."""

    clip_id: str
    case_id: str
    time: str
    who: str
    how: str
    note: str


@dataclass(frozen=True, slots=True)
class DueMessage:
    """Delivery that is due: one message for one sink.

    Args:
        id: the delivery, for ``OutboxQueue.mark_delivered`` and ``mark_failed``.
        sink: the sink's name.
        message: what to deliver.
        attempts: how often that has failed so far.
        queued_s: UNIX seconds at which it was stored.
    """

    id: int
    sink: str
    message: AlertMessage
    attempts: int
    queued_s: float


@dataclass(frozen=True, slots=True)
class DeliveryRow:
    """Delivery of one message to one sink.

    Args:
        id: number of the delivery.
        sink: the sink's name.
        status: ``pending`` until the sink has confirmed it, or it has failed for good.
        message: what was or is to be delivered.
        queued_s: UNIX seconds at which the message was stored.
        attempts: failed attempts so far.
        next_try_s: UNIX seconds of the next attempt, while it is pending.
        finished_s: UNIX seconds at which it was delivered or given up.
        error: text of the last error.
    """

    id: int
    sink: str
    status: DeliveryStatus
    message: AlertMessage
    queued_s: float
    attempts: int
    next_try_s: float
    finished_s: float | None
    error: str | None


@dataclass(frozen=True, slots=True)
class DeliveryCount:
    """Deliveries to one sink that have the same status: how many, and when the oldest was queued (UNIX s)."""

    sink: str
    status: DeliveryStatus
    count: int
    oldest_s: float
