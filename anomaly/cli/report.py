"""``anomaly report``: a page on a folder of scores."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

_Subject = Annotated[
    Path, typer.Argument(metavar="FOLDER", help="Folder that `anomaly score --out` has written.")
]
_Out = Annotated[Path | None, typer.Option("--out", help="HTML file (default: report.html in the folder).")]
_Endpoint = Annotated[
    str | None, typer.Option("--endpoint", help="Address of the object store behind s3://, for spectrograms.")
]


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("report")(report)


def report(subject: _Subject, out: _Out = None, endpoint: _Endpoint = None) -> None:
    """Write a page on the scores of an archive: health over time, highest scores, files that could not be judged."""
    from anomaly.archive.report.archive_page import archive_page
    from anomaly.atomic import write_bytes

    page = archive_page(subject, endpoint)
    path = subject / "report.html" if out is None else out
    write_bytes(path, page.encode("utf-8", "replace"))
    print(f"wrote {path}", file=sys.stderr)
