"""Records of the monitor: one per second and one per event, as ``monitor --jsonl`` prints them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from anomaly.monitor.events import EventName
from anomaly.store.cases.case import iso_utc


@dataclass(frozen=True)
class SecondRecord:
    """One second of one machine.

    Args:
        machine: its name.
        time_s: UNIX seconds at the second's end.
        second: index since the start of the sound.
        score: in standard deviations of normal sound; None while the sensor is not to be trusted.
        p_value: probability that normal sound scores as high; None likewise.
        state: OK, WATCH or ALARM; None while the machine is not judged.
        sensor: ok, or what is wrong with the microphone, one of ``anomaly.audio.sensor.health.Status``.
        level_dbfs: loudness.
        groups: error level per sub-band group, empty without a score.
        capture: state of the microphone's capture; "" for a file or a pipe.
        operating_state: what the machine is doing: running, stopped, ramping or unknown.
        cusum: sum of the decision after the second, see `anomaly.detect.decision`.
        not_judged: reason for which there is no state, the sensor fault in force or ``undecided``; None while the
            machine is judged.
    """

    machine: str
    time_s: float
    second: int
    score: float | None
    p_value: float | None
    state: str | None
    sensor: str
    level_dbfs: float
    groups: tuple[float, ...] = ()
    capture: str = ""
    operating_state: str = "unknown"
    cusum: float = 0.0
    not_judged: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON types."""
        return {
            "time": iso_utc(self.time_s),
            "machine": self.machine,
            "second": self.second,
            "score": self.score,
            "p_value": self.p_value,
            "state": self.state,
            "sensor": self.sensor,
            "level_dbfs": round(self.level_dbfs, 2),
            "capture": self.capture or None,
            "operating_state": self.operating_state,
            "cusum": round(self.cusum, 3),
            "not_judged": self.not_judged,
        }


@dataclass(frozen=True)
class EventRecord:
    """One event: a change of state, a case, a gap, a lost microphone.

    Args:
        event: its name.
        machine: its machine.
        time_s: UNIX seconds.
        message: one sentence for a person.
        detail: further facts, JSON types.
    """

    event: EventName
    machine: str
    time_s: float
    message: str
    detail: dict[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON types."""
        return {
            "time": iso_utc(self.time_s),
            "machine": self.machine,
            "event": self.event,
            "message": self.message,
            **self.detail,
        }


Record = SecondRecord | EventRecord
