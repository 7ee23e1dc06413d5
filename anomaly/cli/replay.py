"""``anomaly replay``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from anomaly.cli import options

if TYPE_CHECKING:
    from anomaly.config import Site
    from anomaly.monitor.offline.recalibrate import CalibratedDetector
    from anomaly.monitor.offline.replay_result import ReplayResult, ReplaySpan
    from anomaly.store.store import Store

_Since = Annotated[str, typer.Option("--since", help="How far back: 2h, 1d, 7d.")]
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
    since: _Since = "7d",
    machine: options.Machine = None,
    false_alarms_per_day: _Budget = None,
    bundle: _Bundle = None,
    calibration: _Calibration = None,
    detector: options.Detector = None,
    models: options.Models = None,
    state: options.State = None,
    config: options.Config = None,
    as_json: options.Json = False,
) -> None:
    """Try another budget, calibration or model on what was heard: which cases would appear, which vanish."""
    import time

    from anomaly.alerts.duration import duration_s
    from anomaly.cli.site_options import chosen_service
    from anomaly.errors import UsageError
    from anomaly.false_alarm_budget import check_budget
    from anomaly.store.store import DATABASE_NAME, Store

    span_s = duration_s(since)
    if bundle is not None and calibration is not None:
        raise UsageError("give --bundle or --calibration, not both")
    if false_alarms_per_day is not None:
        check_budget(false_alarms_per_day)
    site, service = chosen_service(config, models, state, machine, detector)
    span = _span(site, service.machine, time.time(), span_s, false_alarms_per_day)
    with Store.open(site.state_dir / DATABASE_NAME, create=False) as store:
        found = _replayed(store, site, service, span, bundle, calibration)
    if as_json:
        typer.echo(json.dumps(found.to_dict()))
        return
    typer.echo("\n".join(found.lines()))
    if bundle is not None:
        typer.echo("which cases it would have opened where no clip was kept, nobody knows", err=True)


def _span(
    site: Site, machine: str, now_s: float, span_s: float, false_alarms_per_day: float | None
) -> ReplaySpan:
    """The time up to now, with budget and delays as the site file says where nothing else is said."""
    from dataclasses import replace

    from anomaly.monitor.offline.replay_result import ReplaySpan
    from anomaly.monitor.session_model import policy_of

    settings = site.machines.get(machine)
    budget = false_alarms_per_day or (1.0 if settings is None else settings.false_alarms_per_day)
    # A latch says how long an alarm is shown, not whether there is one.
    return ReplaySpan(now_s - span_s, now_s, budget, replace(policy_of(site, machine), latch=False))


def _replayed(
    store: Store,
    site: Site,
    service: CalibratedDetector,
    span: ReplaySpan,
    bundle: str | None,
    calibration: int | None,
) -> ReplayResult:
    from anomaly.bundle import open_bundle
    from anomaly.bundle.versions import find_bundle_or_version, version_of
    from anomaly.detect.model import load_model
    from anomaly.monitor.clips.recorder import FOLDER
    from anomaly.monitor.offline.replay import replay_clips, replay_history
    from anomaly.monitor.offline.replay_clips import ClipHistory
    from anomaly.store.state_kinds import model_label

    clips = site.state_dir / FOLDER
    if bundle is None:
        anew = calibration is not None
        scorer = service.scorer if calibration is None else service.with_calibration(calibration)
        # The limit of a model says nothing of what another one scored, nor of its probabilities.
        old = ClipHistory(clips, service.model)
        return replay_history(
            store, service.machine, scorer, span, model=service.model, judge_anew=anew, clips=old
        )
    folder = find_bundle_or_version(site.models_dir, site.bundle_of(service.machine), bundle)
    name = service.scorer.detector.name
    other = load_model(open_bundle(folder), (name,), state_dir=site.state_dir, machine=service.machine)
    asked = model_label(name, version_of(folder))
    return replay_clips(store, service.machine, other.scorer(name), span, clips, model=asked)
