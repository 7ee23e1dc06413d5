"""Command `data check`: faults of a folder of recordings."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Callable

    from anomaly.audio.files.folder_check import FolderReport

REFUSED = 4


def register(data: typer.Typer) -> None:
    """Add the command to the group ``data``."""
    data.command("check")(check)


def check(
    path: Annotated[Path, typer.Argument(help="A machine's folder of recordings.")],
    channel: Annotated[
        str, typer.Option(help="'mean', or the channel to listen to, counted from 0.")
    ] = "mean",
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
) -> None:
    """Say what is wrong with a folder of recordings; exit 4 if training would refuse it."""
    from anomaly.audio.channels import parse_channel
    from anomaly.audio.files.folder_check import check_folder

    show, stop = _progress()
    try:
        report = check_folder(path, channel=parse_channel(channel), on_file=show)
    finally:
        stop()
    report = replace(report, refusals=(*report.refusals, *_layout_refusals(report)))
    if as_json:
        print(json.dumps(report.as_json()))
    else:
        _print(report)
    for warning in report.warnings:
        print(f"warning: {warning}", file=sys.stderr)
    for refusal in report.refusals:
        print(f"error: {report.folder}: {refusal}", file=sys.stderr)
    if report.refusals:
        raise typer.Exit(REFUSED)


def _layout_refusals(report: FolderReport) -> list[str]:
    """Return the reasons why training could not read the layout of the folder, in its own words."""
    from anomaly.errors import InputError
    from anomaly.evaluate.layouts.layouts import read_layout

    if not report.files or report.folder.is_file():
        return []
    try:
        read_layout(report.folder)
    except InputError as error:
        return [f"{error.message}; {error.hint}" if error.hint else error.message]
    return []


def _print(report: FolderReport) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("file", "for", "status", "seconds", "Hz", "channels", "format", "dBFS", "problem")
    for file in report.files:
        measured = (file.seconds, file.sample_rate_hz, file.channels, file.encoding, file.level_dbfs)
        cells = [
            "" if value is None else f"{value:.1f}" if isinstance(value, float) else str(value)
            for value in measured
        ]
        name = str(file.path.relative_to(report.folder)) if file.path != report.folder else file.path.name
        table.add_row(name, file.role, file.status, *cells, file.problem or "")
    console = Console(markup=False, highlight=False, width=None if sys.stdout.isatty() else 200)
    console.print(table)
    console.print(
        f"{len(report.files)} recordings, {report.training_s:.1f} s of usable normal sound to learn from"
    )


def _progress() -> tuple[Callable[[int, int], None], Callable[[], None]]:
    """Return a function that shows the progress, and one that ends it; both do nothing without a terminal."""
    if not sys.stderr.isatty():
        return lambda done, of: None, lambda: None
    from rich.console import Console
    from rich.progress import Progress

    bar = Progress(console=Console(stderr=True), transient=True)
    task = bar.add_task("reading", total=None)
    bar.start()
    return lambda done, of: bar.update(task, completed=done, total=of), bar.stop
