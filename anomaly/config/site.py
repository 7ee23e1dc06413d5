"""Model of a site file, ``site.yaml``: machines, sinks, folders and retention.

Order of precedence: command line, environment (``ANOMALY_STATE``, ``ANOMALY_MODELS``), file, default.
Relative paths in the file start at the file's folder. Secrets are never part of the file: ``*_env``
names an environment variable and ``*_file`` a file that holds one.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from anomaly.config.answers import Answers
from anomaly.config.calendar_window import CalendarWindow, is_in_any
from anomaly.config.facts.rotating_facts import RotatingFacts
from anomaly.config.fields import Address, Detector, Location, Name, Text
from anomaly.config.retention import Clips, Keep
from anomaly.config.section import ConfigSection
from anomaly.config.sinks import Sinks
from anomaly.config.validation_errors import explained
from anomaly.errors import ConfigError
from anomaly.false_alarm_budget import LEAST_PER_DAY, MOST_PER_DAY
from anomaly.languages import Language
from anomaly.strict_yaml import load

DEFAULT_NAME = "site.yaml"
_NAMED_BY = "check the path; the site file is named on the command line, or else by ANOMALY_CONFIG"


class Alarm(ConfigSection):
    """Beginning and end of an alarm around its limit, in the terms of ISA-18.2."""

    on_delay_s: int = Field(default=0, ge=0, le=3600, description="seconds over the limit before ALARM")
    off_delay_s: int = Field(default=0, ge=0, le=86_400, description="seconds below the deadband before OK")
    deadband: float = Field(
        default=0.75, ge=0.0, le=1.0, description="share of the limit to fall by before it counts as below"
    )
    latch: bool = Field(default=False, description="ALARM stays until a person has acknowledged the case")


class Machine(ConfigSection):
    """One machine, and the microphone or stream that captures its sound."""

    device: Text | None = Field(default=None, description="microphone, as `anomaly devices` lists it")
    source: Text | None = Field(default=None, description="stream or recording instead of a microphone")
    source_env: Text | None = Field(
        default=None, description="environment variable with the address of a stream, if it holds a password"
    )
    model: Name | None = Field(default=None, description="bundle that scores it; default: that of its name")
    channel: Literal["mean"] | Annotated[int, Field(ge=0)] = Field(
        default="mean", description="channel of the microphone, from 0, or the mean of all"
    )
    detector: Detector = Field(
        default="student",
        description="which detector scores: student, teacher, or one that an installed package registers",
    )
    false_alarms_per_day: float = Field(
        default=1.0,
        ge=LEAST_PER_DAY,
        le=MOST_PER_DAY,
        allow_inf_nan=False,
        description="budget of false alarms that sets the threshold",
    )
    display_name: Text | None = Field(default=None, description="name for people, in lists and messages")
    location: Text | None = Field(default=None, description="where it stands, for people")
    cmms_number: Text | None = Field(
        default=None, description="number of the asset in the maintenance system (CMMS)"
    )
    criticality: Literal["low", "medium", "high", "critical"] = Field(
        default="medium", description="damage that its failure does; with the severity it makes the urgency"
    )
    maintenance: tuple[CalendarWindow, ...] = Field(
        default=(),
        description="planned maintenance in local time, such as wed 06:00-08:00: alarms open no cases",
    )
    alarm: Alarm = Field(default_factory=Alarm, description="delays, deadband and latch of its alarm")
    facts: RotatingFacts = Field(
        default_factory=RotatingFacts, description="what turns in it: speed, bearings, gears, blades, mains"
    )

    @property
    def asset(self) -> dict[str, str]:
        """Facts by which people and the maintenance system know the machine."""
        facts = {
            "display_name": self.display_name,
            "location": self.location,
            "cmms_number": self.cmms_number,
            "criticality": self.criticality,
        }
        return {name: value for name, value in facts.items() if value is not None}

    @model_validator(mode="after")
    def _exactly_one_input(self) -> Self:
        keys = [name for name in ("device", "source", "source_env") if getattr(self, name) is not None]
        if len(keys) != 1:
            words = f"not {' and '.join(keys)}" if keys else "it has none of them"
            raise ValueError(f"a machine has one of device, source and source_env: {words}")
        return self


class Site(ConfigSection):
    """Content of `site.yaml`: one site."""

    machines: dict[Name, Machine] = Field(default_factory=dict, description="machines by name")
    sinks: Sinks = Field(default_factory=Sinks, description="where alerts go")
    answers: Answers | None = Field(
        default=None, description="how a CMMS or SCADA answers to cases; not at all without it"
    )
    state_dir: Location = Field(default=Path("state"), description="folder of the monitor's database")
    models_dir: Location = Field(default=Path("models"), description="folder of the trained bundles")
    clips: Clips = Field(default_factory=Clips, description="sound that is kept with each case")
    keep: Keep = Field(default_factory=Keep, description="how long the database keeps what")
    metrics: Address | None = Field(
        default=None, description="where Prometheus may read, such as 127.0.0.1:9464; nowhere by default"
    )
    language: Language = Field(default="en", description="of messages for people: en or de")
    log: Literal["text", "json"] = Field(default="text", description="how the monitor writes its log")

    @model_validator(mode="after")
    def _different_inputs(self) -> Self:
        inputs: dict[tuple[str | None, str | int], str] = {}
        for name, machine in self.machines.items():
            source = machine.device or machine.source or machine.source_env
            other = inputs.setdefault((source, machine.channel), name)
            if other != name:
                raise ValueError(f"machines {other!r} and {name!r} share device and channel")
        return self

    @model_validator(mode="after")
    def _answers_at_brokers(self) -> Self:
        brokers = [entry.config.name for entry in self.sinks if entry.kind == "mqtt"]
        for number, name in enumerate(() if self.answers is None else self.answers.mqtt):
            if name not in brokers:
                words = "there is no MQTT sink {name}; known: {known}"
                place = {"key": ("answers", "mqtt", number), "name": repr(name)}
                raise PydanticCustomError("unknown", words, place | {"known": ", ".join(brokers) or "none"})
        return self

    def asset_of(self, machine: str) -> dict[str, str]:
        """Return the facts by which people know a machine; none of one that the file does not name."""
        settings = self.machines.get(machine)
        return {} if settings is None else settings.asset

    def facts_of(self, machine: str) -> RotatingFacts:
        """Return the rotating parts of a machine; none of one that the file does not name."""
        settings = self.machines.get(machine)
        return RotatingFacts() if settings is None else settings.facts

    def is_in_planned_maintenance(self, machine: str, time_s: float) -> bool:
        """Return whether a UNIX time lies in a window of maintenance of a machine."""
        settings = self.machines.get(machine)
        return settings is not None and is_in_any(settings.maintenance, time_s)

    def bundle_of(self, machine: str) -> str:
        """Return the name of the bundle that scores a machine: the file's choice, else its own name."""
        settings = self.machines.get(machine)
        return machine if settings is None or settings.model is None else settings.model

    def machines_on(self, device: str) -> list[str]:
        """Return the names of the machines that the file assigns to a device."""
        return [name for name, machine in self.machines.items() if machine.device == device]


