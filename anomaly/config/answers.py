"""Section ``answers:`` of a site file: which systems may answer to cases, and where."""

from __future__ import annotations

from typing import Self
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from anomaly.config.fields import Location, Name, Text
from anomaly.config.section import ConfigSection


class AnsweringSystem(ConfigSection):
    """System that may answer, such as a CMMS or SCADA."""

    name: Name = Field(
        description="shown in the history; a sink of this name gets no messages about its own answers"
    )
    secret_env: Text | None = Field(default=None, description="environment variable with the signing key")
    secret_file: Location | None = Field(default=None, description="file with the signing key")

    @model_validator(mode="after")
    def _one_secret(self) -> Self:
        if (self.secret_env is None) == (self.secret_file is None):
            raise ValueError("give secret_env or secret_file, one of them")
        return self


class Answers(ConfigSection):
    """Endpoints at which other systems acknowledge, shelve, assign, comment and close cases, and report work."""

    systems: tuple[AnsweringSystem, ...] = Field(
        description="systems that may answer, each with a secret of its own"
    )
    host: Text = Field(default="127.0.0.1", description="address of this computer to listen at")
    port: int | None = Field(default=None, ge=1, le=65535, description="port of HTTP; without it no HTTP")
    url: Text | None = Field(
        default=None, description="address by which the systems reach it; messages carry it"
    )
    mqtt: tuple[Name, ...] = Field(
        default=(), description="names of MQTT sinks at whose brokers answers are taken"
    )
    window_s: float = Field(
        default=300.0,
        ge=10,
        le=3600,
        allow_inf_nan=False,
        description="greatest difference between the time of an answer and this computer's",
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if not self.systems:
            raise ValueError("systems names none: nobody could answer")
        if self.port is None and not self.mqtt:
            raise ValueError("give port, mqtt or both: nothing takes answers without one")
        if self.url is not None and self.port is None:
            raise ValueError("url is of no use without port")
        names = [system.name for system in self.systems]
        if len(set(names)) < len(names):
            raise ValueError("two systems have one name")
        return self

    @field_validator("url")
    @classmethod
    def _web_address(cls, url: str | None) -> str | None:
        parts = urlsplit(url or "")
        if url is not None and (
            parts.scheme not in ("http", "https") or not parts.hostname or parts.username
        ):
            raise ValueError("must begin with http:// or https://, without user and password")
        return url

    @property
    def address(self) -> str | None:
        """Address for messages: `url`, else the one it listens at; None without HTTP."""
        if self.port is None:
            return None
        host = f"[{self.host}]" if ":" in self.host else self.host
        return self.url or f"http://{host}:{self.port}/answers"
