"""``anomaly score``: how unusual recordings sound, one row per file."""

from __future__ import annotations

import json
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TextIO

import typer

from anomaly.cli.options import Models

if TYPE_CHECKING:
    from collections.abc import Iterator

    from anomaly.archive.scores import Row
    from anomaly.detect.scoring import Scorer

ANOMALY_FOUND = 10


class Detector(StrEnum):
    """Which part of a bundle scores."""

    student = "student"
    teacher = "teacher"


_Paths = Annotated[list[Path], typer.Argument(metavar="PATH…", help="Recordings, or folders of them.")]
_Machine = Annotated[
    str | None,
    typer.Option("--machine", help="Machine, or folder of a bundle (default: the only one there is)."),
]
_Detector = Annotated[Detector, typer.Option("--detector", help="Which part of the bundle scores.")]
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
    paths: _Paths,
    machine: _Machine = None,
    models: Models = None,
    detector: _Detector = Detector.student,
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
    from anomaly.archive.scores import score_files
    from anomaly.atomic import check_writable
    from anomaly.audio.channels import parse_channel
    from anomaly.false_alarm_budget import check_budget

    _check_output(as_json, as_jsonl, per_second, out)
    check_budget(false_alarms_per_day)
    listen_to = parse_channel(channel)
    scorer = _scorer(machine, models, detector)
    limit = scorer.calibration.limit(false_alarms_per_day)
    files = scan(paths)
    if out is not None:
        check_writable(out, "--out")
    done = score_files(files, scorer, limit, channel=listen_to, per_second=per_second)
    rows = _collect(done, len(files), sys.stdout if as_jsonl else None)
    if not as_jsonl:
        _print(rows, as_json)
    _conclude(rows, out, fail_on_anomaly)


def _check_output(as_json: bool, as_jsonl: bool, per_second: bool, out: Path | None) -> None:
    from anomaly.errors import UsageError

    if as_json and as_jsonl:
        raise UsageError("--json and --jsonl do not go together")
    if per_second and not (as_json or as_jsonl or out is not None):
        hint = "add --json, --jsonl or --out FOLDER: the table on the screen has one row per file"
        raise UsageError("seconds have no place in the table", where="--per-second", hint=hint)


def _scorer(machine: str | None, models: Path | None, detector: Detector) -> Scorer:
    from anomaly.bundle import find_bundle, open_bundle
    from anomaly.detect.model import load_model
    from anomaly.workspace import choose_machine, models_dir

    folder = models_dir(models)
    name = choose_machine(folder, None) if machine is None else machine
    return load_model(open_bundle(find_bundle(name, folder))).scorer(detector.value)


def _conclude(rows: list[Row], out: Path | None, fail_on_anomaly: bool) -> None:
    """Say what the rows come to, write them if asked to, and end with the exit code that they call for."""
    from anomaly.archive.tables import summary, write_tables
    from anomaly.errors import InputError

    print(summary(rows), file=sys.stderr)
    for path in write_tables(out, rows) if out is not None else ():
        print(f"wrote {path}", file=sys.stderr)
    if all(row["status"] != "ok" for row in rows):
        raise InputError("no file could be scored", hint="the column `problem` says why")
    if fail_on_anomaly and any(row["state"] == "ALARM" for row in rows):
        raise typer.Exit(ANOMALY_FOUND)


def _collect(rows: Iterator[Row], of: int, lines: TextIO | None) -> list[Row]:
    """All rows; each is printed to ``lines`` as it comes, past any progress bar."""
    from contextlib import nullcontext

    from anomaly.progress import stages

    # A bar and rows on one terminal would write over each other.
    silent = lines is not None and lines.isatty()
    kept = []
    with nullcontext(lambda _stage, _share: None) if silent else stages() as report:
        for row in rows:
            if lines is not None:
                print(json.dumps(row), file=lines, flush=True)
            kept.append(row)
            report("scoring", len(kept) / of)
    return kept


def _print(rows: list[Row], as_json: bool) -> None:
    from anomaly.archive.tables import table
    from anomaly.text_table import print_table

    if as_json:
        print(json.dumps(rows))
    else:
        head, *lines = table(rows)
        print_table(head, lines)
