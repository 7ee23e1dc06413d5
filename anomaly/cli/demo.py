"""``anomaly demo``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
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
    details: Annotated[bool, typer.Option("--details", help="Also print all figures and the alert.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """The whole chain on a simulated pump: train, compile, monitor it while it fails, deliver the alert, report."""
    import json

    from anomaly.extras import trainer_installed
    from anomaly.progress import stages

    with trainer_installed(), stages() as report:
        from anomaly.demo.run import run_demo
        from anomaly.demo.summary import summary_text

        result = run_demo(out, seconds=seconds, seed=seed, report=report, show=_show)
    typer.echo(json.dumps(result.to_dict()) if as_json else f"\n{summary_text(result, details=details)}")


def _show(record: Record) -> None:
    """Print every tenth second and every event on stderr."""
    import sys

    from anomaly.monitor.records import SecondRecord
    from anomaly.monitor.telemetry.screen import line

    if not isinstance(record, SecondRecord) or record.second % 10 == 9:
        print(line(record), file=sys.stderr, flush=True)
