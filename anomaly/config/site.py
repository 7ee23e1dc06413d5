"""What a site is: its machines, where alerts go, and where things are kept; one ``site.yaml``.

Order of precedence: command line, environment (``ANOMALY_STATE``, ``ANOMALY_MODELS``), file, default.
Relative paths in the file start at the file's folder. Secrets never stand in the file: ``*_env`` names
an environment variable and ``*_file`` a file that holds one.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    Field,
    StringConstraints,
    ValidationError,
    ValidationInfo,
    model_validator,
)
from pydantic_core import PydanticCustomError

from anomaly.config.retention import Clips, Keep
from anomaly.config.section import ConfigSection
from anomaly.config.validation_errors import explained
from anomaly.detector_names import detector_names
from anomaly.errors import AnomalyError, ConfigError
from anomaly.false_alarm_budget import LEAST_PER_DAY, MOST_PER_DAY
from anomaly.strict_yaml import load
from anomaly.workspace import machine_name

__all__ = [
    *("DEFAULT_NAME", "Alarm", "Clips", "Keep", "Machine", "Mqtt", "Section", "Sinks", "Site", "Webhook"),
    *("find_file", "find_site", "host_and_port", "load_site", "site_schema"),
]

DEFAULT_NAME = "site.yaml"


def _plain_name(name: str) -> str:
    try:
        return machine_name(name)
    except AnomalyError as error:
        raise ValueError(f"{error.message}: {error.hint}") from error


def _installed_detector(name: str) -> str:
    known = [repr(one) for one in detector_names()]
    if repr(name) not in known:
        raise ValueError(f"must be {', '.join(known[:-1])} or {known[-1]}")
    return name


def _from_its_folder(path: Path, info: ValidationInfo) -> Path:
    folder = info.context["folder"] if info.context else Path()
    return Path(folder) / path.expanduser()


def host_and_port(text: str) -> str:
    """Return ``text`` if it names a host and a port.

    Raises:
        ValueError: it does not.
    """
    host, _, port = text.strip().rpartition(":")
    if not host or not (port.isascii() and port.isdigit()) or not 0 <= int(port) <= 65535:
        raise ValueError("must be an address and a port, such as 127.0.0.1:9464")
    return f"{host}:{int(port)}"


Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
Location = Annotated[Path, AfterValidator(_from_its_folder)]
Name = Annotated[str, AfterValidator(_plain_name)]
Detector = Annotated[str, AfterValidator(_installed_detector)]
Address = Annotated[str, AfterValidator(host_and_port)]
Seconds = Annotated[float, Field(gt=0, le=3600, allow_inf_nan=False)]


class Alarm(ConfigSection):
    """When an alarm begins and ends around its limit, in the words of ISA-18.2."""

    on_delay_s: int = Field(default=0, ge=0, le=3600, description="seconds over the limit before ALARM")
    off_delay_s: int = Field(default=0, ge=0, le=86_400, description="seconds below the deadband before OK")
    deadband: float = Field(
        default=0.75, ge=0.0, le=1.0, description="share of the limit to fall by before it counts as below"
    )
    latch: bool = Field(default=False, description="ALARM stays until a person has acknowledged the case")


class Machine(ConfigSection):
    """One machine, and the microphone or stream that hears it."""

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
    alarm: Alarm = Field(default_factory=Alarm, description="delays, deadband and latch of its alarm")

    @model_validator(mode="after")
    def _one_ear(self) -> Self:
        given = [name for name in ("device", "source", "source_env") if getattr(self, name) is not None]
        if len(given) != 1:
            words = f"not {' and '.join(given)}" if given else "it has none of them"
            raise ValueError(f"a machine has one of device, source and source_env: {words}")
        return self


class Webhook(ConfigSection):
    """A web hook that gets each alert as a CloudEvent."""

    name: Name = Field(description="identity of the sink; a new name is a new sink")
    url: Text = Field(description="http or https address")
    mode: Literal["structured", "binary"] = Field(default="structured", description="CloudEvents mode")
    secret_env: Text | None = Field(default=None, description="environment variable with the signing key")
    secret_file: Location | None = Field(default=None, description="file with the signing key")
    timeout_s: Seconds = Field(default=10.0, description="for connecting, and for each read and write")
    ca_file: Location | None = Field(
        default=None, description="certificates to trust instead of the usual ones"
    )

    @model_validator(mode="after")
    def _one_secret(self) -> Self:
        if self.secret_env and self.secret_file:
            raise ValueError("give secret_env or secret_file, not both")
        return self


class Mqtt(ConfigSection):
    """An MQTT broker that gets alerts and states, with Home Assistant discovery."""

    name: Name = Field(description="identity of the sink; a new name is a new sink")
    host: Text = Field(description="name or address of the broker")
    port: int | None = Field(default=None, ge=1, le=65535, description="1883 by default, 8883 with TLS")
    topic: Text = Field(default="anomaly", description="first levels of each topic")
    discovery: str = Field(
        default="homeassistant", description="prefix of Home Assistant discovery; '' to leave it out"
    )
    username: Text | None = Field(default=None, description="account at the broker")
    password_env: Text | None = Field(default=None, description="environment variable with the password")
    password_file: Location | None = Field(default=None, description="file with the password")
    tls: bool = Field(default=False, description="encrypt, and check the broker's certificate")
    ca_file: Location | None = Field(
        default=None, description="certificates to trust instead of the usual ones"
    )
    protocol: Literal["5", "3.1.1"] = Field(default="5", description="version of MQTT")
    timeout_s: Seconds = Field(default=10.0, description="for connecting and for the broker's confirmation")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.username is None and (self.password_env or self.password_file):
            raise ValueError("a password needs a username")
        if self.ca_file is not None and not self.tls:
            raise ValueError("ca_file is of no use without tls: true")
        if self.password_env and self.password_file:
            raise ValueError("give password_env or password_file, not both")
        return self


class Sinks(ConfigSection):
    """Where alerts go."""

    webhook: tuple[Webhook, ...] = Field(default=(), description="web hooks")
    mqtt: tuple[Mqtt, ...] = Field(default=(), description="MQTT brokers")

    @property
    def names(self) -> list[str]:
        """The names of all sinks, in the order of the file."""
        return [sink.name for sink in self.webhook] + [sink.name for sink in self.mqtt]

    @model_validator(mode="after")
    def _different_names(self) -> Self:
        met: dict[str, str] = {}
        kinds: dict[str, tuple[Webhook | Mqtt, ...]] = {"webhook": self.webhook, "mqtt": self.mqtt}
        for kind, sinks in kinds.items():
            for number, sink in enumerate(sinks):
                here = f"{kind}.{number}"
                if (other := met.setdefault(sink.name, here)) != here:
                    words = "two sinks have the name {name}: {other} and this one"
                    place = {"key": (kind, number, "name"), "name": repr(sink.name), "other": other}
                    raise PydanticCustomError("twice", words, place)
        return self


class Site(ConfigSection):
    """One site: what `site.yaml` may hold."""

    machines: dict[Name, Machine] = Field(default_factory=dict, description="machines by name")
    sinks: Sinks = Field(default_factory=Sinks, description="where alerts go")
    state_dir: Location = Field(default=Path("state"), description="folder of the monitor's database")
    models_dir: Location = Field(default=Path("models"), description="folder of the trained bundles")
    clips: Clips = Field(default_factory=Clips, description="sound that is kept with each case")
    keep: Keep = Field(default_factory=Keep, description="how long the database keeps what")
    metrics: Address | None = Field(
        default=None, description="where Prometheus may read, such as 127.0.0.1:9464; nowhere by default"
    )
    log: Literal["text", "json"] = Field(default="text", description="how the monitor writes its log")

    @model_validator(mode="after")
    def _different_ears(self) -> Self:
        ears: dict[tuple[str | None, str | int], str] = {}
        for name, machine in self.machines.items():
            heard = machine.device or machine.source or machine.source_env
            other = ears.setdefault((heard, machine.channel), name)
            if other != name:
                raise ValueError(f"machines {other!r} and {name!r} share device and channel")
        return self

    def bundle_of(self, machine: str) -> str:
        """Name of the bundle that scores a machine: the one that the file says, else that of its own name."""
        settings = self.machines.get(machine)
        return machine if settings is None or settings.model is None else settings.model

    def machines_on(self, device: str) -> list[str]:
        """Names of the machines that the file ties to a device."""
        return [name for name, machine in self.machines.items() if machine.device == device]


def find_file(path: Path | None = None, environ: Mapping[str, str] | None = None) -> Path | None:
    """The site file of this command: ``path``, else ``ANOMALY_CONFIG``, else ``./site.yaml`` if there is one."""
    named = (os.environ if environ is None else environ).get("ANOMALY_CONFIG")
    if path is not None or named:
        return path or Path(str(named))
    return Path(DEFAULT_NAME) if Path(DEFAULT_NAME).is_file() else None


def find_site(path: Path | None = None, environ: Mapping[str, str] | None = None) -> Site:
    """The site of this command: from the file of ``find_file``, or the defaults if there is none.

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
    value, lines = load(path)
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
    """The JSON Schema (draft 2020-12) of a site file."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema"} | Site.model_json_schema()
