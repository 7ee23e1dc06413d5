"""``anomaly evaluate``: faults that raise an alarm, and false alarms on normal sound."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from anomaly.cli import streams

if TYPE_CHECKING:
    from anomaly.evaluate.run import Evaluation


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("evaluate")(evaluate)


def evaluate(
    machine: Annotated[
        str | None, typer.Option(help="Machine, or folder of a bundle (default: the only one there is).")
    ] = None,
    data: Annotated[Path | None, typer.Option(help="Folder of recordings (default: data/<machine>).")] = None,
    models: Annotated[Path | None, typer.Option(help="Folder of bundles (default: models).")] = None,
    compare: Annotated[
        str | None, typer.Option(help="Another machine or bundle to compare with, on the same clips.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for a report with pictures.")] = None,
    bench: Annotated[
        bool, typer.Option("--bench", help="Train on the sets of the detection bench and measure there.")
    ] = False,
    recordings: Annotated[
        Path | None,
        typer.Option(help="With --bench: folder of its real recordings (default: ANOMALY_RECORDINGS)."),
    ] = None,
    sets: Annotated[
        list[str] | None, typer.Option("--sets", help="With --bench: a set; may be repeated (default: all).")
    ] = None,
    seeds: Annotated[
        int | None, typer.Option(min=1, max=99, help="With --bench: how many (default: 3).")
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="With --bench: one seed; the same sets.")] = False,
    profile: Annotated[
        str | None, typer.Option(help="With --bench: profile of the training (default: standard).")
    ] = None,
    strict: Annotated[
        bool,
        typer.Option(
            "--strict", help="Stop at the first test file that cannot be scored, instead of leaving it out."
        ),
    ] = False,
    details: Annotated[
        bool, typer.Option("--details", help="Also print AUC, intervals and the chip.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
) -> None:
    """Measure student and teacher on recordings that they were not trained on.

    Folders are read as docs/data-layouts.md says. With normal sound alone there is no AUC, but the false alarms
    can be counted all the same. --bench measures no bundle: it trains on sets of its own, made at run time.
    """
    from anomaly.cli import evaluate_bench

    if bench:
        evaluate_bench.refuse(machine=machine, data=data, models=models, compare=compare)
        evaluate_bench.run(recordings, sets or [], seeds, quick, profile or "standard", out, as_json)
        return
    evaluate_bench.refuse_without(
        recordings=recordings, sets=sets, seeds=seeds, quick=quick or None, profile=profile
    )
    _evaluate(machine, data, models, compare, out, as_json, details, strict)


def _evaluate(
    machine: str | None,
    data: Path | None,
    models: Path | None,
    compare: str | None,
    out: Path | None,
    as_json: bool,
    details: bool,
    strict: bool,
) -> None:
    from anomaly.atomic import check_writable
    from anomaly.bundle import find_bundle, open_bundle
    from anomaly.evaluate.reporting.evaluation_report import write_evaluation
    from anomaly.evaluate.run import evaluate as run_evaluation
    from anomaly.progress import stages
    from anomaly.workspace import choose_machine, data_dir, models_dir

    folder = models_dir(models)
    bundle = open_bundle(find_bundle(choose_machine(folder, None) if machine is None else machine, folder))
    other = None if compare is None else open_bundle(find_bundle(compare, folder))
    recordings = data or data_dir() / bundle.manifest.machine
    if out is not None:
        check_writable(out, "--out")
    with stages() as report:
        ours = run_evaluation(bundle, recordings, strict=strict, report=report)
        theirs = (
            None
            if other is None
            else run_evaluation(other, recordings, strict=strict, report=report, stage="comparing")
        )
    _print(ours, theirs, compare or "other", as_json, details)
    for path in write_evaluation(out, ours, theirs, other=compare or "other") if out is not None else ():
        print(f"wrote {path}", file=sys.stderr)


def _print(ours: Evaluation, theirs: Evaluation | None, other: str, as_json: bool, details: bool) -> None:
    from anomaly.evaluate.reporting import results
    from anomaly.evaluate.reporting.summary import summary_text

    with streams.loss_deferred():  # the report is written all the same
        if as_json:
            print(json.dumps(results.as_json(ours, theirs)))
        else:
            print(summary_text(ours, theirs, other=other, details=details))
    reason = ours.outcomes["student"].detection.reason
    for note in (*ours.notes, *([reason] if reason else [])):
        print(f"note: {note}", file=sys.stderr)
    for file in ours.left_out:
        print(f"left out: {file.path}: {file.error}", file=sys.stderr)
