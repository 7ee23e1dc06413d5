"""`anomaly replay`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from anomaly.cli import options
from anomaly.cli.option_rules import repeated

if TYPE_CHECKING:
    from anomaly.config import Site
    from anomaly.monitor.offline.calibrated_detector import CalibratedDetector
    from anomaly.monitor.offline.replay_result import ReplayResult, ReplaySpan
    from anomaly.store.store import Store

_Since = Annotated[str, typer.Option("--since", help="Time span up to now: 2h, 1d, 7d.")]
_Budget = Annotated[
    float | None, typer.Option("--false-alarms-per-day", help="Budget to try (default: the one in use).")
]
_Bundle = Annotated[
    str | None, typer.Option("--bundle", help="Another bundle to try, by name, version or path.")
]
_Calibration = Annotated[
    int | None, typer.Option("--calibration", help="Version to try; 0 is the bundle's own.")
]


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command()(replay)


def replay(
    context: typer.Context,
    since: _Since = "7d",
    machine: options.Machine = None,
    false_alarms_per_day: _Budget = None,
    bundle: _Bundle = None,
    calibration: _Calibration = None,
    detector: options.Detector = None,
    models: options.Models = None,
    state: options.State = None,
    config: options.Config = None,
    details: options.Details = False,
    as_json: options.Json = False,
) -> None:
    """Try another budget, calibration or model on stored sound: cases that would be opened, or no longer be."""
    import time

    from anomaly.alerts.duration import duration_s
    from anomaly.cli.site_options import calibrated_detector
    from anomaly.errors import UsageError
    from anomaly.false_alarm_budget import check_budget
    from anomaly.monitor.offline.reporting.replay_text import replay_text
    from anomaly.store.store import DATABASE_NAME, Store

    span_s = duration_s(since)
    if bundle is not None and calibration is not None:
        raise UsageError("give --bundle or --calibration, not both")
    if false_alarms_per_day is not None:
        check_budget(false_alarms_per_day)
    site, calibrated = calibrated_detector(config, models, state, machine, detector)
    span = _span(site, calibrated.machine, time.time(), span_s, false_alarms_per_day)
    with Store.open(site.state_dir / DATABASE_NAME, create=False) as store:
        if bundle is None:
            result = _replay_history(store, site, calibrated, span, calibration)
        else:
            result = _replay_clips(store, site, calibrated, span, bundle)
    if as_json:
        typer.echo(json.dumps(result.to_dict()))
        return
    steps = _steps(context, site, calibrated, result, false_alarms_per_day, calibration)
    typer.echo("\n".join(replay_text(result, other_bundle=bundle is not None, steps=steps, details=details)))


def _span(
    site: Site, machine: str, now_s: float, span_s: float, false_alarms_per_day: float | None
) -> ReplaySpan:
    """Return the time span up to now; budget and delays are those of the site file unless an option sets them."""
    from dataclasses import replace

    from anomaly.monitor.model.session_model import policy_of
    from anomaly.monitor.offline.replay_result import ReplaySpan

    settings = site.machines.get(machine)
    budget = false_alarms_per_day or (1.0 if settings is None else settings.false_alarms_per_day)
    # A latch prolongs an alarm, and never raises one.
    return ReplaySpan(now_s - span_s, now_s, budget, replace(policy_of(site, machine), latch=False))


def _replay_history(
    store: Store, site: Site, calibrated: CalibratedDetector, span: ReplaySpan, calibration: int | None
) -> ReplayResult:
    from anomaly.monitor.offline.replay_clip_seconds import ClipHistory
    from anomaly.monitor.offline.replay_history import replay_history
    from anomaly.store.clip_index import CLIPS_FOLDER

    scorer = calibrated.scorer if calibration is None else calibrated.with_calibration(calibration)
    # Limit and probabilities of a model do not apply to the scores of another one.
    clips = ClipHistory(site.state_dir / CLIPS_FOLDER, calibrated.model)
    return replay_history(
        store,
        calibrated.machine,
        scorer,
        span,
        model=calibrated.model,
        clips=clips,
    )


def _replay_clips(
    store: Store, site: Site, calibrated: CalibratedDetector, span: ReplaySpan, bundle: str
) -> ReplayResult:
    from anomaly.bundle.versions import find_bundle_or_version, version_of
    from anomaly.monitor.offline.calibrated_detector import load_calibrated_detector
    from anomaly.monitor.offline.replay_clips import replay_clips
    from anomaly.store.clip_index import CLIPS_FOLDER
    from anomaly.store.state_kinds import model_label

    machine, detector = calibrated.machine, calibrated.scorer.detector.name
    folder = find_bundle_or_version(site.models_dir, site.bundle_of(machine), bundle)
    # As a monitor would use it: with the calibration in use, if that belongs to this bundle.
    scorer = load_calibrated_detector(folder, site.state_dir, machine, detector).scorer
    label = model_label(detector, version_of(folder))
    clips = site.state_dir / CLIPS_FOLDER
    return replay_clips(store, machine, scorer, span, clips, model=label)


def _steps(
    context: typer.Context,
    site: Site,
    calibrated: CalibratedDetector,
    result: ReplayResult,
    false_alarms_per_day: float | None,
    calibration: int | None,
) -> list[tuple[str, str]]:
    """Return what puts into use what was tried, and the purpose of each step."""
    from anomaly.bundle.versions import versions

    machine, steps = calibrated.machine, []
    if false_alarms_per_day is not None:
        setting = f"false_alarms_per_day: {false_alarms_per_day:g}"
        steps.append(
            (setting, f"in site.yaml under {machine}: this budget, from the next start of the monitor")
        )
    if calibration is not None and calibration != calibrated.calibrations.current:
        same = repeated(context, *options.SAME_PLACE, "--detector")
        command = f"anomaly calibrate --machine {machine} --revert {calibration}{same}"
        steps.append((command, "put this calibration into use"))
    tried = next(
        (v for v in versions(site.models_dir, site.bundle_of(machine)) if result.model.endswith(f" {v.id}")),
        None,
    )
    if tried is not None and not tried.active:
        same = repeated(context, "--models", "--config")
        steps.append((f"anomaly models activate {machine} {tried.id}{same}", "put this version into use"))
    return steps
