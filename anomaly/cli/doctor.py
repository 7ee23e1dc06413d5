"""`anomaly doctor`: is everything here that a monitor needs, and what to do about what is not."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

_MARKS = {"ok": "ok  ", "warn": "warn", "fail": "FAIL"}


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command()(doctor)


def doctor(
    config: Annotated[
        Path | None, typer.Option(help="Site file (default: $ANOMALY_CONFIG, else site.yaml).")
    ] = None,
    models: Annotated[Path | None, typer.Option(help="Folder of bundles (default: models).")] = None,
    state: Annotated[Path | None, typer.Option(help="Folder of the database (default: state).")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
) -> None:
    """Look at Python, packages, disk, clock, microphones, bundles, database and sinks; nothing is changed.

    Exit code 0 if a monitor can run; else that of the first check that fails: 3, 5, 6 or 7.
    """
    from anomaly.monitor.doctor import CheckResult, examine

    findings: list[CheckResult] = []
    for finding in examine(config, models=models, state=state):
        findings.append(finding)
        if not as_json:
            print(f"{_MARKS[finding.level]}  {finding.check:<24} {finding.words}", flush=True)
            if finding.remedy and finding.level != "ok":
                print(f"{'':<31}{finding.remedy}", flush=True)
    failures = [finding for finding in findings if finding.level == "fail"]
    if as_json:
        print(json.dumps({"ok": not failures, "checks": [finding.to_dict() for finding in findings]}))
    else:
        warnings = sum(finding.level == "warn" for finding in findings)
        print(f"{len(findings)} checks, {warnings} warnings, {len(failures)} failures", file=sys.stderr)
    if failures:
        raise typer.Exit(failures[0].exit_code)
