"""``anomaly monitor``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from anomaly.monitor.records import Record

ANOMALY_FOUND = 10


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command()(monitor)


def monitor(
    device: Annotated[str | None, typer.Option(help="Microphone, as `anomaly devices` names it.")] = None,
    source: Annotated[str | None, typer.Option(help="A recording instead, or - for a WAV on stdin.")] = None,
    machine: Annotated[
        str | None, typer.Option(help="Which bundle; may be left out if there is one.")
    ] = None,
    config: Annotated[
        Path | None, typer.Option(help="Site file [default: ./site.yaml if there is one].")
    ] = None,
    models: Annotated[Path | None, typer.Option(help="Folder of bundles [default: models].")] = None,
    state: Annotated[Path | None, typer.Option(help="Folder of the database [default: state].")] = None,
    detector: Annotated[str | None, typer.Option(help="student or teacher [default: student].")] = None,
    channel: Annotated[str | None, typer.Option(help="'mean', or a channel counted from 0.")] = None,
    false_alarms_per_day: Annotated[
        float | None, typer.Option(help="Budget that sets the limit [default: 1].")
    ] = None,
    no_realtime: Annotated[
        bool, typer.Option("--no-realtime", help="Read a file as fast as it goes.")
    ] = False,
    jsonl: Annotated[bool, typer.Option("--jsonl", help="One JSON object per second and event.")] = False,
    fail_on_anomaly: Annotated[
        bool, typer.Option("--fail-on-anomaly", help="Exit 10 if there was an alarm.")
    ] = False,
) -> None:
    """Listen to a machine: a score and a state each second, a case and alerts when it goes wrong."""
    from anomaly.config import find_site
    from anomaly.errors import UsageError
    from anomaly.monitor.options import plan_from
    from anomaly.monitor.run import monitor as run_monitor

    if device is not None and source is not None:
        raise UsageError("give --device or --source, not both")
    site = find_site(config)
    changes = {"models_dir": models, "state_dir": state}
    site = site.model_copy(update={key: value for key, value in changes.items() if value is not None})
    plan = plan_from(
        site,
        machine=machine,
        device=device,
        source=source,
        detector=detector,
        channel=channel,
        false_alarms_per_day=false_alarms_per_day,
        realtime=not no_realtime,
    )
    with _shown(jsonl) as show:
        alarms = run_monitor(plan, site, show)
    if fail_on_anomaly and alarms:
        raise typer.Exit(ANOMALY_FOUND)


@contextmanager
def _shown(jsonl: bool) -> Iterator[Callable[[Record], None]]:
    """Yield what prints records; a terminal's last line is ended before anything else is said."""
    import json

    from anomaly.monitor.screen import Screen

    if jsonl:
        yield lambda record: print(json.dumps(record.to_dict()), flush=True)
        return
    screen = Screen()
    try:
        yield screen.show
    finally:
        screen.close()
