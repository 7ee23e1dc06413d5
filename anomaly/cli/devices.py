"""Commands `devices` and `record`: the list of microphones, and recordings from one of them."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from anomaly.cli import streams

if TYPE_CHECKING:
    from collections.abc import Callable

    from anomaly.audio.capture.microphone import Microphone
    from anomaly.audio.capture.record import RecordingSummary
    from anomaly.audio.sensor.health import Health

_METER_RANGE_DB = 90.0


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command()(devices)
    app.command()(record)


def devices(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
) -> None:
    """List the inputs that --device can name, and why one cannot be used."""
    from dataclasses import asdict

    from anomaly.audio.capture.inputs.listing import list_inputs

    found = list_inputs()
    if as_json:
        rows = [{"index": number, **asdict(entry)} for number, entry in enumerate(found)]
        print(json.dumps({"devices": rows}))
        return
    if not found:
        print("no inputs: plug in a microphone, or start a sound server", file=sys.stderr)
        return
    from rich.console import Console
    from rich.table import Table

    table = Table("#", "--device", "ALSA name", "what", "channels", "rates (Hz)", "problem")
    for number, entry in enumerate(found):
        rates = ", ".join(str(rate) for rate in entry.rates_hz)
        channels = str(entry.channels) if entry.channels is not None else ""
        table.add_row(
            str(number), entry.id, entry.alsa or "", entry.name, channels, rates, entry.problem or ""
        )
    Console(markup=False, highlight=False, width=None if sys.stdout.isatty() else 200).print(table)


def record(
    machine: Annotated[str, typer.Option(help="Name of the machine: the folder below the data folder.")],
    device: Annotated[str, typer.Option(help="The input, as `anomaly devices` names it.")] = "default",
    minutes: Annotated[float, typer.Option(help="How long.")] = 10.0,
    data: Annotated[Path | None, typer.Option(help="The data folder.", show_default="data")] = None,
    clip_seconds: Annotated[float, typer.Option(help="Length of a clip.")] = 60.0,
    channel: Annotated[str, typer.Option(help="'mean', or a channel counted from 0.")] = "mean",
    native: Annotated[bool, typer.Option(help="Keep the rate of the device, not 16 kHz.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
    as_jsonl: Annotated[
        bool, typer.Option("--jsonl", help="One JSON object for each second, then that of --json.")
    ] = False,
) -> None:
    """Record the normal sound of a machine as clips in <data>/<machine>/normal."""
    from anomaly.audio import SAMPLE_RATE_HZ
    from anomaly.audio.capture.microphone import Microphone
    from anomaly.audio.channels import parse_channel
    from anomaly.errors import UsageError
    from anomaly.workspace import data_dir, machine_name

    if not 0 < minutes <= 7 * 24 * 60:
        raise UsageError(f"--minutes must be above 0 and at most a week, not {minutes:g}")
    if not 1 <= clip_seconds <= 3600:
        raise UsageError(f"--clip-seconds must be 1 to 3600, not {clip_seconds:g}")
    folder = data_dir(data) / machine_name(machine) / "normal"
    to_hz = None if native else SAMPLE_RATE_HZ
    with Microphone(device, channel=parse_channel(channel), to_hz=to_hz) as microphone:
        summary = _record(microphone, folder, minutes * 60, clip_seconds, as_json or as_jsonl, as_jsonl)
    if as_json or as_jsonl:
        print(json.dumps(_to_json(summary, machine, microphone.description, microphone.sample_rate_hz)))


def _record(
    microphone: Microphone, folder: Path, seconds: float, clip_seconds: float, as_json: bool, as_jsonl: bool
) -> RecordingSummary:
    from anomaly.audio.capture.record import Recorder
    from anomaly.audio.capture.record import record as run

    print(
        f"recording {microphone.description} at {microphone.native_rate_hz} Hz into {folder}", file=sys.stderr
    )
    show, stop = _second_printer() if as_jsonl else _level_meter(seconds)
    recorder = Recorder(
        folder,
        clip_seconds,
        microphone.sample_rate_hz,
        on_saved=lambda path: None if as_json else _print_path(path),
        on_second=show,
    )
    try:
        return run(microphone, recorder, seconds)
    finally:
        stop()
        summary = recorder.summary
        for warning in summary.warnings():
            print(f"warning: {warning}", file=sys.stderr)
        print(f"saved {summary.seconds:.1f} s in {len(summary.files)} clips", file=sys.stderr)


def _second_printer() -> tuple[Callable[[Health], None], Callable[[], None]]:
    """Return a function that prints each second as one JSON object, and one that ends it."""
    count = 0

    def show(health: Health) -> None:
        nonlocal count
        row = {"second": count, "status": health.status, "level_dbfs": round(health.level_dbfs, 2)}
        with streams.loss_deferred():
            print(json.dumps(row), flush=True)
        count += 1

    return show, lambda: None


def _print_path(path: Path) -> None:
    """Print the path of a clip; a lost stdout does not end the recording."""
    with streams.loss_deferred():
        print(path, flush=True)


def _level_meter(seconds: float) -> tuple[Callable[[Health], None], Callable[[], None]]:
    """Return a function that shows each second's level, and one that ends it; without a terminal it only warns."""
    warn = _sensor_warnings()
    if not sys.stderr.isatty():
        return warn, lambda: None
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    columns = (TextColumn("{task.fields[level]:>8}"), BarColumn(), TextColumn("{task.fields[words]}"))
    meter = Progress(*columns, console=Console(stderr=True))
    task = meter.add_task("level", total=_METER_RANGE_DB, level="", words=f"0 of {seconds:.0f} s")
    meter.start()
    captured = 0

    def show(health: Health) -> None:
        nonlocal captured
        captured += 1
        warn(health)
        meter.update(
            task,
            completed=max(0.0, _METER_RANGE_DB + health.level_dbfs),
            level=f"{health.level_dbfs:.0f} dBFS",
            words=f"{health.status}, {captured} of {seconds:.0f} s",
        )

    return show, meter.stop


def _sensor_warnings() -> Callable[[Health], None]:
    """Return a function that prints each fault of the microphone in the second in which it first occurs."""
    reported: set[str] = {"ok"}

    def warn(health: Health) -> None:
        if health.status not in reported:
            print(f"warning: the microphone: {health.status}, {health.level_dbfs:.0f} dBFS", file=sys.stderr)
            reported.add(health.status)

    return warn


def _to_json(summary: RecordingSummary, machine: str, device: str, sample_rate_hz: int) -> dict[str, object]:
    return {
        "machine": machine,
        "device": device,
        "sample_rate_hz": sample_rate_hz,
        "files": [str(path) for path in summary.files],
        "seconds": round(summary.seconds, 3),
        "clipping_seconds": summary.clipping_s,
        "silent_seconds": summary.silent_s,
        "dc_offset_seconds": summary.dc_offset_s,
        "gaps": summary.gaps,
        "warnings": summary.warnings(),
    }
