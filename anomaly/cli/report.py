"""`anomaly report`: a page on a folder of scores, or the report of a case for a work order."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from anomaly.cli.options import Config, State

_Subject = Annotated[
    str,
    typer.Argument(metavar="FOLDER|CASE", help="Folder that `anomaly score --out` has written, or a case."),
]
_Out = Annotated[
    Path | None,
    typer.Option("--out", help="HTML file (default: report.html in the folder); of a case, .html or .pdf."),
]
_Endpoint = Annotated[
    str | None, typer.Option("--endpoint", help="Address of the object store behind s3://, for spectrograms.")
]


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("report")(report)


def report(
    subject: _Subject,
    out: _Out = None,
    endpoint: _Endpoint = None,
    state: State = None,
    config: Config = None,
) -> None:
    """Write a page on the scores of an archive, or the report of a case: what, why, since when, what to check."""
    from anomaly.atomic import write_bytes
    from anomaly.errors import ConfigError

    if _is_case(subject):
        path, data = _case_report(subject, out, state, config)
    else:
        from anomaly.archive.report.archive_page import archive_page

        data = archive_page(Path(subject), endpoint).encode("utf-8", "replace")
        path = Path(subject) / "report.html" if out is None else out
    try:
        write_bytes(path, data)
    except OSError as error:
        raise ConfigError(f"cannot be written: {error.strerror}", where=path) from error
    print(f"wrote {path}", file=sys.stderr)


def _is_case(subject: str) -> bool:
    """Return whether a subject is no path, and made of the digits of a case's identifier."""
    return not Path(subject).exists() and 4 <= len(subject) <= 32 and set(subject) <= set("0123456789abcdef")


def _case_report(case: str, out: Path | None, state: Path | None, config: Path | None) -> tuple[Path, bytes]:
    import time

    from anomaly.cli.site_options import chosen_site
    from anomaly.errors import UsageError
    from anomaly.monitor.case_report.content import report_content
    from anomaly.monitor.case_report.html_page import html_page
    from anomaly.monitor.case_report.pdf_pages import pdf_pages
    from anomaly.store.store import DATABASE_NAME, Store

    path = Path(f"case-{case}.html") if out is None else out
    if path.suffix.lower() not in (".html", ".pdf"):
        raise UsageError(f"{path.name!r} is neither .html nor .pdf", where="--out")
    site = chosen_site(config, None, state)
    with Store.open(site.state_dir / DATABASE_NAME, create=False) as store:
        found = store.cases.find(case)
        content = report_content(store, found, site.facts_of(found.machine), time.time())
    return path, html_page(content).encode() if path.suffix.lower() == ".html" else pdf_pages(content)
