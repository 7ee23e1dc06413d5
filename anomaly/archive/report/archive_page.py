"""Page of an archive: verdict, health over time, calendar, worst files with their spectrograms, unreadable files."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from html import escape
from itertools import groupby
from pathlib import Path

from anomaly.archive.report.archive_tables import ArchiveTables, Cause, WorstFile
from anomaly.archive.report.spectrogram_image import spectrogram_uri
from anomaly.archive.report.svg_charts import calendar, health_chart
from anomaly.readable import count, one_in

_WORST_FILES = 12
_STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;max-width:900px;margin:2em auto;padding:0 1em;color:#1c1c1c}"
    "svg{max-width:100%;font-size:11px}table{border-collapse:collapse;width:100%}"
    "td,th{text-align:left;padding:.3em .6em;border-bottom:1px solid #ddd;vertical-align:top}"
    "td.n{text-align:right}figure{margin:1.2em 0}img{width:100%;height:128px;image-rendering:auto}"
    "figcaption{word-break:break-all}"
)


def archive_page(folder: Path, endpoint: str | None = None) -> str:
    """Return the page of a folder of scores.

    Args:
        folder: of the tables.
        endpoint: address of the object store that holds the recordings.

    Raises:
        InputError: it holds no scores.
        ConfigError: DuckDB is not installed, or a table is damaged.
    """
    tables = ArchiveTables(folder)
    counts = tables.counts()
    sections = [
        f"<h1>Scores in {escape(str(folder))}</h1>",
        f"<p><strong>{_verdict(counts)}</strong></p>",
        *_over_time(tables),
        *_worst(tables.worst(_WORST_FILES), endpoint),
        *_causes(tables.causes()),
    ]
    title = escape(folder.name)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f"<title>Scores: {title}</title><style>{_STYLE}</style></head><body>{''.join(sections)}</body></html>\n"
    )


def _verdict(counts: dict[str, int]) -> str:
    judged = sum(counts.get(state, 0) for state in ("OK", "WATCH", "ALARM"))
    total = sum(counts.values())
    words = f"{counts.get('ALARM', 0)} of {count(judged, 'file')} in ALARM, {counts.get('WATCH', 0)} in WATCH"
    return words + (f"; {total - judged} of {total} could not be judged" if total > judged else "")


def _over_time(tables: ArchiveTables) -> Iterable[str]:
    days = tables.health()
    yield "<h2>Health over time</h2>"
    if not days:
        yield "<p>The times of the files are not known: score them with <code>--time-pattern</code>.</p>"
        return
    yield "<p>Blue: median score of a day; red: highest; a dot or a red square: files in ALARM. Days are UTC.</p>"
    for machine, own in groupby(days, key=lambda day: day.machine):
        of_machine = list(own)
        yield f"<h3>{escape(machine)}</h3>{health_chart(of_machine)}{calendar(of_machine)}"


def _worst(files: Sequence[WorstFile], endpoint: str | None) -> Iterable[str]:
    if not files:
        return
    yield "<h2>Highest scores</h2>"
    for file in files:
        time = (
            ""
            if file.time_s is None
            else f", {datetime.fromtimestamp(file.time_s, UTC):%Y-%m-%d %H:%M:%S} UTC"
        )
        words = f"{file.state}, score {file.score:.1f} ({one_in(file.p_value)}), {escape(file.machine)}{time}"
        picture = spectrogram_uri(file.path, endpoint)
        image = "<p>The recording cannot be read here.</p>"
        if picture is not None:
            image = f'<img alt="spectrogram, 0 to 8 kHz" src="{picture}">'
        yield f"<figure>{image}<figcaption>{words}<br>{escape(file.path)}</figcaption></figure>"


def _causes(causes: Sequence[Cause]) -> Iterable[str]:
    yield "<h2>Files that were not judged</h2>"
    if not causes:
        yield "<p>None.</p>"
        return
    yield "<table><tr><th>files</th><th>status</th><th>cause</th><th>such as</th></tr>"
    for cause in causes:
        cells = (escape(cause.status), escape(cause.words), escape(cause.example))
        yield f'<tr><td class="n">{cause.files}</td>{"".join(f"<td>{cell}</td>" for cell in cells)}</tr>'
    yield "</table>"
