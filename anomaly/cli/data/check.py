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

    from anomaly.audio.channels import Channel
    from anomaly.audio.files.file_check import MachineReference
    from anomaly.audio.files.folder_check import FolderReport
    from anomaly.evaluate.layouts.layouts import DataSet

REFUSED = 4
# Folders and files that are named; the others are counted.
_MAX_MACHINES, _MAX_FILES = 10, 3


def register(data: typer.Typer) -> None:
    """Add the command to the group ``data``."""
    data.command("check")(check)


def check(
    path: Annotated[Path, typer.Argument(help="A machine's folder of recordings.")],
    machine: Annotated[
        str | None,
        typer.Option(
            "--machine", help="Compare with the bundle of this machine (default: the folder's name)."
        ),
    ] = None,
    models: Annotated[
        Path | None, typer.Option("--models", help="Folder of bundles (default: models).")
    ] = None,
    channel: Annotated[
        str, typer.Option(help="'mean', or the channel to listen to, counted from 0.")
    ] = "mean",
    verbose: Annotated[bool, typer.Option("--verbose", help="Also list every file.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
) -> None:
    """Say what is wrong with a folder of recordings; exit 4 if training would refuse it.

    The microphone is judged as the monitor does it; with a bundle of the machine, against its training sound.
    """
    from anomaly.audio.channels import parse_channel
    from anomaly.workspace import models_dir

    bundles = models_dir(models)
    report = _several_machines(path, bundles)
    if report is None:
        report = _checked(path, parse_channel(channel), _reference(path, machine, bundles))
    problems = [] if as_json else _problems(report)
    if as_json:
        print(json.dumps(report.as_json()))
    elif report.files:
        _print(report, problems, verbose)
    for warning in report.warnings:
        if warning not in problems:
            print(f"warning: {warning}", file=sys.stderr)
    for refusal in report.refusals:
        print(f"error: {report.folder}: {refusal}", file=sys.stderr)
    if report.refusals:
        raise typer.Exit(REFUSED)


def _checked(path: Path, channel: Channel, reference: MachineReference | None) -> FolderReport:
    from anomaly.audio.files.folder_check import check_folder

    data, refusals = _layout(path)
    training = None if data is None else {clip.path for clip in data.train}
    show, stop = _progress()
    try:
        report = check_folder(path, channel=channel, reference=reference, training=training, on_file=show)
    finally:
        stop()
    warnings = (*report.warnings, *_folder_warnings(path), *_held_out(data))
    return replace(
        report, refusals=(*report.refusals, *(refusals if report.files else ())), warnings=warnings
    )


def _several_machines(path: Path, models: Path) -> FolderReport | None:
    """Return a report that names the folders of several machines to check instead, or None for a single one."""
    from anomaly.audio.files.folder_check import FolderReport
    from anomaly.evaluate.layouts.machine_folders import machine_folders
    from anomaly.workspace import data_dir, machines

    of_machines = path.resolve() == data_dir().resolve()
    found = machine_folders(path, known=machines(models) if models.is_dir() else (), of_machines=of_machines)
    if len(found) < 2:
        return None
    names = ", ".join(folder.relative_to(path).as_posix() for folder in found)
    refusal = f"several machines here: {names}; give the folder of one of them: {_commands(found)}"
    return FolderReport(path, (), 0.0, (refusal,), (), machines=found)


def _folder_warnings(path: Path) -> list[str]:
    """Return hints on files that are skipped, and on a folder above that of the machine."""
    from anomaly.archive.scan import skipped_files
    from anomaly.audio.files.recordings import search
    from anomaly.evaluate.layouts.machine_folders import machine_folders

    if path.is_file():
        return []
    found = []
    below = machine_folders(path)
    if below:
        found.append(f"this is the folder above that of a machine; point at the machine: {_commands(below)}")
    skipped = skipped_files([search(path)])
    return [*found, skipped] if skipped is not None else found


def _commands(folders: tuple[Path, ...]) -> str:
    import shlex

    commands = [f"`anomaly data check {shlex.quote(str(folder))}`" for folder in folders[:_MAX_MACHINES]]
    more = [f"and {len(folders) - _MAX_MACHINES} more"] * (len(folders) > _MAX_MACHINES)
    return ", ".join([*commands, *more])


def _reference(path: Path, machine: str | None, models: Path) -> MachineReference | None:
    """Return the training sound of the machine, or None without a bundle of it.

    Raises:
        ConfigError: the machine that was named has no bundle.
        ModelError: the bundle is damaged.
    """
    from anomaly.audio.files.file_check import MachineReference
    from anomaly.bundle import MANIFEST_NAME, find_bundle, open_bundle
    from anomaly.bundle.parts import CALIBRATION
    from anomaly.detect.shared_parts import format_reference_of, front_end_of, sensor_reference_of

    if machine is not None:
        folder = find_bundle(machine, models)
    else:
        # data/pump, data/pump/normal or a file in it: all are sound of the pump.
        named = [models / folder.name for folder in (path.resolve(), *path.resolve().parents[:3])]
        known = [folder for folder in named if folder != models and (folder / MANIFEST_NAME).is_file()]
        if not known:
            return None
        folder = known[0]
    bundle = open_bundle(folder)
    values = json.loads(bundle.read(CALIBRATION))
    return MachineReference(
        str(folder),
        sensor_reference_of(values),
        format_reference_of(values),
        gain_matters=not front_end_of(bundle).level_normalise,
    )


def _layout(path: Path) -> tuple[DataSet | None, list[str]]:
    """Return the split of a folder as training reads it, or the reason why it cannot, in its own words."""
    from anomaly.errors import InputError
    from anomaly.evaluate.layouts.layouts import read_layout

    if not path.is_dir():
        return None, []
    try:
        return read_layout(path), []
    except InputError as error:
        return None, [f"{error.message}; {error.hint}" if error.hint else error.message]


def _held_out(data: DataSet | None) -> list[str]:
    """Return a note on normal recordings that training sets aside, because there are faults to test with."""
    from anomaly.readable import count

    if data is None or not data.held_out_by_us:
        return []
    aside = sum(clip.label == "normal" for clip in data.test)
    return [
        f"{count(aside, 'normal recording')} set aside for testing, because there are recordings of faults"
    ]


def _print(report: FolderReport, problems: list[str], verbose: bool) -> None:
    from anomaly.readable import count

    good = sum(file.status == "ok" and file.format is None for file in report.files)
    recordings = count(len(report.files), "recording")
    print(f"{recordings}, {report.training_s:.1f} s of usable normal sound to learn from")
    for line in (*problems, f"recordings without a fault: {good}", _microphone(report)):
        print(line)
    if verbose:
        _print_files(report)
    elif any(file.status != "ok" or file.format for file in report.files):
        print("--verbose lists every file")


def _problems(report: FolderReport) -> list[str]:
    """Return a line for each problem, the worst first, each with the first files that have it."""
    from anomaly.audio.files.folder_check import PROBLEMS

    lines = []
    for status, description in PROBLEMS.items():
        files = [(file.path, file.problem or "") for file in report.files if file.status == status]
        lines += _problem(report, description, files)
    formats = [(file.path, file.format) for file in report.files if file.format is not None]
    return [*lines, *_problem(report, "in another format than those of training", formats)]


def _problem(report: FolderReport, description: str, files: list[tuple[Path, str]]) -> list[str]:
    if not files:
        return []
    lines = [f"recordings {description}: {len(files)}"]
    lines += [f"    {_name(report, path)}: {problem}" for path, problem in files[:_MAX_FILES]]
    return [*lines, f"    and {len(files) - _MAX_FILES} more"] if len(files) > _MAX_FILES else lines


def _microphone(report: FolderReport) -> str:
    """Return the condition of the microphone over all seconds."""
    seconds = report.sensor_seconds
    total = seconds.total()
    if total == 0:
        return "microphone: not judged, no whole second could be read"
    bad = [(condition, count) for condition, count in seconds.most_common() if condition != "ok"]
    found = ", ".join(f"{condition} in {count} s" for condition, count in bad) or "ok"
    if report.reference is None:
        compared = "each second by itself: there is no bundle of this machine to compare with"
    else:
        compared = f"compared with the training sound of {report.reference}"
    return (
        f"microphone: {found} of {total} s ({compared})"
        if bad
        else f"microphone: ok in {total} s ({compared})"
    )


def _name(report: FolderReport, path: Path) -> str:
    name = str(path.relative_to(report.folder)) if path != report.folder else path.name
    return "".join(letter if letter.isprintable() else "�" for letter in name)


def _print_files(report: FolderReport) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("file", "for", "status", "seconds", "Hz", "channels", "format", "dBFS", "problem")
    for file in report.files:
        measured = (file.seconds, file.sample_rate_hz, file.channels, file.encoding, file.level_dbfs)
        cells = [
            "" if value is None else f"{value:.1f}" if isinstance(value, float) else str(value)
            for value in measured
        ]
        problems = "; ".join(text for text in (file.problem, file.format) if text)
        table.add_row(_name(report, file.path), file.role, file.status, *cells, problems)
    console = Console(markup=False, highlight=False, width=None if sys.stdout.isatty() else 200)
    console.print(table)


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
