"""Machines, their scores over time, and their models."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, RootModel

from anomaly.false_alarm_budget import LEAST_PER_DAY, MOST_PER_DAY
from anomaly.store.curve import CurveResolution
from anomaly.web.api.schemas.base import Answered, MachineName, Sent, Short, UnixSeconds


class OpenCase(Answered):
    """Most urgent open case of a machine."""

    id: str
    kind: str
    state: str
    summary: str
    severity: int
    opened_at: str


class MaintenanceFacts(Answered):
    """Maintenance that goes on: alarms open no cases."""

    planned: bool
    until: str | None
    by: str | None
    note: str | None


class MachineEntry(Answered):
    """State of one machine.

    ``state`` is OK, WATCH, ALARM, DEAF (its microphone fails) or UNKNOWN (nothing is known of it now, see ``reason``);
    ``health_state`` is that of the machine alone, null while it is not judged; ``sensor_state`` is ``ok``, the fault of
    the microphone, or null.
    """

    machine: str
    display_name: str | None
    location: str | None
    group: str | None
    criticality: str
    state: Literal["OK", "WATCH", "ALARM", "DEAF", "UNKNOWN"]
    health_state: Literal["OK", "WATCH", "ALARM"] | None
    sensor_state: str | None
    reason: str | None
    since: str | None
    operating_state: str | None
    score: float | None
    p_value: float | None
    budget: float = Field(description="false alarms a day that are allowed")
    cusum: float | None = Field(description="sum of the decision; null without a live monitor")
    limit: float | None = Field(description="limit of the sum above which an alarm begins; null likewise")
    open_case: OpenCase | None
    open_cases: int
    maintenance: MaintenanceFacts | None
    monitored: bool
    updated: str | None
    last_hour: list[float | None] = Field(description="highest score of each minute, oldest first")


class MachineList(RootModel[list[MachineEntry]]):
    """All machines, the worst first."""


class MachineDetail(MachineEntry):
    """One machine, with its input and its model."""

    device: str | None
    source: str | None
    channel: str
    detector: str
    bundle: str
    model: str | None
    cmms_number: str | None


class CurveQuery(Sent):
    """Time and resolution of a curve; by default the last hour, at a resolution that fits."""

    from_s: UnixSeconds | None = Field(default=None, alias="from", description="UNIX seconds")
    to_s: UnixSeconds | None = Field(default=None, alias="to", description="UNIX seconds")
    resolution: CurveResolution | None = None
    day_offset_s: Annotated[int, Field(ge=-86_400, le=86_400)] = Field(
        default=0, description="seconds that local time is ahead of UTC, where days are to begin"
    )


class Interval(Answered):
    """Interval in UNIX seconds; ``end`` is null while it goes on."""

    begin: float
    end: float | None
    reason: str


class CurveColumns(Answered):
    """Score over time: columns of one length, times in UNIX seconds."""

    machine: str
    resolution: CurveResolution
    from_: float = Field(serialization_alias="from")
    to: float
    time: list[float]
    score_mean: list[float | None]
    score_max: list[float | None]
    p_value: list[float | None]
    alarm_share: list[float]
    scored_s: list[int]
    operating_state: list[str | None]
    gaps: list[Interval]
    maintenance: list[Interval]


class TrendColumns(Answered):
    """Scores by the day over a year, the alarms of each day, and what `anomaly trend` says of slow changes."""

    machine: str
    time: list[float]
    day: list[str]
    score_mean: list[float | None]
    score_max: list[float | None]
    alarm_share: list[float]
    scored_s: list[int]
    cases: list[int]
    state: str | None
    summary: str | None
    changes: list[dict[str, Any]]
    health_index: float | None
    alarm_level: float | None
    time_to_limit: dict[str, float] | None


class NewMachine(Sent):
    """Machine to add to the site file."""

    machine: MachineName
    device: Short | None = None
    source: Short | None = None
    channel: Literal["mean"] | Annotated[int, Field(ge=0, le=63)] = "mean"
    bundle: MachineName | None = None
    detector: Short | None = None
    false_alarms_per_day: Annotated[float, Field(ge=LEAST_PER_DAY, le=MOST_PER_DAY, allow_inf_nan=False)] = (
        1.0
    )
    display_name: Short | None = None
    location: Short | None = None
    criticality: Literal["low", "medium", "high", "critical"] = "medium"


class Activated(Answered):
    """Machine that is to be monitored from now on."""

    machine: str
    monitored: bool
    message: str
