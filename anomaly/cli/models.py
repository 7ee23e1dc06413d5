"""Commands of the group `models`: versions of a machine's bundle, the one in use, and comparison of two."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from anomaly.cli.option_rules import repeated
from anomaly.cli.options import Config, Details, Detector, Json, Models, State

if TYPE_CHECKING:
    from anomaly.bundle.versions import Version
    from anomaly.config import Site
    from anomaly.detect.decision import Policy
    from anomaly.monitor.offline.version_comparison import RecordingComparison, VersionComparison

Machine = Annotated[str, typer.Argument(metavar="MACHINE", help="Name of the machine, or of its bundle.")]
_AnyMachine = Annotated[
    str | None,
    typer.Argument(metavar="[MACHINE]", help="Name of the machine, or of its bundle (default: all bundles)."),
]
_Candidate = Annotated[str, typer.Argument(metavar="VERSION", help="Version to compare with the reference.")]
_Reference = Annotated[
    str | None, typer.Option("--against", metavar="VERSION", help="Reference (default: the version in use).")
]
_Data = Annotated[
    list[Path] | None,
    typer.Option("--data", help="Recordings or folders; default: the monitor's stored clips."),
]
_Budget = Annotated[
    float | None,
    typer.Option("--false-alarms-per-day", help="Budget that sets the limits (default: site.yaml, else 1)."),
]


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    group = typer.Typer(
        no_args_is_help=True, help="Versions of a machine's bundle: list, compare, activate, roll back."
    )
    for command in (list_, activate, rollback, compare):
        group.command(command.__name__.rstrip("_"))(command)
    app.add_typer(group, name="models")


def list_(
    machine: _AnyMachine = None, models: Models = None, config: Config = None, as_json: Json = False
) -> None:
    """List the versions of a bundle, or of all bundles, oldest first; * marks the one in use."""
    from anomaly.bundle.versions import versions

    if machine is not None:
        folder, bundle, _ = _bundle(machine, models, config)
        found = versions(folder, bundle)
        if as_json:
            typer.echo(json.dumps([_row(version) for version in found]))
            return
        for version in found:
            typer.echo(_line(version))
        return
    folder, names = _all_bundles(models, config)
    by_bundle = {name: versions(folder, name) for name in names}
    if as_json:
        rows = [{"bundle": name, **_row(version)} for name, found in by_bundle.items() for version in found]
        typer.echo(json.dumps(rows))
        return
    width = max(map(len, names))
    for name, found in by_bundle.items():
        for version in found:
            typer.echo(f"{name:<{width}}  {_line(version)}")


def _all_bundles(models: Path | None, config: Path | None) -> tuple[Path, list[str]]:
    from anomaly.config import find_site
    from anomaly.errors import ConfigError
    from anomaly.workspace import machines

    folder = models if models is not None else find_site(config).models_dir
    names = machines(folder)
    if not names:
        raise ConfigError(
            "there is no bundle here",
            where=folder,
            hint="make one with `anomaly train --machine NAME`, or name another folder with --models",
        )
    return folder, names


def _line(version: Version) -> str:
    from anomaly.readable import local_time
    from anomaly.store.cases.case import unix_s

    created = local_time(unix_s(version.created_at)) if version.created_at else "unknown time"
    return f"{'*' if version.active else ' '} {version.id}  {created}  {version.path}"


def activate(
    machine: Machine,
    version: Annotated[str, typer.Argument(metavar="VERSION", help="Identifier, or its first digits.")],
    models: Models = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Put a version into use; a running monitor takes it over within seconds, at the next reset of the score."""
    from anomaly.bundle import versions

    folder, bundle, site = _bundle(machine, models, config)
    _print(versions.activate(folder, bundle, version), machine, bundle, site, as_json)


def rollback(machine: Machine, models: Models = None, config: Config = None, as_json: Json = False) -> None:
    """Put the previous version into use."""
    from anomaly.bundle import versions

    folder, bundle, site = _bundle(machine, models, config)
    _print(versions.rollback(folder, bundle), machine, bundle, site, as_json)


