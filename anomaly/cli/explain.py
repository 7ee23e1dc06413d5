"""`anomaly explain`: the fault that the lines in a recording, or in the clip of a case, fit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from anomaly.cli.options import Config, Json, State

if TYPE_CHECKING:
    from anomaly.config.facts.rotating_facts import RotatingFacts

_Files = Annotated[
    list[str], typer.Argument(metavar="FILE…|CASE", help="Recordings, folders of them, or a case.")
]
_Machine = Annotated[
    str | None, typer.Option("--machine", help="Machine of the site file, whose facts: are used.")
]
_Facts = Annotated[Path | None, typer.Option("--facts", help="File with bearings, gears, speed and so on.")]
_Rpm = Annotated[float | None, typer.Option("--rpm", help="Turns of the shaft per minute.")]
_Channel = Annotated[str, typer.Option("--channel", help="'mean', or the channel, counted from 0.")]
_Normal = Annotated[
    list[Path] | None,
    typer.Option("--normal", help="Recording or folder of the machine's normal sound; may be repeated."),
]
_Pictures = Annotated[
    Path | None, typer.Option("--pictures", help="Folder for the envelope spectrum of each file.")
]


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("explain")(explain)


def explain(
    files: _Files,
    machine: _Machine = None,
    facts: _Facts = None,
    rpm: _Rpm = None,
    channel: _Channel = "mean",
    normal: _Normal = None,
    pictures: _Pictures = None,
    state: State = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Explain recordings, or the newest clip of a case, by what turns in the machine; needs no trained model."""
    from anomaly.audio.channels import parse_channel
    from anomaly.cli.explained_files import explained_files
    from anomaly.diagnose.explain_file import ExplainOptions
    from anomaly.errors import UsageError

    if rpm is not None and not 0 < rpm < 600_000:
        raise UsageError(f"{rpm:g} is no speed", where="--rpm", hint="give turns per minute, such as 1480")
    if machine is not None and facts is not None:
        raise UsageError("give --machine or --facts, not both")

    def options(of_case: str | None) -> ExplainOptions:
        known = _facts(machine or of_case, facts, config, must_exist=machine is not None)
        return ExplainOptions(known, rpm, parse_channel(channel), tuple(normal or ()))

    results = explained_files(files, options, pictures, lambda: _state_folder(state, config))
    if as_json:
        typer.echo(json.dumps(results))
        return
    for result in results:
        _print(result)


def _facts(machine: str | None, file: Path | None, config: Path | None, *, must_exist: bool) -> RotatingFacts:
    from anomaly.config import find_site
    from anomaly.config.facts.facts_file import load_facts
    from anomaly.config.facts.rotating_facts import RotatingFacts
    from anomaly.errors import ConfigError

    if file is not None:
        return load_facts(file)
    if machine is None:
        return RotatingFacts()
    site = find_site(config)
    settings = site.machines.get(machine)
    if settings is None and must_exist:
        known = ", ".join(site.machines) or "none"
        raise ConfigError(f"there is no machine {machine!r}", hint=f"machines of the site file: {known}")
    return RotatingFacts() if settings is None else settings.facts


def _state_folder(state: Path | None, config: Path | None) -> Path:
    from anomaly.cli.site_options import chosen_site

    return chosen_site(config, None, state).state_dir


def _print(result: dict[str, Any]) -> None:
    typer.echo(f"{result['path']}: {result['family']}")
    typer.echo(f"  {result['sentence']}")
    for one in result["candidates"]:
        typer.echo(
            f"  {one['family']:<12} {one['frequency_hz']:>9.2f} Hz  {one['harmonics']} lines  p {one['p_value']:.1e}"
            f"  {one['part']}"
        )
    for picture in result["pictures"]:
        typer.echo(f"  {picture}")
