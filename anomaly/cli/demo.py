"""``anomaly demo``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from anomaly.demo.result import DemoResult
    from anomaly.monitor.records import Record


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command()(demo)


def demo(
    seconds: Annotated[
        float, typer.Option(min=60, max=3600, help="Length of the failing pump's recording.")
    ] = 180.0,
    seed: Annotated[int, typer.Option(min=0, help="Of the machine's sounds and of the training.")] = 0,
    out: Annotated[Path, typer.Option(help="Folder for report, bundle, recordings and database.")] = Path(
        "demo-report"
    ),
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """The whole chain on a simulated pump: learn, distil, compile, watch it fail, deliver the alert, report."""
    import json

    from anomaly.extras import trainer_installed
    from anomaly.progress import stages

    with trainer_installed(), stages() as report:
        from anomaly.demo.run import run_demo

        result = run_demo(out, seconds=seconds, seed=seed, report=report, show=_show)
    typer.echo(json.dumps(result.to_dict()) if as_json else _in_words(result))


def _show(record: Record) -> None:
    """Every tenth second and every event, on stderr."""
    import sys

    from anomaly.monitor.records import SecondRecord
    from anomaly.monitor.telemetry.screen import line

    if not isinstance(record, SecondRecord) or record.second % 10 == 9:
        print(line(record), file=sys.stderr, flush=True)


def _in_words(result: DemoResult) -> str:
    import json

    from anomaly.training.reporting.summary import summary_text

    alarm_s = result.watched.alarm_s()
    took = ", ".join(f"{stage} {seconds:.0f} s" for stage, seconds in result.took_s.items())
    return "\n".join(
        [
            "",
            summary_text(result.trained),
            "",
            f"The bearing began to fail at {result.begins_s:.0f} s; the alarm came at {alarm_s:.0f} s.",
            "The alert, as the receiver got it:",
            json.dumps(dict(result.alert), indent=2),
            "",
            f"unseen clips  AUC student {result.trial.auc('student'):.3f}, teacher {result.trial.auc('teacher'):.3f}",
            f"took          {took}",
            f"report        {result.out / 'index.html'}",
        ]
    )
