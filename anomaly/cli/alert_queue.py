"""Commands of the queue of alerts: show it, send a letter again, give one up."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from anomaly.cli.case_store import open_reader, open_store, user_name
from anomaly.cli.options import By, Config, Json, State

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from anomaly.store.database.rows import DeliveryRow
    from anomaly.store.reader import StoreReader

_Number = Annotated[int, typer.Argument(metavar="ID", help="Number of the delivery in `alerts queue`.")]


def register(alerts: typer.Typer) -> None:
    """Add the commands to the group."""
    for command in (queue, resend, drop):
        alerts.command(command.__name__)(command)


def queue(
    sink: Annotated[str | None, typer.Argument(metavar="[SINK]", help="Of this sink only.")] = None,
    dead: Annotated[bool, typer.Option("--dead", help="Messages that were refused or given up.")] = False,
    state: State = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """List the messages that wait for a sink, or that failed for good."""
    reader = open_reader(state, config)
    _check_sink(reader, sink, config)
    rows = list(_rows(reader, sink, ("dead", "abandoned") if dead else ("pending",)))
    if as_json:
        typer.echo(json.dumps([_facts(row) for row in rows]))
        return
    for row in rows:
        typer.echo(_line(row))
    typer.echo(f"{len(rows)} {'failed' if dead else 'waiting'}", err=True)
    failed = 0 if dead else sum(1 for _ in _rows(reader, sink, ("dead", "abandoned")))
    if failed:
        typer.echo(f"{failed} failed for good: anomaly alerts queue --dead", err=True)


def resend(
    number: Annotated[
        int | None, typer.Argument(metavar="ID", help="Number of the delivery in `alerts queue`.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="All messages that failed for good.")] = False,
    sink: Annotated[str | None, typer.Option("--sink", help="With --all: to this sink only.")] = None,
    by: By = None,
    state: State = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Queue a message again that a sink has refused, after its cause is mended; the monitor delivers it."""
    from anomaly.errors import UsageError

    if everything == (number is not None):
        raise UsageError("give the number of one message, or --all")
    if sink is not None and not everything:
        raise UsageError("--sink goes with --all")
    if sink is not None:
        _check_sink(open_reader(state, config), sink, config)
    with open_store(state, config) as store:
        if number is None:
            count = store.deliveries.resend_all(user_name(by), sink)
        else:
            count = store.deliveries.resend([number], user_name(by))
    if as_json:
        typer.echo(json.dumps({"queued": count}))
    else:
        typer.echo(f"{count} queued again; the monitor delivers {'it' if count == 1 else 'them'}", err=True)


def drop(
    number: _Number,
    by: By = None,
    note: Annotated[str, typer.Option(help="Why; kept with the message.")] = "",
    state: State = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Give up a message to one sink for good."""
    with open_store(state, config) as store:
        sink = store.deliveries.drop(number, user_name(by), note)
    if as_json:
        typer.echo(json.dumps({"id": number, "sink": sink, "dropped": True}))
    else:
        typer.echo(f"{sink}: message {number} is given up", err=True)


def _check_sink(reader: StoreReader, sink: str | None, config: Path | None) -> None:
    """Check that a sink is known: to the site file or to the database.

    Raises:
        ConfigError: it does not.
    """
    from anomaly.config import find_site
    from anomaly.errors import ConfigError

    known = sorted({*find_site(config).sinks.names, *(count.sink for count in reader.delivery_counts())})
    if sink is not None and sink not in known:
        raise ConfigError(
            f"there is no sink {sink!r}", where=reader.path, hint=f"sinks here: {', '.join(known) or 'none'}"
        )


def _rows(reader: StoreReader, sink: str | None, statuses: Iterable[str]) -> Iterable[DeliveryRow]:
    from anomaly.store.page import iterate
    from anomaly.store.reader import PageRequest

    for status in statuses:
        yield from iterate(
            lambda cursor, status=status: reader.deliveries(  # type: ignore[misc]
                PageRequest(cursor=cursor), sink=sink, status=status
            )
        )


def _line(row: DeliveryRow) -> str:
    from anomaly.readable import local_time
    from anomaly.store.cases.case import SHORT_ID

    message = row.message
    case = "-" if message.case is None else message.case.id[:SHORT_ID]
    tried = f"  tried {row.attempts} times" if row.attempts else ""
    again = f", again {local_time(row.next_try_s)}" if row.status == "pending" and row.next_try_s else ""
    error = f"  {row.error}" if row.error else ""
    return (
        f"{row.id:>6}  {row.sink:<12}  {row.status:<9}  {local_time(row.queued_s)}  {message.event:<17}"
        f"  {message.machine:<12}  {case:<8}{tried}{again}{error}"
    )


def _facts(row: DeliveryRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "sink": row.sink,
        "status": row.status,
        "queued_s": row.queued_s,
        "attempts": row.attempts,
        "next_try_s": row.next_try_s,
        "finished_s": row.finished_s,
        "error": row.error,
        "message": row.message.to_dict(),
    }
