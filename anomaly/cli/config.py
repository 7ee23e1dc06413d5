"""Commands of the group `config`: check the site file, show it with defaults, print its schema."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

if TYPE_CHECKING:
    from anomaly.config import Sinks, Site
    from anomaly.errors import AnomalyError, ConfigError

Failure = TypeVar("Failure", bound="AnomalyError")

SiteFile = Annotated[
    Path | None, typer.Argument(metavar="SITE", help="Site file (default: $ANOMALY_CONFIG, else site.yaml).")
]
SameFile = Annotated[Path | None, typer.Option("--config", help="The same, as other commands take it.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")]


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    group = typer.Typer(no_args_is_help=True, help="The site file: check it, show it, its schema.")
    for command in (check, show, schema):
        group.command(command.__name__)(command)
    app.add_typer(group, name="config")


def check(
    site: SiteFile = None,
    config: SameFile = None,
    connect: Annotated[
        bool, typer.Option("--connect", help="Connect to each sink with its account too; send nothing.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Check a site file: keys and values with their lines, secrets and bundles; all errors at once. Exit 3 if not.

    With --connect, exit 7 if a sink does not answer or refuses its account.
    """
    from anomaly.config import find_file, load_site
    from anomaly.errors import ConfigError
    from anomaly.monitor.site_check import answer_errors, machine_errors, readable_parts

    path = find_file(_named(site, config))
    if path is None:
        raise ConfigError("there is no site.yaml here", hint="name the file, or set ANOMALY_CONFIG")
    try:
        found = load_site(path)
    except ConfigError as error:
        # Secrets are looked at all the same, so that one run shows all that is to be mended.
        parts = readable_parts(path)
        raise _as_one([error, *_sink_errors(path, parts.sinks), *answer_errors(path, parts)]) from error
    if errors := [
        *machine_errors(path, found),
        *_sink_errors(path, found.sinks),
        *answer_errors(path, found),
    ]:
        raise _as_one(errors)
    machines, names = list(found.machines), found.sinks.names
    answers = _sink_answers(path, found) if connect else {}
    if as_json:
        told = {"path": str(path), "ok": True, "machines": machines, "sinks": names}
        typer.echo(json.dumps(told | ({"answers": answers} if connect else {})))
    else:
        for name, answer in answers.items():
            typer.echo(f"{name}: {answer}", err=True)
        listed = [", ".join(items) or "none" for items in (machines, names)]
        typer.echo(f"{path}: ok, machines: {listed[0]}, sinks: {listed[1]}", err=True)


def _named(site: Path | None, config: Path | None) -> Path | None:
    """Return the site file of the command line, which names it once."""
    from anomaly.errors import UsageError

    if site is not None and config is not None:
        raise UsageError("name the site file once", where="--config", hint=f"leave out {config} or {site}")
    return config if site is None else site


def _sink_errors(path: Path, sinks: Sinks) -> list[ConfigError]:
    """Build each sink; return an error with its place in the file for each one that cannot be built."""
    from anomaly.alerts.sinks import configured_sinks
    from anomaly.config import Site
    from anomaly.errors import ConfigError
    from anomaly.strict_yaml import load

    if not sinks.names:
        return []
    _, lines = load(path)
    errors = []
    for sink in configured_sinks(Site.model_construct(sinks=sinks)):
        try:
            sink.build().close()
        except ConfigError as error:
            key = ("sinks", sink.kind, sink.number)
            place = f"{path}:{lines[key]}: {'.'.join(map(str, key))}"
            errors.append(ConfigError(str(error), where=place, hint=error.hint))
    return errors


def _sink_answers(path: Path, site: Site) -> dict[str, str]:
    """Connect to each sink of a site without sending anything; return a line about each.

    Raises:
        RemoteError: one does not answer, or refuses its account; the hint names the others that fail.
    """
    from anomaly.alerts.sinks import configured_sinks
    from anomaly.errors import AnomalyError, RemoteError
    from anomaly.strict_yaml import load

    _, lines = load(path)
    answers: dict[str, str] = {}
    errors = []
    for sink in configured_sinks(site):
        key = ("sinks", sink.kind, sink.number)
        place = f"{path}:{lines[key]}: {'.'.join(map(str, key))}"
        try:
            answers[sink.name] = sink.probe()
        except AnomalyError as error:
            errors.append(RemoteError(str(error), where=place, hint=error.hint))
        except (
            Exception
        ) as error:  # a probe of another package: its bug must not hide what is wrong with the others
            words = f"the probe of kind {sink.kind!r} failed: {type(error).__name__}: {error}"
            errors.append(
                RemoteError(words, where=place, hint="update the package of this kind, or see its author")
            )
    if errors:
        raise _as_one(errors)
    return answers


def _as_one(errors: Sequence[Failure]) -> Failure:
    """Return the first error with the others in its hint."""
    first, *others = errors
    hints = [first.hint] if first.hint else []
    for other in others:
        hints.append(f"also {other}")
        hints += [other.hint] if other.hint else []
    return type(first)(first.message, where=first.where, hint="\n  ".join(hints) or None)


def show(site: SiteFile = None, config: SameFile = None, as_json: Json = False) -> None:
    """Show what holds: the site file with the environment and the defaults filled in. No secrets are shown."""
    import yaml

    from anomaly.config import find_site

    content = find_site(_named(site, config)).model_dump(mode="json", exclude_none=True)
    typer.echo(json.dumps(content) if as_json else yaml.safe_dump(content, sort_keys=False), nl=as_json)


def schema() -> None:
    """Print the JSON Schema of a site file, for editors."""
    from anomaly.config import site_schema

    typer.echo(json.dumps(site_schema(), indent=2))
