"""`anomaly calibrate`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from anomaly.cli import options
from anomaly.cli.option_rules import needs, repeated

if TYPE_CHECKING:
    from collections.abc import Sequence

    from anomaly.detect.calibration.base import BaseCalibration
    from anomaly.detect.calibration.versions import CalibrationVersion, Source
    from anomaly.monitor.offline.calibrated_detector import CalibratedDetector
    from anomaly.monitor.offline.calibration_filter import CalibrationInput

_From = Annotated[list[Path] | None, typer.Option("--from", help="Recordings of normal sound.")]
_Since = Annotated[
    str | None, typer.Option("--since", help="Sound that the monitor scored in the last 2h, 1d.")
]
_Replace = Annotated[bool, typer.Option("--replace", help="Use the new sound alone, instead of adding it.")]
_Force = Annotated[
    bool, typer.Option("--force", help="Take it even if it is short or does not sound normal.")
]
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
    details: options.Details = False,
    as_json: options.Json = False,
) -> None:
    """Add normal sound to the calibration without training again; any earlier calibration can be put back into use."""
    from anomaly.cli.case_store import user_name
    from anomaly.cli.site_options import calibrated_detector

    _check_options(context, [bool(recordings), since is not None, show, revert is not None])
    if recordings and (base := _base(config, models, state, machine, detector, recordings, by, note)):
        _print_base(base, as_json)
        return
    site, calibrated = calibrated_detector(config, models, state, machine, detector)
    if revert is not None:
        calibrated.calibrations.revert(revert)
    if revert is not None or show:
        _print_versions(calibrated, as_json)
        return
    kept = () if replace else calibrated.sources
    new = _new_sound(calibrated, site.state_dir, recordings, since, force, kept)
    _check(new, calibrated, force)
    alone, before = replace or calibrated.alone, calibrated.version_in_use
    reason = note or new.source.what
    version = calibrated.add([*kept, new.source], by=user_name(by), reason=reason, alone=alone)
    if as_json:
        typer.echo(json.dumps(_version_facts(calibrated, version, new)))
    else:
        same = repeated(context, *options.SAME_PLACE, "--detector")
        number_before = 0 if before is None else before.number
        _print_version(calibrated, version, new.source, number_before, same, details)


def _check_options(context: typer.Context, actions: Sequence[bool]) -> None:
    """Refuse several actions or none, and options that have no effect on the action."""
    from anomaly.errors import UsageError

    if sum(actions) != 1:
        raise UsageError("give one of --from, --since, --list and --revert")
    for option in ("--replace", "--force", "--by", "--note"):
        needs(context, option, "--from", "--since")


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
    calibration = calibrate_files(bundle, chosen, scan(recordings))
    reason = note or ", ".join(map(str, recordings))
    return write_base_calibration(
        site.state_dir, name, chosen, bundle, calibration, by=user_name(by), reason=reason
    )


def _new_sound(
    calibrated: CalibratedDetector,
    state_dir: Path,
    recordings: list[Path] | None,
    since: str | None,
    force: bool,
    sources: Sequence[Source],
) -> CalibrationInput:
    """Return the new sound of recordings or of the monitor's history; ``sources`` holds what is known already."""
    import time

    from anomaly.alerts.duration import duration_s
    from anomaly.archive.scan import scan
    from anomaly.errors import InputError
    from anomaly.monitor.offline.calibration_guard import cases_without_feedback
    from anomaly.monitor.offline.calibration_input import from_history, from_recordings
    from anomaly.readable import count
    from anomaly.store.cases.case import SHORT_ID
    from anomaly.store.store import DATABASE_NAME, Store

    if recordings:
        return from_recordings(scan(recordings), calibrated.scorer, ", ".join(map(str, recordings)), sources)
    now_s = time.time()
    begin_s = now_s - duration_s(since or "")
    with Store.open(state_dir / DATABASE_NAME, create=False) as store:
        cases = cases_without_feedback(store, calibrated.machine, begin_s, now_s)
        if cases and not force:
            raise InputError(
                f"this time holds {count(len(cases), 'alarm')} without feedback",
                where=", ".join(case.id[:SHORT_ID] for case in cases),
                hint="report each with `anomaly feedback CASE --normal` or `--fault`, or add --force",
            )
        return from_history(store, calibrated, begin_s, now_s, sources)


def _check(new: CalibrationInput, calibrated: CalibratedDetector, force: bool) -> None:
    """Refuse sound that is not new or, without --force, not normal; report what was left out of it."""
    from anomaly.monitor.offline.calibration_guard import check_normal

    new.require_new_sound()
    for sentence in new.exclusions():
        typer.echo(sentence, err=True)
    if not force:
        check_normal(new.source, calibrated.scorer.calibration)


def _print_version(
    calibrated: CalibratedDetector,
    version: CalibrationVersion,
    added: Source,
    number_before: int,
    same: str,
    details: bool,
) -> None:
    from anomaly.monitor.offline.reporting.calibration_text import version_text

    lines = version_text(
        calibrated.machine,
        version,
        added,
        before=calibrated.scorer.calibration,
        after=version.calibration(calibrated.own.calibration),
        number_before=number_before,
        options=same,
        details=details,
    )
    typer.echo("\n".join(lines))


def _print_base(made: BaseCalibration, as_json: bool) -> None:
    from anomaly.monitor.offline.reporting.calibration_text import base_text

    if not as_json:
        typer.echo("\n".join(base_text(made)))
        return
    facts = {
        "number": 0,
        "in_use": True,
        "created_at": made.created_at,
        "by": made.by,
        "reason": made.reason,
        "seconds": len(made.calibration.scores),
        "limit": made.calibration.limit(1.0).value,
        "supported_per_day": made.calibration.supported_per_day,
    }
    typer.echo(json.dumps(facts))


def _print_versions(calibrated: CalibratedDetector, as_json: bool) -> None:
    from anomaly.monitor.offline.reporting.calibration_text import versions_text

    current, versions = calibrated.calibrations.current, calibrated.calibrations.all()
    if as_json:
        rows = [_facts(version, current) | {"bundle": version.bundle} for version in versions]
        typer.echo(json.dumps(rows))
    else:
        typer.echo("\n".join(versions_text(versions, current, calibrated.bundle)))


def _version_facts(
    calibrated: CalibratedDetector, version: CalibrationVersion, new: CalibrationInput
) -> dict[str, Any]:
    """Return the JSON values of a version that has just been made."""
    before, after = calibrated.scorer.calibration, version.calibration(calibrated.own.calibration)
    return {
        **_facts(version, version.number),
        "limit_before": before.limit(1.0).value,
        "limit": after.limit(1.0).value,
        "supported_per_day": after.supported_per_day,
        "held_seconds_left_out": new.duplicate_s,
        "other_model_seconds_left_out": new.other_model_s,
    }


def _facts(version: CalibrationVersion, current: int) -> dict[str, Any]:
    """Return the JSON values of a version; ``current`` is the number in use."""
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
