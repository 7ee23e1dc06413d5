"""Account at the other side of a sink: a user, and a password from outside the site file."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from anomaly.alerts.sinks.registry import SinkContext
from anomaly.config import Location, SinkConfig, Text


class AccountConfig(SinkConfig):
    """Base of sinks that log in with a user and a password."""

    username: Text | None = Field(default=None, description="account at the server")
    password_env: Text | None = Field(default=None, description="environment variable with the password")
    password_file: Location | None = Field(default=None, description="file with the password")

    @model_validator(mode="after")
    def _one_password(self) -> Self:
        if self.username is None and (self.password_env or self.password_file):
            raise ValueError("a password needs a username")
        if self.password_env and self.password_file:
            raise ValueError("give password_env or password_file, not both")
        return self

    def password(self, context: SinkContext, kind: str) -> str | None:
        """Return the password; None if the section names none.

        Args:
            context: surroundings of the sink.
            kind: of the sink, for errors.

        Raises:
            ConfigError: it cannot be read.
        """
        return context.secret(self.password_env, self.password_file, f"{kind} {self.name}")
