"""``anomaly replay``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from anomaly.alerts.store import Store
    from anomaly.config import Site
    from anomaly.monitor.recalibrate import Service
    from anomaly.monitor.replay import Replay, Span

_Since = Annotated[str, typer.Option("--since", help="How far back: 2h, 1d, 7d.")]
_Machine = Annotated[
    str | None, typer.Option("--machine", help="Which bundle; may be left out if there is one.")
]
_Budget = Annotated[
    float | None, typer.Option("--false-alarms-per-day", help="Budget to try (default: the one in use).")
]
_Bundle = Annotated[
    str | None, typer.Option("--bundle", help="Another bundle to try, by name, version or path.")
]
_Calibration = Annotated[
    int | None, typer.Option("--calibration", help="Version to try; 0 is the bundle's own.")
]
_Detector = Annotated[
    str | None, typer.Option("--detector", help="student or teacher (default: as site.yaml says).")
]
_Models = Annotated[Path | None, typer.Option("--models", help="Folder of bundles (default: models).")]
_State = Annotated[Path | None, typer.Option("--state", help="Folder of the database (default: state).")]
_Config = Annotated[Path | None, typer.Option("--config", help="Site file (default: ./site.yaml).")]
_Json = Annotated[bool, typer.Option("--json", help="JSON on stdout.")]


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command()(replay)


def replay(
    since: _Since = "7d",
    machine: _Machine = None,
    false_alarms_per_day: _Budget = None,
    bundle: _Bundle = None,
    calibration: _Calibration = None,
    detector: _Detector = None,
    models: _Models = None,
    state: _State = None,
    config: _Config = None,
    as_json: _Json = False,
) -> None:
    """Try another budget, calibration or model on what was heard: which cases would appear, which vanish."""
    import time

    from anomaly.alerts.duration import duration_s
    from anomaly.alerts.store import DATABASE_NAME, Store
    from anomaly.budget import check_budget
    from anomaly.cli.service import chosen_service
    from anomaly.errors import UsageError
    from anomaly.monitor.replay import Span

    span_s = duration_s(since)
    if bundle is not None and calibration is not None:
        raise UsageError("give --bundle or --calibration, not both")
    if false_alarms_per_day is not None:
        check_budget(false_alarms_per_day)
    site, service = chosen_service(config, models, state, machine, detector)
    settings = site.machines.get(service.machine)
    budget = false_alarms_per_day or (1.0 if settings is None else settings.false_alarms_per_day)
    now_s = time.time()
    with Store.open(site.state_dir / DATABASE_NAME, create=False) as store:
        found = _replayed(store, site, service, Span(now_s - span_s, now_s, budget), bundle, calibration)
    if as_json:
        typer.echo(json.dumps(found.to_dict()))
        return
    typer.echo("\n".join(found.lines()))
    if bundle is not None:
        typer.echo("which cases it would have opened where no clip was kept, nobody knows", err=True)


def _replayed(
    store: Store, site: Site, service: Service, span: Span, bundle: str | None, calibration: int | None
) -> Replay:
    from anomaly.bundle import find_bundle, open_bundle
    from anomaly.detect.model import DETECTORS, load_model
    from anomaly.monitor.clips import FOLDER
    from anomaly.monitor.replay import replay_clips, replay_history

    if bundle is None:
        scorer = service.scorer if calibration is None else service.with_calibration(calibration)
        return replay_history(store, service.machine, scorer, span, judge_anew=calibration is not None)
    kept = site.models_dir / ".versions" / service.machine / bundle
    other = load_model(open_bundle(kept if kept.is_dir() else find_bundle(bundle, site.models_dir)))
    name = next(known for known in DETECTORS if known == service.scorer.detector.name)
    return replay_clips(store, service.machine, other.scorer(name), span, site.state_dir / FOLDER)
