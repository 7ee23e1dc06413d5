"""``anomaly calibrate``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from anomaly.cli import options
from anomaly.cli.option_rules import needs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from anomaly.detect.calibration.base import BaseCalibration
    from anomaly.detect.calibration.versions import CalibrationVersion, Source
    from anomaly.monitor.offline.calibration_filter import CalibrationInput
    from anomaly.monitor.offline.recalibrate import CalibratedDetector

_From = Annotated[list[Path] | None, typer.Option("--from", help="Recordings of normal sound.")]
_Since = Annotated[
    str | None, typer.Option("--since", help="What the monitor has heard for so long: 2h, 1d.")
]
_Replace = Annotated[bool, typer.Option("--replace", help="Leave out the sound known so far, do not add.")]
_Force = Annotated[bool, typer.Option("--force", help="Even if it is short or does not sound normal.")]
_List = Annotated[bool, typer.Option("--list", help="Show the versions, change nothing.")]
_Revert = Annotated[int | None, typer.Option("--revert", help="Go back to a version; 0 is the bundle's own.")]
_Note = Annotated[str, typer.Option("--note", help="Why; kept with the version.")]


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command()(calibrate)


def calibrate(
    context: typer.Context,
    machine: options.Machine = None,
    recordings: _From = None,
    since: _Since = None,
    replace: _Replace = False,
    force: _Force = False,
    show: _List = False,
    revert: _Revert = None,
    detector: options.Detector = None,
    by: options.By = None,
    note: _Note = "",
    models: options.Models = None,
    state: options.State = None,
    config: options.Config = None,
    as_json: options.Json = False,
) -> None:
    """Teach the calibration new normal sound without training again: a new version, and a way back."""
    from anomaly.cli.case_store import user_name
    from anomaly.cli.site_options import chosen_service
    from anomaly.errors import UsageError

    asked = [recordings is not None and bool(recordings), since is not None, show, revert is not None]
    if sum(asked) != 1:
        raise UsageError("give one of --from, --since, --list and --revert")
    for option in ("--replace", "--force", "--by", "--note"):
        needs(context, option, "--from", "--since")
    if recordings and (base := _base(config, models, state, machine, detector, recordings, by, note)):
        _tell_base(base, as_json)
        return
    site, found = chosen_service(config, models, state, machine, detector)
    if revert is not None:
        found.calibrations.revert(revert)
    if revert is not None or show:
        _tell_all(found, as_json)
        return
    kept = () if replace else found.sources
    gathered = _gathered(found, site.state_dir, recordings, since, force, kept)
    source = _checked(gathered, found, force)
    alone = replace or found.alone
    made = found.add([*kept, source], by=user_name(by), reason=note or source.what, alone=alone)
    _tell(found, made, gathered, as_json)


def _base(
    config: Path | None,
    models: Path | None,
    state: Path | None,
    machine: str | None,
    detector: str | None,
    recordings: list[Path],
    by: str | None,
    note: str,
) -> BaseCalibration | None:
    """Calibrate a detector that neither the bundle nor an earlier call has calibrated; None for any other one."""
    from anomaly.archive.scan import scan
    from anomaly.bundle import open_bundle
    from anomaly.cli.case_store import user_name
    from anomaly.cli.site_options import chosen_detector
    from anomaly.detect.calibration.base import calibrate_files, write_base_calibration
    from anomaly.detect.model import load_model

    site, name, chosen = chosen_detector(config, models, state, machine, detector)
    bundle = open_bundle(site.models_dir / site.bundle_of(name))
    if chosen in load_model(bundle, (), state_dir=site.state_dir, machine=name).scorers:
        return None
    made = calibrate_files(bundle, chosen, scan(recordings))
    reason = note or ", ".join(map(str, recordings))
    return write_base_calibration(site.state_dir, name, chosen, bundle, made, by=user_name(by), reason=reason)


def _tell_base(made: BaseCalibration, as_json: bool) -> None:
    calibration, seconds = made.calibration, len(made.calibration.scores)
    if as_json:
        facts = {
            "number": 0,
            "in_use": True,
            "created_at": made.created_at,
            "by": made.by,
            "reason": made.reason,
        }
        limits = {"limit": calibration.limit(1.0).value, "supported_per_day": calibration.supported_per_day}
        typer.echo(json.dumps({**facts, "seconds": seconds, **limits}))
        return
    typer.echo(f"the {made.detector} of {made.machine} is calibrated on {seconds} s of normal sound")


def _gathered(
    found: CalibratedDetector,
    state_dir: Path,
    recordings: list[Path] | None,
    since: str | None,
    force: bool,
    held: Sequence[Source],
) -> CalibrationInput:
    import time

    from anomaly.alerts.duration import duration_s
    from anomaly.archive.scan import scan
    from anomaly.errors import InputError
    from anomaly.monitor.offline.recalibrate import from_history, from_recordings, unjudged_cases
    from anomaly.store.store import DATABASE_NAME, Store

    if recordings:
        return from_recordings(scan(recordings), found.scorer, ", ".join(map(str, recordings)), held)
    now_s = time.time()
    begin_s = now_s - duration_s(since or "")
    with Store.open(state_dir / DATABASE_NAME, create=False) as store:
        open_questions = unjudged_cases(store, found.machine, begin_s, now_s)
        if open_questions and not force:
            raise InputError(
                f"there were {len(open_questions)} alarm(s) in this time that nobody has judged",
                where=", ".join(case.id[:8] for case in open_questions),
                hint="say what they were with `anomaly feedback CASE --normal` or `--fault`, or --force",
            )
        return from_history(store, found, begin_s, now_s, held)


def _checked(gathered: CalibrationInput, found: CalibratedDetector, force: bool) -> Source:
    from anomaly.monitor.offline.recalibrate import check

    gathered.check_any()
    for reason in gathered.reasons():
        typer.echo(reason, err=True)
    if not force:
        check(gathered.source, found.scorer.calibration)
    return gathered.source


def _tell(
    found: CalibratedDetector, made: CalibrationVersion, gathered: CalibrationInput, as_json: bool
) -> None:
    before, after = found.scorer.calibration, made.calibration(found.own.calibration)
    facts: dict[str, Any] = {
        **_facts(made, made.number),
        "limit_before": before.limit(1.0).value,
        "limit": after.limit(1.0).value,
        "supported_per_day": after.supported_per_day,
        "held_seconds_left_out": gathered.held_s,
        "other_model_seconds_left_out": gathered.other_s,
    }
    if as_json:
        typer.echo(json.dumps(facts))
        return
    typer.echo(
        f"calibration {made.number} of {found.machine} is in use: {len(after.scores)} s of normal sound, of which "
        f"{sum(source.seconds for source in made.sources)} s were added"
    )
    typer.echo(
        f"limit for one false alarm a day {facts['limit_before']:.1f} -> {facts['limit']:.1f}; so much sound "
        f"itself only bounds the rate below {after.supported_per_day:,.0f} a day, the rest is extrapolation"
    )
    typer.echo("a running monitor takes it up within seconds", err=True)


def _tell_all(found: CalibratedDetector, as_json: bool) -> None:
    current = found.calibrations.current
    every = found.calibrations.all()
    if as_json:
        typer.echo(json.dumps([_facts(version, current) | {"bundle": version.bundle} for version in every]))
        return
    typer.echo(f"{'*' if current == 0 else ' '} 0  the bundle's own")
    for version in every:
        other = "" if version.bundle == found.bundle else "  (of another bundle: not used)"
        mark = "*" if version.number == current else " "
        seconds = sum(source.seconds for source in version.sources)
        typer.echo(
            f"{mark} {version.number}  {version.created_at}  {version.by}  {seconds} s added  {version.reason}{other}"
        )


def _facts(version: CalibrationVersion, current: int) -> dict[str, Any]:
    return {
        "number": version.number,
        "in_use": version.number == current,
        "created_at": version.created_at,
        "by": version.by,
        "reason": version.reason,
        "replaces": version.alone,
        "sources": [
            {"kind": source.kind, "what": source.what, "seconds": source.seconds}
            for source in version.sources
        ],
    }
