"""``anomaly trend``: where a machine is going, and when it reaches its alarm level."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from anomaly.cli.options import Config, Json, Machine, State

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from anomaly.prognosis.index.series import IndexSeries
    from anomaly.prognosis.report import TrendReport

_Scores = Annotated[
    Path | None,
    typer.Argument(
        metavar="[SCORES]",
        help="Table of `anomaly score` (CSV, JSON Lines, Parquet) or folder of recordings with times in their names"
        " (default: the machines of the database).",
    ),
]
_Level = Annotated[
    float | None, typer.Option("--level", help="Alarm level of the index (default: found in the scores).")
]
_Channel = Annotated[
    str, typer.Option("--channel", help="Of recordings: 'mean', or the channel, counted from 0.")
]
_Lives = Annotated[
    Path | None,
    typer.Option(
        "--lives",
        help="Folder with a folder of recordings, or a table, for each machine of this kind that ran to its end: also"
        " estimate the remaining life.",
    ),
]
_Out = Annotated[
    Path | None,
    typer.Option("--out", help="Folder for trend.json, trend.png, values, hours and days as CSV."),
]


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command()(trend)


def trend(
    scores: _Scores = None,
    machine: Machine = None,
    state: State = None,
    config: Config = None,
    level: _Level = None,
    channel: _Channel = "mean",
    lives: _Lives = None,
    out: _Out = None,
    as_json: Json = False,
) -> None:
    """Show the health index over time: since when it rises, and in which time it reaches the alarm level.

    Without SCORES all machines of the database are shown, or the one named with --machine.
    """
    import math

    from anomaly.atomic import check_writable
    from anomaly.audio.channels import parse_channel
    from anomaly.errors import UsageError
    from anomaly.prognosis.life.past_life import past_lives
    from anomaly.prognosis.report import trend_report
    from anomaly.prognosis.sources import with_alarm_level

    if scores is not None and (machine is not None or state is not None or config is not None):
        raise UsageError(
            "SCORES is instead of the database", hint="leave out --machine, --state and --config"
        )
    if level is not None and not math.isfinite(level):
        raise UsageError(f"--level is a number, not {level}")
    if out is not None:
        check_writable(out, "--out")
    found = (
        _from_path(scores, channel) if scores is not None else _from_store(state, config, machine, channel)
    )
    ended = None if lives is None else past_lives(lives, parse_channel(channel))
    reports = [trend_report(with_alarm_level(series, level), ended) for series in found]
    _note_assumed(reports)
    files = _written(reports, out)
    single = scores is not None or machine is not None
    _show(reports, as_json, single=single)
    for path in files:
        typer.echo(f"written: {path}", err=True)


def _from_path(path: Path, channel: str) -> Iterator[IndexSeries]:
    from anomaly.audio.channels import parse_channel
    from anomaly.prognosis.sources import index_of

    yield index_of(path, parse_channel(channel))


def _from_store(
    state: Path | None, config: Path | None, machine: str | None, channel: str
) -> Iterator[IndexSeries]:
    from anomaly.cli.case_store import check_machine, open_reader
    from anomaly.errors import InputError, UsageError
    from anomaly.prognosis.index.stored_scores import stored_index
    from anomaly.store.machine_summary import stored_machines

    if channel != "mean":
        raise UsageError("--channel is for a folder of recordings")
    reader = open_reader(state, config)
    if machine is not None:
        check_machine(machine, reader, config)
    machines = stored_machines(reader) if machine is None else [machine]
    if not machines:
        raise InputError("holds no scores", where=reader.path, hint="run `anomaly monitor` first")
    for name in machines:
        yield stored_index(reader, name)


def _note_assumed(reports: Sequence[TrendReport]) -> None:
    """Say where the alarm level is an assumption."""
    for report in reports:
        if report.source.level_source.startswith("assumed"):
            source = report.source.level_source
            typer.echo(f"note: {report.source.name}: alarm level {source}; give one with --level", err=True)


def _written(reports: Sequence[TrendReport], out: Path | None) -> list[Path]:
    """Write the files of each report: in the folder itself for one, in a folder a machine for several."""
    from anomaly.prognosis.reporting.tables import write_report

    if out is None:
        return []
    if len(reports) == 1:
        return write_report(reports[0], out)
    return [path for report in reports for path in write_report(report, out / report.source.name)]


def _show(reports: Sequence[TrendReport], as_json: bool, *, single: bool) -> None:
    if as_json:
        found = [report.to_dict() for report in reports]
        typer.echo(json.dumps(found[0] if single else found))
        return
    for report in reports:
        typer.echo(f"{report.source.name}: {report.sentence}")
