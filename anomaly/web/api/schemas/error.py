"""Refusal of a request."""

from __future__ import annotations

from pydantic import BaseModel


class RefusalDetail(BaseModel):
    """Reason of a refusal: the status, what is wrong, and what to do."""

    status: int
    message: str
    hint: str | None


class Refusal(BaseModel):
    """Answer to a request that is refused."""

    error: RefusalDetail
