"""Registry of the kinds of sinks: configuration model, construction and probe of each.

The built-in kinds and those of other packages are found by entry points (`anomaly.sink_kinds`). Importing this module
imports none of them, nor a library that they need.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar

from anomaly.alerts.sinks.secret_text import read_secret
from anomaly.alerts.sinks.sink import Sink
from anomaly.errors import ConfigError
from anomaly.sink_kinds import load_sink_kind, package_of, sink_kind_entry_point, sink_kind_names

if TYPE_CHECKING:
    from anomaly.config import SinkConfig, Site
    from anomaly.languages import Language

    Settings = TypeVar("Settings", bound=SinkConfig)
else:
    Settings = TypeVar("Settings")


Audience = Literal["people", "machines"]


@dataclass(frozen=True)
class SinkContext:
    """Surroundings of a sink: what it may need beside its own section of the site file.

    Args:
        machines: names of the site's machines.
        environ: environment variables, for secrets.
        test_only: the sink sends a test message and no more: it leaves nothing behind at the other side, and
            takes nothing from a monitor that uses the same place.
        site: the whole site file, for messages in words; None where a sink is made without one.
    """

    machines: tuple[str, ...] = ()
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    test_only: bool = False
    site: Site | None = None

    @property
    def language(self) -> Language:
        """Language of the site's messages for people."""
        return "en" if self.site is None else self.site.language

    def secret(self, env: str | None, file: Path | None, where: str) -> str | None:
        """Return a secret from an environment variable or a file; None if neither is named.

        Args:
            env: name of the variable.
            file: path of the file.
            where: the sink, for errors.

        Raises:
            ConfigError: the secret is empty, cannot be read, or is no plain text.
        """
        return read_secret(env, file, where, self.environ)


@dataclass(frozen=True)
class SinkKind(Generic[Settings]):
    """One kind of sink; the object of an entry point of the group ``anomaly.sinks``.

    Args:
        description: of sinks of this kind, a few words in the plural.
        config: pydantic model of one sink in the site file.
        build: makes a sink. It imports the library it needs, and connects to nothing yet. Raises ConfigError if a
            secret is missing or a setting cannot be used.
        probe: checks that the other side answers, without sending a message, and returns one line about it.
            It never blocks for ever. Raises RemoteError if the other side does not answer.
        audience: ``people`` read the messages one by one, so that many at once are worth grouping; ``machines`` take
            every case.

    Example::

        CHAT = SinkKind("chat rooms", ChatConfig, build=build_chat, probe=probe_chat)
    """

    description: str
    config: type[Settings]
    build: Callable[[Settings, SinkContext], Sink]
    probe: Callable[[Settings, SinkContext], str]
    audience: Audience = "machines"


@dataclass(frozen=True)
class ConfiguredSink:
    """One sink of a site file, with its kind.

    Args:
        kind: name of the kind.
        number: place in the list of its kind in the file, from 0.
        settings: its section of the file.
        context: its surroundings.
    """

    kind: str
    number: int
    settings: Any
    context: SinkContext

    @property
    def name(self) -> str:
        """Name of the sink."""
        return str(self.settings.name)

    def build(self) -> Sink:
        """Make the sink. Nothing is connected yet.

        Raises:
            ConfigError: a secret is missing, or a setting cannot be used.
        """
        return sink_kind(self.kind).build(self.settings, self.context)

    def probe(self) -> str:
        """Check that the other side answers; return one line about it.

        Raises:
            AnomalyError: it does not, or a setting cannot be used.
        """
        return sink_kind(self.kind).probe(self.settings, self.context)


@dataclass(frozen=True, slots=True)
class InstalledKind:
    """Kind of sink in a list: its name, its description, and the package that brings it."""

    name: str
    description: str
    package: str


def sink_kind(name: str) -> SinkKind[Any]:
    """Return a kind of sink.

    Raises:
        ConfigError: it is unknown, cannot be loaded, or is no ``SinkKind``.
    """
    kind = load_sink_kind(name)
    if not isinstance(kind, SinkKind):
        point = sink_kind_entry_point(name)
        raise ConfigError(f"the kind of sink {name!r} is no SinkKind: {point.value}", where=package_of(point))
    return kind


def installed_kinds() -> list[InstalledKind]:
    """Return all kinds of sinks that are installed, the built-in ones first.

    Raises:
        ConfigError: one cannot be loaded.
    """
    names = sink_kind_names()
    return [InstalledKind(n, sink_kind(n).description, package_of(sink_kind_entry_point(n))) for n in names]


def configured_sinks(site: Site, environ: Mapping[str, str] | None = None) -> list[ConfiguredSink]:
    """Return the sinks of a site, kind by kind, in the order of the file."""
    context = SinkContext(tuple(site.machines), os.environ if environ is None else environ, site=site)
    return [ConfiguredSink(kind, number, config, context) for kind, number, config in site.sinks]


def build_sinks(site: Site, environ: Mapping[str, str] | None = None) -> list[Sink]:
    """Make the sinks of a site. Nothing is connected yet.

    Raises:
        ConfigError: a secret is missing, or an address or a certificate file cannot be used.
    """
    return [sink.build() for sink in configured_sinks(site, environ)]


def build_sink(
    site: Site, name: str, environ: Mapping[str, str] | None = None, *, test_only: bool = False
) -> Sink:
    """Make the sink of a site that has this name.

    Args:
        site: the site.
        name: of the sink.
        environ: environment variables.
        test_only: as for ``SinkContext``.

    Raises:
        ConfigError: as for ``build_sinks``, or no sink has this name.
    """
    for sink in configured_sinks(site, environ):
        if sink.name == name:
            context = replace(sink.context, test_only=test_only)
            return replace(sink, context=context).build()
    known = ", ".join(site.sinks.names) or "none"
    raise ConfigError(f"there is no sink {name!r}", hint=f"sinks of this site: {known}")
