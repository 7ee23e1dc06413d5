"""`anomaly monitor`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Annotated

import typer

from anomaly.cli import options
from anomaly.cli.option_rules import excludes

if TYPE_CHECKING:
    from pathlib import Path

    from anomaly.config import Site
    from anomaly.monitor.plan import MonitorPlan
    from anomaly.monitor.records import Record
    from anomaly.monitor.telemetry.output import TolerantOutput

ANOMALY_FOUND = 10


_Device = Annotated[str | None, typer.Option("--device", help="Microphone, as `anomaly devices` names it.")]
_Source = Annotated[
    str | None,
    typer.Option("--source", help="A recording, a stream such as rtsp://…, or - for a WAV on stdin."),
]
_Channel = Annotated[str | None, typer.Option("--channel", help="'mean', or a channel counted from 0.")]
_Budget = Annotated[
    float | None, typer.Option("--false-alarms-per-day", help="Budget that sets the limit (default: 1).")
]
_NoRealtime = Annotated[bool, typer.Option("--no-realtime", help="Read a file as fast as possible.")]
_Jsonl = Annotated[bool, typer.Option("--jsonl", help="One JSON object per second and event.")]
_Metrics = Annotated[
    str | None,
    typer.Option(
        "--metrics", metavar="HOST:PORT", help="Serve metrics for Prometheus, such as 127.0.0.1:9464."
    ),
]
_LogJson = Annotated[
    bool, typer.Option("--log-json", help="Events as JSON lines on stderr, in place of the screen.")
]
_Web = Annotated[
    str | None,
    typer.Option("--web", metavar="[HOST:PORT]", help="Serve the dashboard, too (default: 127.0.0.1:8421)."),
]
_Fail = Annotated[bool, typer.Option("--fail-on-anomaly", help="Exit 10 if there was an alarm.")]


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command()(monitor)


def monitor(
    context: typer.Context,
    device: _Device = None,
    source: _Source = None,
    machine: options.Machine = None,
    config: options.Config = None,
    models: options.Models = None,
    state: options.State = None,
    detector: options.Detector = None,
    channel: _Channel = None,
    false_alarms_per_day: _Budget = None,
    no_realtime: _NoRealtime = False,
    jsonl: _Jsonl = False,
    metrics: _Metrics = None,
    log_json: _LogJson = False,
    web: _Web = None,
    fail_on_anomaly: _Fail = False,
) -> None:
    """Monitor machines: a score and a state each second, a case and alerts when one does not sound normal.

    With neither --machine nor --device nor --source: all machines of the site file.
    """
    from anomaly.errors import UsageError
    from anomaly.monitor.options import plans_from
    from anomaly.monitor.run import monitor as run_monitor

    if device is not None and source is not None:
        raise UsageError("give --device or --source, not both")
    excludes(context, "--device", "--no-realtime")
    site = _site(config, models, state, metrics, log_json)
    plans = plans_from(
        site,
        machine=machine,
        device=device,
        source=source,
        detector=detector,
        channel=channel,
        false_alarms_per_day=false_alarms_per_day,
        realtime=not no_realtime,
    )
    if no_realtime:
        _check_files(plans)
    with _dashboard(web, config, models, state), _printer(jsonl, as_log=site.log == "json") as show:
        alarms = run_monitor(plans, site, show)
    if fail_on_anomaly and alarms:
        raise typer.Exit(ANOMALY_FOUND)


@contextmanager
def _dashboard(
    address: str | None, config: Path | None, models: Path | None, state: Path | None
) -> Iterator[None]:
    """Serve the dashboard beside the monitor, in a process of its own, so that it never holds up the sound."""
    if address is None:
        yield
        return
    from anomaly.extras import needs

    with needs("web"):
        from anomaly.web.companion import serving_beside
    with serving_beside(address, config=config, models=models, state=state):
        yield


def _check_files(plans: Sequence[MonitorPlan]) -> None:
    """Refuse --no-realtime for microphones and streams: only a file can be read faster than in real time."""
    from anomaly.audio.capture.ffmpeg import is_address
    from anomaly.errors import UsageError

    with_sound = [plan for plan in plans if plan.device is not None or plan.source is not None]
    if with_sound and all(plan.source is None or is_address(plan.source) for plan in with_sound):
        message = "has no effect on a microphone or a stream, which arrive in real time"
        raise UsageError(message, where="--no-realtime", hint="leave it out, or name a file with --source")


def _site(
    config: Path | None, models: Path | None, state: Path | None, metrics: str | None, log_json: bool
) -> Site:
    """Return the site file with the options of the command line in it."""
    from anomaly.cli.site_options import chosen_site
    from anomaly.monitor.telemetry.metrics import check_address

    changes = {
        "metrics": None if metrics is None else check_address(metrics),
        "log": "json" if log_json else None,
    }
    site = chosen_site(config, models, state)
    return site.model_copy(update={key: value for key, value in changes.items() if value is not None})


@contextmanager
def _printer(jsonl: bool, as_log: bool) -> Iterator[Callable[[Record], None]]:
    """Yield the printer of records; a status line is ended before anything else is printed."""
    import shutil

    from anomaly.monitor.telemetry.logs import json_log, log_record
    from anomaly.monitor.telemetry.output import TolerantOutput
    from anomaly.monitor.telemetry.screen import Screen

    if as_log:
        with json_log(), _tolerated(TolerantOutput(_print)) as show:
            yield _both(log_record, show) if jsonl else log_record
        return
    if jsonl:
        with _tolerated(TolerantOutput(_print)) as show:
            yield show
        return
    screen = Screen(columns=shutil.get_terminal_size().columns - 1)
    with _tolerated(TolerantOutput(screen.show)) as show:
        try:
            yield show
        finally:
            with suppress(OSError):
                screen.close()


@contextmanager
def _tolerated(output: TolerantOutput) -> Iterator[Callable[[Record], None]]:
    """Yield what shows records; where some were lost, what is left of them in stdout is no error at the end."""
    from anomaly.cli.streams import discard_stdout, flush_stdout

    try:
        yield output.show
    finally:
        if output.lost:
            try:
                flush_stdout()
            except OSError:
                discard_stdout()


def _print(record: Record) -> bool:
    import json

    print(json.dumps(record.to_dict()), flush=True)
    return True


def _both(one: Callable[[Record], None], other: Callable[[Record], None]) -> Callable[[Record], None]:
    def show(record: Record) -> None:
        one(record)
        other(record)

    return show
