"""Site, its user, and logging in."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from anomaly.web.api.schemas.base import Answered, Sent
from anomaly.web.security.identity import Right, Role


class UserFacts(Answered):
    """User of this request, and what he or she may do."""

    name: str
    role: Role
    rights: list[Right]
    way: str


class SiteFacts(Answered):
    """Site, and the user of this request."""

    name: str
    version: str
    node: str
    languages: list[str]
    language: str
    user: UserFacts
    csrf: str | None = Field(description="for the header X-CSRF-Token of actions; null with a token")


class Login(Sent):
    """Name and password of a user, or a token."""

    name: Annotated[str, Field(max_length=64)] = ""
    password: Annotated[str, Field(max_length=256)] = ""
    token: Annotated[str, Field(max_length=512)] = ""


class LoggedIn(Answered):
    """The user who has logged in, and the token of the session's actions."""

    user: UserFacts
    csrf: str | None
