"""The plan of one machine: what it is monitored by."""

from __future__ import annotations

from dataclasses import dataclass

from anomaly.audio.capture.ffmpeg import is_address
from anomaly.audio.channels import Channel


@dataclass(frozen=True)
class MonitorPlan:
    """What one machine is monitored by.

    Args:
        machine: its name.
        device: microphone, or None to listen to ``source``.
        source: a file, the address of a stream, or "-" for standard input.
        channel: of the microphone, stream or file.
        detector: name of the detector that scores.
        false_alarms_per_day: the budget.
        realtime: play a file at its own pace.
        model: name of the bundle; "" for that of the machine.
        patient: a microphone or stream that is missing at the start is looked for, like one that was lost.
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

    @property
    def bundle(self) -> str:
        """Name of the bundle that scores."""
        return self.model or self.machine

    @property
    def live(self) -> bool:
        """Whether the sound comes from a microphone or a stream."""
        return self.source is None or is_address(self.source)
