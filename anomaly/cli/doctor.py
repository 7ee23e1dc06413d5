"""`anomaly doctor`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from anomaly.cli.options import Details


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command()(doctor)


def doctor(
    config: Annotated[
        Path | None, typer.Option(help="Site file (default: $ANOMALY_CONFIG, else site.yaml).")
    ] = None,
    models: Annotated[Path | None, typer.Option(help="Folder of bundles (default: models).")] = None,
    state: Annotated[Path | None, typer.Option(help="Folder of the database (default: state).")] = None,
    details: Details = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
) -> None:
    """Check Python, packages, disk, clock, microphones, bundles, database and sinks; nothing is changed.

    Exit code 0 if a monitor can run; else that of the first check that fails: 3, 5, 6 or 7.
    """
    from anomaly.monitor.doctor import CheckResult, examine
    from anomaly.monitor.doctor.doctor_text import doctor_text
    from anomaly.progress import stages

    results: list[CheckResult] = []
    with stages() as report:
        for result in examine(config, models=models, state=state):
            results.append(result)
            # The number of checks depends on the site: the bar only approaches its end.
            report("checking", 1.0 - 1.0 / (1 + len(results)))
    failures = [result for result in results if result.level == "fail"]
    if as_json:
        print(json.dumps({"ok": not failures, "checks": [result.to_dict() for result in results]}))
    else:
        print("\n".join(doctor_text(results, details=details)))
    if failures:
        raise typer.Exit(failures[0].exit_code)
