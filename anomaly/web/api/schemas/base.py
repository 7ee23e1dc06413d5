"""Bases of the types: what callers send is checked, and what they get says all that it says."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class Sent(BaseModel):
    """Body or parameters of a request; unknown keys are left alone, for clients that are newer."""

    model_config = ConfigDict(extra="ignore", frozen=True, populate_by_name=True)


class Answered(BaseModel):
    """Answer, or a part of one."""

    model_config = ConfigDict(frozen=True, ser_json_inf_nan="null")


Note = Annotated[str, Field(max_length=4_000, pattern=r"^[^\x00]*$")]
"""Text of a person."""
Short = Annotated[str, Field(max_length=200, pattern=r"^[^\x00]*$")]
MachineName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]
UnixSeconds = Annotated[float, Field(ge=0, le=4_102_444_800, allow_inf_nan=False)]
"""UNIX seconds up to the year 2100."""


class Done(Answered):
    """The action was carried out."""

    done: bool = True
