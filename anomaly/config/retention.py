"""Sections on retention: sound clips of cases, and rows of the database."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from anomaly.config.section import ConfigSection


class Clips(ConfigSection):
    """Sound clips kept with each case. Microphones also record speech: choose the content accordingly."""

    content: Literal["none", "features", "speech-filtered", "full"] = Field(
        default="speech-filtered",
        description="what is kept: nothing, levels only, sound without words, sound",
    )
    before_s: float = Field(
        default=20.0, ge=1, le=300, description="sound kept from before the case, at least"
    )
    after_s: float = Field(default=10.0, ge=0, le=300, description="sound kept from after its beginning")
    keep_days: float = Field(default=30.0, gt=0, allow_inf_nan=False, description="older clips are removed")
    keep_mib: float = Field(
        default=1024.0, gt=0, allow_inf_nan=False, description="the oldest are removed beyond this, in MiB"
    )
    keep_count: int = Field(default=500, ge=1, description="the oldest are removed beyond this number")
    free_mib: float = Field(
        default=200.0, ge=0, allow_inf_nan=False, description="disk that clips leave free, in MiB"
    )


class Keep(ConfigSection):
    """Retention times of the rows of the database."""

    scores_days: float = Field(default=1.0, gt=0, le=3650, description="scores of each second")
    minutes_days: float = Field(
        default=365.0, gt=0, le=36500, description="scores by the minute, states, gaps, who listened"
    )
    events_days: float = Field(default=365.0, gt=0, le=36500, description="events, closed cases, messages")