def find_file(path: Path | None = None, environ: Mapping[str, str] | None = None) -> Path | None:
    """Return the site file of this command: ``path``, else ``ANOMALY_CONFIG``, else ``./site.yaml`` if it exists."""
    named = (os.environ if environ is None else environ).get("ANOMALY_CONFIG")
    if path is not None or named:
        return path or Path(str(named))
    return Path(DEFAULT_NAME) if Path(DEFAULT_NAME).is_file() else None


def find_site(path: Path | None = None, environ: Mapping[str, str] | None = None) -> Site:
    """Return the site of this command: from the file of ``find_file``, or the defaults.

    Raises:
        ConfigError: as for ``load_site``.
    """
    file = find_file(path, environ)
    if file is not None:
        return load_site(file, environ)
    return Site(**_from_environment(os.environ if environ is None else environ))


def load_site(path: Path, environ: Mapping[str, str] | None = None) -> Site:
    """Read a site file.

    Raises:
        ConfigError: the file cannot be read, or something in it is wrong: the error names file, line
            and key, the hint lists what else is wrong.
    """
    value, lines = load(path, hint=_NAMED_BY)
    value = {} if value is None else value
    if not isinstance(value, dict):
        raise ConfigError("must hold keys such as machines: and sinks:", where=f"{path}:1")
    try:
        site = Site.model_validate(value, context={"folder": path.parent})
    except ValidationError as error:
        raise explained(error, Site, path, lines) from error
    return site.model_copy(update=_from_environment(os.environ if environ is None else environ))


def _from_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    names = {"state_dir": "ANOMALY_STATE", "models_dir": "ANOMALY_MODELS"}
    return {field: Path(environ[name]) for field, name in names.items() if environ.get(name)}


def site_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of a site file, with all kinds of sinks that are installed."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema"} | Site.model_json_schema()
