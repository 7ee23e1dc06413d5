"""State of the system: disk, database, sinks, inputs, checks and errors."""

from __future__ import annotations

from typing import Literal

from pydantic import RootModel

from anomaly.web.api.schemas.base import Answered


class SinkFacts(Answered):
    """Messages of one sink."""

    name: str
    kind: str | None
    pending: int
    dead: int
    abandoned: int
    oldest_pending: str | None
    last_error: str | None


class DeviceFacts(Answered):
    """Input that a machine may listen to."""

    id: str
    name: str
    channels: int | None
    rates_hz: list[int]
    problem: str | None
    machines: list[str]


class DeviceList(RootModel[list[DeviceFacts]]):
    """All inputs."""


class DiskFacts(Answered):
    """Disk of the state folder, in bytes."""

    free: int
    total: int
    database: int | None
    clips: int
    low: bool
    fault: str | None


class CheckEntry(Answered):
    """Result of one check of the doctor."""

    name: str
    status: Literal["ok", "warning", "failed"]
    message: str
    hint: str | None


class ErrorFacts(Answered):
    """Event that says that something is wrong."""

    time: str
    event: str
    machine: str | None
    message: str


class LiveFacts(Answered):
    """Live streams that are open, and columns that they were too slow for."""

    viewers: int
    lost_frames: int


class SystemFacts(Answered):
    """State of the system."""

    versions: dict[str, str]
    uptime_s: float
    database_path: str
    database_fault: str | None
    disk: DiskFacts
    sinks: list[SinkFacts]
    devices: list[DeviceFacts]
    doctor: list[CheckEntry]
    errors: list[ErrorFacts]
    live: LiveFacts
