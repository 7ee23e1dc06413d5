"""``anomaly score``: how unusual recordings sound, one row per file."""

from __future__ import annotations

import json
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TextIO

import typer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from anomaly.archive.scores import Row

ANOMALY_FOUND = 10


class Detector(StrEnum):
    """Which part of a bundle scores."""

    student = "student"
    teacher = "teacher"


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("score")(score)


def score(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH…", help="Recordings, or folders of them.")],
    machine: Annotated[
        str | None, typer.Option(help="Machine, or folder of a bundle (default: the only one there is).")
    ] = None,
    models: Annotated[Path | None, typer.Option(help="Folder of bundles (default: models).")] = None,
    detector: Annotated[Detector, typer.Option(help="Which part of the bundle scores.")] = Detector.student,
    per_second: Annotated[
        bool,
        typer.Option("--per-second", help="Also every second of every file; needs --json, --jsonl or --out."),
    ] = False,
    channel: Annotated[
        str, typer.Option(help="'mean', or the channel to listen to, counted from 0.")
    ] = "mean",
    false_alarms_per_day: Annotated[
        float, typer.Option(help="Budget that ALARM is set against, from 0.0001 to 1440.")
    ] = 1.0,
    out: Annotated[Path | None, typer.Option(help="Folder for scores.jsonl and scores.csv.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON array on stdout.")] = False,
    as_jsonl: Annotated[
        bool, typer.Option("--jsonl", help="One JSON object a line on stdout, as files are done.")
    ] = False,
    fail_on_anomaly: Annotated[
        bool, typer.Option("--fail-on-anomaly", help="Exit 10 if a file reached ALARM.")
    ] = False,
) -> None:
    """Score recordings against what the machine normally sounds like.

    A file that cannot be scored is a row that says why; if none can be, the exit code is 4.
    """
    from anomaly.archive.scan import scan
    from anomaly.archive.scores import score_files
    from anomaly.archive.tables import summary, write_tables
    from anomaly.atomic import check_writable
    from anomaly.audio.channels import parse_channel
    from anomaly.budget import check_budget
    from anomaly.bundle import find_bundle, open_bundle
    from anomaly.detect.model import load_model
    from anomaly.errors import InputError, UsageError
    from anomaly.workspace import choose_machine, models_dir

    if as_json and as_jsonl:
        raise UsageError("--json and --jsonl do not go together")
    if per_second and not (as_json or as_jsonl or out is not None):
        hint = "add --json, --jsonl or --out FOLDER: the table on the screen has one row per file"
        raise UsageError("seconds have no place in the table", where="--per-second", hint=hint)
    check_budget(false_alarms_per_day)
    listen_to = parse_channel(channel)
    folder = models_dir(models)
    bundle = open_bundle(find_bundle(choose_machine(folder, None) if machine is None else machine, folder))
    scorer = load_model(bundle).scorer(detector.value)
    limit = scorer.calibration.limit(false_alarms_per_day)
    files = scan(paths)
    if out is not None:
        check_writable(out, "--out")
    done = score_files(files, scorer, limit, channel=listen_to, per_second=per_second)
    rows = _collect(done, len(files), sys.stdout if as_jsonl else None)
    if not as_jsonl:
        _print(rows, as_json)
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
