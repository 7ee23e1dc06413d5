"""Commands of the group `config`: check the site file, show it with defaults, print its schema."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from anomaly.config import Site

SiteFile = Annotated[
    Path | None, typer.Argument(metavar="SITE", help="Site file (default: $ANOMALY_CONFIG, else site.yaml).")
]
Json = Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")]


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    group = typer.Typer(no_args_is_help=True, help="The site file: check it, show it, its schema.")
    for command in (check, show, schema):
        group.command(command.__name__)(command)
    app.add_typer(group, name="config")


def check(site: SiteFile = None, as_json: Json = False) -> None:
    """Check a site file: keys and values with their lines, and whether each secret is there. Exit 3 if not."""
    from anomaly.config import find_file, load_site
    from anomaly.errors import ConfigError

    path = find_file(site)
    if path is None:
        raise ConfigError("there is no site.yaml here", hint="name the file, or set ANOMALY_CONFIG")
    found = load_site(path)
    _check_sinks(path, found)
    machines, names = list(found.machines), found.sinks.names
    if as_json:
        typer.echo(json.dumps({"path": str(path), "ok": True, "machines": machines, "sinks": names}))
    else:
        listed = [", ".join(items) or "none" for items in (machines, names)]
        typer.echo(f"{path}: ok, machines: {listed[0]}, sinks: {listed[1]}", err=True)


def _check_sinks(path: Path, site: Site) -> None:
    """Build each sink; name the place in the file of one that cannot be built."""
    from anomaly.alerts.sinks import configured_sinks
    from anomaly.errors import ConfigError
    from anomaly.strict_yaml import load

    _, lines = load(path)
    for sink in configured_sinks(site):
        try:
            sink.build().close()
        except ConfigError as error:
            key = ("sinks", sink.kind, sink.number)
            place = f"{path}:{lines[key]}: {'.'.join(map(str, key))}"
            raise ConfigError(str(error), where=place, hint=error.hint) from error


def show(site: SiteFile = None, as_json: Json = False) -> None:
    """Show what holds: the site file with the environment and the defaults filled in. No secrets are shown."""
    import yaml

    from anomaly.config import find_site

    content = find_site(site).model_dump(mode="json", exclude_none=True)
    typer.echo(json.dumps(content) if as_json else yaml.safe_dump(content, sort_keys=False), nl=as_json)


def schema() -> None:
    """Print the JSON Schema of a site file, for editors."""
    from anomaly.config import site_schema

    typer.echo(json.dumps(site_schema(), indent=2))
