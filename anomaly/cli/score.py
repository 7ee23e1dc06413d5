"""``anomaly score``: how unusual recordings sound, one row per file."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from anomaly.cli import streams
from anomaly.cli.option_rules import needs
from anomaly.cli.options import Models

if TYPE_CHECKING:
    from anomaly.archive.archive_file import ArchiveFile
    from anomaly.archive.earlier_run import AddedRows, RunSettings
    from anomaly.archive.result_counts import ResultCounts
    from anomaly.archive.rows import FileRow
    from anomaly.archive.shard_task import ShardTask
    from anomaly.archive.writers import TableWriter

ANOMALY_FOUND, NOT_JUDGED = 10, 11


_Paths = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="PATH…", help="Recordings, folders, patterns, tar and zip archives, addresses such as s3://."
    ),
]
_Machine = Annotated[
    str | None,
    typer.Option("--machine", help="Machine, or folder of a bundle (default: the only one there is)."),
]
_Detector = Annotated[
    str, typer.Option("--detector", help="student, teacher, or a detector of an installed package.")
]
_State = Annotated[
    Path | None,
    typer.Option("--state", help="Folder with the calibration of a package's detector (default: state)."),
]
_PerSecond = Annotated[
    bool,
    typer.Option("--per-second", help="Also every second of every file; needs --json, --jsonl or --out."),
]
_Channel = Annotated[
    str, typer.Option("--channel", help="'mean', or the channel to listen to, counted from 0.")
]
_Budget = Annotated[
    float,
    typer.Option("--false-alarms-per-day", help="Budget that ALARM is set against, from 0.0001 to 1440."),
]
_Out = Annotated[Path | None, typer.Option("--out", help="Folder for the tables of scores.")]
_Json = Annotated[bool, typer.Option("--json", help="One JSON array on stdout.")]
_Jsonl = Annotated[bool, typer.Option("--jsonl", help="One JSON object a line on stdout, as files are done.")]
_Fail = Annotated[bool, typer.Option("--fail-on-anomaly", help="Exit 10 if a file reached ALARM.")]
_Format = Annotated[
    str,
    typer.Option(
        "--format",
        help="Tables of --out: parquet, tables (CSV and JSON Lines), or auto: parquet from 1,000 files on.",
    ),
]
_List = Annotated[
    str | None, typer.Option("--list", help="File with one path a line, or - for standard input.")
]
_Workers = Annotated[
    int | None, typer.Option("--workers", min=1, max=1024, help="Processes (default: one per processor).")
]
_Cluster = Annotated[
    str | None, typer.Option("--cluster", help="Dask scheduler such as tcp://host:8786, or local.")
]
_Resume = Annotated[
    bool, typer.Option("--resume/--no-resume", help="Go on in a folder that holds scores, or refuse it.")
]
_Retry = Annotated[
    bool, typer.Option("--retry-errors", help="Parquet: try files again that could not be scored.")
]
_Time = Annotated[
    str | None, typer.Option("--time-pattern", help="Time in the names, as strptime: '%Y%m%d_%H%M%S'.")
]
_Pattern = Annotated[
    str | None, typer.Option("--machine-pattern", help="Machine of each path: '{machine}/*.wav'.")
]
_Site = Annotated[
    Path | None, typer.Option("--site", help="Site file: machines are found by folders of their names.")
]
_Endpoint = Annotated[
    str | None, typer.Option("--endpoint", help="Address of the object store behind s3://.")
]


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("score")(score)


def score(
    context: typer.Context,
    paths: _Paths = None,
    machine: _Machine = None,
    models: Models = None,
    detector: _Detector = "student",
    state: _State = None,
    per_second: _PerSecond = False,
    channel: _Channel = "mean",
    false_alarms_per_day: _Budget = 1.0,
    out: _Out = None,
    as_json: _Json = False,
    as_jsonl: _Jsonl = False,
    fail_on_anomaly: _Fail = False,
    table_format: _Format = "auto",
    list_file: _List = None,
    workers: _Workers = None,
    cluster: _Cluster = None,
    resume: _Resume = True,
    retry_errors: _Retry = False,
    time_pattern: _Time = None,
    machine_pattern: _Pattern = None,
    site: _Site = None,
    endpoint: _Endpoint = None,
) -> None:
    """Score recordings against what the machine normally sounds like.

    A file that cannot be scored is a row that says why; if none can be, the exit code is 4.
    """
    from anomaly.archive.scoring_task import ScoringTask
    from anomaly.atomic import check_writable
    from anomaly.audio.channels import parse_channel
    from anomaly.cli.score_parts import Selection, listing_of, score_parts, wants_parquet
    from anomaly.detector_names import check_detector_name
    from anomaly.false_alarm_budget import check_budget
    from anomaly.workspace import state_dir

    _check_output(as_json, as_jsonl, per_second, out)
    _check_selection(context)
    check_budget(false_alarms_per_day)
    several = machine_pattern is not None or site is not None
    task = ScoringTask(
        Path() if several else _bundle_folder(machine, models),
        check_detector_name(detector),
        false_alarms_per_day,
        parse_channel(channel),
        per_second,
        state_dir(state),
    )
    if not several:
        # A bundle that cannot be used ends the command before files are searched.
        _ = task.loaded
    selection = Selection(task, models, site, machine_pattern, time_pattern, endpoint)
    with listing_of(paths or [], list_file, selection) as listing:
        if out is not None:
            check_writable(out, "--out")
        parquet = wants_parquet(table_format, out, len(listing), printed=as_json or as_jsonl)
        if parquet and out is not None:
            counts = score_parts(listing, selection, out, workers, cluster, resume, retry_errors)
        else:
            _refuse_parquet_options(context)
            printer = _printer(as_json, as_jsonl)
            if out is not None:
                printer = _PrinterBesideTables(printer)
            counts = _run(
                list(listing), selection.shard_task(listing), printer, out, silent=as_json or as_jsonl
            )
    if counts is not None:
        _conclude(counts, fail_on_anomaly)


def _check_selection(context: typer.Context) -> None:
    from anomaly.cli.option_rules import excludes

    needs(context, "--state", "--detector", "--site")
    excludes(context, "--machine", "--machine-pattern", "--site")
    excludes(context, "--cluster", "--workers")
    for option in ("--format", "--resume", "--retry-errors"):
        needs(context, option, "--out")


def _refuse_parquet_options(context: typer.Context) -> None:
    from anomaly.cli.option_rules import on_command_line
    from anomaly.errors import UsageError

    for option in ("--workers", "--cluster", "--resume", "--retry-errors"):
        if on_command_line(context, option):
            hint = "add --out FOLDER --format parquet"
            raise UsageError("has an effect on Parquet tables only", where=option, hint=hint)


def _check_output(as_json: bool, as_jsonl: bool, per_second: bool, out: Path | None) -> None:
    from anomaly.errors import UsageError

    if as_json and as_jsonl:
        raise UsageError("--json and --jsonl do not go together")
    if per_second and not (as_json or as_jsonl or out is not None):
        hint = "add --json, --jsonl or --out FOLDER: the table on the screen has one row per file"
        raise UsageError("seconds have no place in the table", where="--per-second", hint=hint)


def _bundle_folder(machine: str | None, models: Path | None) -> Path:
    from anomaly.bundle import find_bundle
    from anomaly.workspace import choose_machine, models_dir

    folder = models_dir(models)
    return find_bundle(choose_machine(folder, None) if machine is None else machine, folder)


def _printer(as_json: bool, as_jsonl: bool) -> TableWriter:
    """Return the writer of stdout."""
    from anomaly.archive.printers import JsonArrayPrinter, JsonlPrinter, TablePrinter

    if as_jsonl:
        return JsonlPrinter(sys.stdout)
    return JsonArrayPrinter(sys.stdout) if as_json else TablePrinter(sys.stdout)


class _PrinterBesideTables:
    """Printer of stdout, whose loss does not end the run: the tables are completed before it is reported.

    Args:
        printer: prints the rows.
    """

    def __init__(self, printer: TableWriter) -> None:
        self._printer = printer

    def write(self, row: FileRow) -> None:
        """Print a row, unless output was lost before."""
        if streams.loss_of_stdout() is None:
            with streams.loss_deferred():
                self._printer.write(row)

    def finish(self) -> Sequence[Path]:
        """Print the rest, unless output was lost before."""
        if streams.loss_of_stdout() is None:
            with streams.loss_deferred():
                return self._printer.finish()
        return ()

    def discard(self) -> None:
        """Forget what was not printed."""
        self._printer.discard()


def _run(
    files: list[ArchiveFile], task: ShardTask, printer: TableWriter, out: Path | None, *, silent: bool
) -> ResultCounts:
    """Score the files; each row is printed and written to the tables as it is done."""
    from contextlib import nullcontext
    from functools import partial

    from anomaly.archive.earlier_run import AddedRows, ResumedScoring, SettingsWriter, earlier_rows
    from anomaly.archive.executors import build_executor
    from anomaly.archive.pipeline import score_archive
    from anomaly.archive.writers import open_tables
    from anomaly.progress import stages
    from anomaly.readable import count

    # A bar and rows on one terminal would write over each other.
    bar = nullcontext(lambda _stage, _share: None) if silent and sys.stdout.isatty() else stages()
    settings = _settings(task, files)
    with (
        earlier_rows(out, settings) as earlier,
        open_tables(
            out, per_second=settings.per_second, others=[partial(SettingsWriter, settings=settings)]
        ) as tables,
    ):
        rows = AddedRows(tables, earlier)
        rows.keep({file.path for file in files})
        if known := sum(earlier.row(file.path) is not None for file in files):
            print(
                f"{known} of {count(len(files), 'file')} are in {out} already and are kept", file=sys.stderr
            )
        try:
            with bar as report:
                counts = score_archive(
                    files,
                    ResumedScoring(task.single, earlier),
                    [printer, rows],
                    build_executor("serial"),
                    on_row=lambda counts: report("scoring", counts.files / len(files)),
                )
        except BaseException:
            _keep_rows(rows, len(files), out)
            raise
        # The verdict comes before the table that it sums up.
        print(counts.summary(), file=sys.stderr)
        printer.finish()
        for path in rows.finish():
            print(f"wrote {path}", file=sys.stderr)
    return counts


def _settings(task: ShardTask, files: list[ArchiveFile]) -> RunSettings:
    from anomaly.archive.earlier_run import RunSettings

    first = next(iter(task.tasks.values()))
    models = {machine: one.version for machine, one in task.tasks.items()}
    relative = any(not Path(file.path).is_absolute() and "://" not in file.path for file in files)
    return RunSettings(
        first.version
        if len(models) == 1
        else ", ".join(f"{name} {version}" for name, version in models.items()),
        first.detector,
        first.false_alarms_per_day,
        first.channel,
        first.per_second,
        str(Path.cwd()) if relative else None,
    )


def _keep_rows(rows: AddedRows, files: int, out: Path | None) -> None:
    """Complete the tables with the rows that are there: the run ends early."""
    from contextlib import suppress

    from anomaly.errors import AnomalyError
    from anomaly.readable import count

    if out is None or not rows.added:
        return
    with suppress(AnomalyError):  # a full disk may be the reason for the end
        rows.finish()
        print(
            f"ended early: the scores of {count(rows.added, 'file')} of this run are kept in {out};"
            f" the same command goes on with the rest of the {files}",
            file=sys.stderr,
        )


def _conclude(counts: ResultCounts, fail_on_anomaly: bool) -> None:
    """End with the exit code that the rows call for."""
    from anomaly.errors import InputError

    if fail_on_anomaly and counts.alarms:
        raise typer.Exit(ANOMALY_FOUND)
    if fail_on_anomaly and counts.not_judged:
        raise typer.Exit(NOT_JUDGED)
    if not counts.scored:
        raise InputError("no file could be judged", hint="the reasons stand above")
