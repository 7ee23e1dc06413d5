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
    from anomaly.archive.earlier_run import AddedRows, RunSettings
    from anomaly.archive.result_counts import ResultCounts
    from anomaly.archive.rows import FileRow
    from anomaly.archive.scoring_task import ScoringTask
    from anomaly.archive.writers import TableWriter

ANOMALY_FOUND, NOT_JUDGED = 10, 11


_Paths = Annotated[list[Path], typer.Argument(metavar="PATH…", help="Recordings, or folders of them.")]
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
_Out = Annotated[Path | None, typer.Option("--out", help="Folder for scores.jsonl and scores.csv.")]
_Json = Annotated[bool, typer.Option("--json", help="One JSON array on stdout.")]
_Jsonl = Annotated[bool, typer.Option("--jsonl", help="One JSON object a line on stdout, as files are done.")]
_Fail = Annotated[bool, typer.Option("--fail-on-anomaly", help="Exit 10 if a file reached ALARM.")]


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("score")(score)


def score(
    context: typer.Context,
    paths: _Paths,
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
) -> None:
    """Score recordings against what the machine normally sounds like.

    A file that cannot be scored is a row that says why; if none can be, the exit code is 4.
    """
    from anomaly.archive.scan import scan
    from anomaly.archive.scoring_task import ScoringTask
    from anomaly.atomic import check_writable
    from anomaly.audio.channels import parse_channel
    from anomaly.detector_names import check_detector_name
    from anomaly.false_alarm_budget import check_budget
    from anomaly.workspace import state_dir

    _check_output(as_json, as_jsonl, per_second, out)
    check_budget(false_alarms_per_day)
    needs(context, "--state", "--detector")
    selected = parse_channel(channel)
    task = ScoringTask(
        _bundle_folder(machine, models),
        check_detector_name(detector),
        false_alarms_per_day,
        selected,
        per_second,
        state_dir(state),
    )
    # A bundle that cannot be used ends the command before files are searched.
    _ = task.loaded
    files = scan(paths, on_skipped=lambda message: print(message, file=sys.stderr))
    if out is not None:
        check_writable(out, "--out")
    printer = _printer(as_json, as_jsonl)
    if out is not None:
        printer = _PrinterBesideTables(printer)
    counts = _run(files, task, printer, out, silent=as_json or as_jsonl)
    _conclude(counts, fail_on_anomaly)


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
    files: list[Path], task: ScoringTask, printer: TableWriter, out: Path | None, *, silent: bool
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
            out, per_second=task.per_second, others=[partial(SettingsWriter, settings=settings)]
        ) as tables,
    ):
        rows = AddedRows(tables, earlier)
        rows.keep({str(path) for path in files})
        if known := sum(earlier.row(str(path)) is not None for path in files):
            print(
                f"{known} of {count(len(files), 'file')} are in {out} already and are kept", file=sys.stderr
            )
        try:
            with bar as report:
                counts = score_archive(
                    files,
                    ResumedScoring(task, earlier),
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


def _settings(task: ScoringTask, files: list[Path]) -> RunSettings:
    from anomaly.archive.earlier_run import RunSettings
    from anomaly.bundle.versions import version_of

    relative = any(not path.is_absolute() for path in files)
    return RunSettings(
        version_of(task.bundle),
        task.detector,
        task.false_alarms_per_day,
        task.channel,
        task.per_second,
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
