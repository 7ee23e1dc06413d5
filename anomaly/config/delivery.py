"""Section ``delivery:`` of a sink: when its messages are sent, and which are sent together."""

from __future__ import annotations

from pydantic import Field

from anomaly.config.calendar_window import CalendarWindow
from anomaly.config.section import ConfigSection


class DeliverySettings(ConfigSection):
    """Rules of one sink."""

    group_s: float | None = Field(
        default=None,
        ge=0,
        le=3600,
        allow_inf_nan=False,
        description="messages of so many seconds are sent together; default: 60 for people, 0 for machines",
    )
    quiet: tuple[CalendarWindow, ...] = Field(
        default=(), description="quiet hours in local time, such as mon-fri 18:00-06:00 or sat,sun"
    )
    quiet_below: int = Field(
        default=9, ge=1, le=13, description="in quiet hours cases of this urgency and more are still sent"
    )
    cooldown_min: float = Field(
        default=0,
        ge=0,
        le=1440,
        allow_inf_nan=False,
        description="minutes between two messages about one machine, at least",
    )
    unacknowledged_min: float = Field(
        default=0,
        ge=0,
        le=1440,
        allow_inf_nan=False,
        description="escalation: only cases that nobody has acknowledged for so many minutes",
    )