def compare(
    context: typer.Context,
    machine: Machine,
    version: _Candidate,
    against: _Reference = None,
    data: _Data = None,
    detector: Detector = None,
    false_alarms_per_day: _Budget = None,
    models: Models = None,
    state: State = None,
    config: Config = None,
    details: Details = False,
    as_json: Json = False,
) -> None:
    """Score the same sound with two versions, and list the recordings on which their alarms differ."""
    from anomaly.bundle.versions import find_version, version_of, versions
    from anomaly.errors import InputError
    from anomaly.monitor.offline.reporting.comparison_text import comparison_text
    from anomaly.monitor.offline.version_comparison import summary

    folder, bundle, site = _bundle(machine, models, config)
    settings = _settings(site, machine, detector, false_alarms_per_day)
    versions(folder, bundle)
    one = find_version(folder, bundle, against or version_of(folder / bundle))
    other = find_version(folder, bundle, version)
    comparison = _comparison(one, other, settings, machine, state or site.state_dir)
    rows = _compared(comparison, machine, data, state, config)
    facts = {"machine": machine, "one": one.id, "other": other.id, **summary(rows)}
    if as_json:
        typer.echo(json.dumps({**facts, "rows": [row.to_dict() for row in rows]}))
    else:
        same = repeated(context, "--models", "--config")
        lines = comparison_text(rows, facts, machine, (one.id, other.id), options=same, details=details)
        typer.echo("\n".join(lines))
    if rows and not facts["compared"]:
        raise InputError(
            "nothing could be compared",
            hint="name recordings with --data; speech-filtered clips cannot be scored",
        )


def _settings(
    site: Site, machine: str, detector: str | None, false_alarms_per_day: float | None
) -> tuple[str, float, Policy]:
    """Return detector, budget and delays: those of the command line, else of the site file, else the defaults."""
    from anomaly.config import Machine as Settings
    from anomaly.detector_names import check_detector_name
    from anomaly.false_alarm_budget import check_budget
    from anomaly.monitor.model.session_model import policy_of

    own = site.machines.get(machine) or Settings(device="none")
    budget = own.false_alarms_per_day if false_alarms_per_day is None else false_alarms_per_day
    check_budget(budget)
    return check_detector_name(detector or own.detector), budget, policy_of(site, machine)


def _comparison(
    one: Version, other: Version, settings: tuple[str, float, Policy], machine: str, state_dir: Path
) -> VersionComparison:
    """Return the comparison of two versions as a monitor uses them, each with the calibration in use for it."""
    from anomaly.monitor.offline.calibrated_detector import load_calibrated_detector
    from anomaly.monitor.offline.version_comparison import VersionComparison

    detector, budget, policy = settings
    first, second = (
        load_calibrated_detector(found.path, state_dir, machine, detector).scorer for found in (one, other)
    )
    return VersionComparison(first, second, budget, policy)


def _compared(
    comparison: VersionComparison,
    machine: str,
    data: list[Path] | None,
    state: Path | None,
    config: Path | None,
) -> list[RecordingComparison]:
    from anomaly.archive.scan import scan
    from anomaly.cli.case_store import open_store
    from anomaly.errors import InputError
    from anomaly.store.clip_index import CLIPS_FOLDER

    if data:
        return list(comparison.recordings(scan(data)))
    with open_store(state, config) as store:
        clips = store.clips.select(machine=machine)
        if not clips:
            raise InputError(
                f"no clip of {machine} is kept", where=store.path.parent, hint="name recordings with --data"
            )
        return list(comparison.clips(store.path.parent / CLIPS_FOLDER, clips))


def _bundle(machine: str, models: Path | None, config: Path | None) -> tuple[Path, str, Site]:
    """Return the folder of bundles, the name of the machine's bundle in it, and the site."""
    from anomaly.config import find_site
    from anomaly.workspace import choose_machine

    site = find_site(config)
    folder, bundle = (models if models is not None else site.models_dir), site.bundle_of(machine)
    if not os.path.lexists(folder / bundle):
        choose_machine(folder, bundle)
    return folder, bundle, site


def _print(version: Version, machine: str, bundle: str, site: Site, as_json: bool) -> None:
    # Several machines may share the bundle: the change affects all of them.
    served = sorted(name for name in site.machines if site.bundle_of(name) == bundle)
    if as_json:
        typer.echo(json.dumps({**_row(version), "bundle": bundle, "machines": served or [machine]}))
        return
    of = "" if bundle == machine else f" of bundle {bundle}"
    others = [name for name in served if name != machine]
    shared = f", also for {', '.join(others)}" if others else ""
    typer.echo(f"{machine}: version {version.id}{of} is in use{shared}", err=True)


def _row(version: Version) -> dict[str, Any]:
    return {
        "id": version.id,
        "path": str(version.path),
        "created_at": version.created_at,
        "active": version.active,
    }
