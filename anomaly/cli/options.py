"""Options that several commands share, so that each has one name and one help text."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Machine = Annotated[
    str | None, typer.Option("--machine", help="Which machine; may be left out if there is one.")
]
Models = Annotated[Path | None, typer.Option("--models", help="Folder of bundles (default: models).")]
State = Annotated[
    Path | None,
    typer.Option("--state", help="Folder of the database (default: site.yaml, else state)."),
]
Config = Annotated[
    Path | None, typer.Option("--config", help="Site file (default: $ANOMALY_CONFIG, else site.yaml).")
]
Detector = Annotated[
    str | None,
    typer.Option(
        "--detector",
        help="student, teacher, or a detector of an installed package (default: site.yaml, else student).",
    ),
]
# Options that name the folders a command works on.
SAME_PLACE = ("--models", "--state", "--config")
Details = Annotated[bool, typer.Option("--details", help="Also print the figures behind the verdict.")]
Json = Annotated[bool, typer.Option("--json", help="JSON on stdout.")]
By = Annotated[str | None, typer.Option("--by", help="Name of the operator (default: the user's name).")]
