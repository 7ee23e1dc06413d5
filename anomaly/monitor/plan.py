"""Plan of the monitoring of one machine."""

from __future__ import annotations

from dataclasses import dataclass, field

from anomaly.audio.capture.ffmpeg import is_address
from anomaly.audio.channels import Channel
from anomaly.errors import AnomalyError


@dataclass(frozen=True)
class MonitorPlan:
    """Sound input, detector and budget of one machine.

    Args:
        machine: its name.
        device: microphone, or None to read ``source``.
        source: a file, the address of a stream, or "-" for standard input.
        channel: of the microphone, stream or file.
        detector: name of the detector that scores.
        false_alarms_per_day: the budget.
        realtime: read a file at the pace of its sample clock.
        model: name of the bundle; "" for that of the machine.
        patient: a microphone or stream that is missing at the start is waited for, like one that was lost.
        fault: reason why the machine cannot be monitored by this process; the others of the site are.
    """

    machine: str
    device: str | None
    source: str | None
    channel: Channel
    detector: str
    false_alarms_per_day: float
    realtime: bool = True
    model: str = ""
    patient: bool = False
    fault: AnomalyError | None = field(default=None, compare=False)

    @property
    def bundle(self) -> str:
        """Name of the bundle that scores."""
        return self.model or self.machine

    @property
    def live(self) -> bool:
        """Return whether the sound comes from a microphone or a stream."""
        return self.source is None or is_address(self.source)
