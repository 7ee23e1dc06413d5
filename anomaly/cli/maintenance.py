"""Commands of the group `maintenance`."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated

import typer

from anomaly.cli.case_store import check_machine, open_reader, open_store, user_name
from anomaly.cli.options import By, Config, Json, State

_Machine = Annotated[str, typer.Argument(metavar="MACHINE", help="Its name.")]
_Note = Annotated[str, typer.Option(help="Why; kept with the event.")]


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    group = typer.Typer(
        no_args_is_help=True, help="Machines that people work on: their alarms open no cases meanwhile."
    )
    for name, command in (("on", begin), ("off", end), ("list", list_)):
        group.command(name)(command)
    app.add_typer(group, name="maintenance")


def begin(
    machine: _Machine,
    span: Annotated[
        str, typer.Option("--for", metavar="TIME", help="30m, 8h, 2d (at most 30d); it ends then by itself.")
    ] = "8h",
    by: By = None,
    note: _Note = "",
    state: State = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Put a machine into maintenance, or give its maintenance another end."""
    from anomaly.alerts.duration import duration_s
    from anomaly.readable import local_time

    for_s = duration_s(span)
    check_machine(machine, open_reader(state, config), config)
    with open_store(state, config) as store:
        row = store.maintenance.begin(machine, for_s, user_name(by), note)
    if as_json:
        typer.echo(json.dumps(asdict(row)))
    else:
        typer.echo(f"{machine}: in maintenance until {local_time(row.end_s)}")


def end(
    machine: _Machine,
    by: By = None,
    note: _Note = "",
    state: State = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """End the maintenance of a machine; what still sounds wrong is notified again."""
    check_machine(machine, open_reader(state, config), config)
    with open_store(state, config) as store:
        ended = store.maintenance.end(machine, user_name(by), note)
        if ended:
            store.cases.notify_again(machine)
    if as_json:
        typer.echo(json.dumps({"machine": machine, "ended": ended}))
    else:
        typer.echo(f"{machine}: {'maintenance has ended' if ended else 'was not in maintenance'}")


def list_(state: State = None, config: Config = None, as_json: Json = False) -> None:
    """List the machines in maintenance: by hand, and by a window of the site file."""
    import time

    from anomaly.config import find_site
    from anomaly.readable import local_time

    with open_store(state, config) as store:
        rows = store.maintenance.select()
    site, now_s = find_site(config), time.time()
    planned = [machine for machine in site.machines if site.is_in_planned_maintenance(machine, now_s)]
    if as_json:
        typer.echo(json.dumps({"by_hand": [asdict(row) for row in rows], "planned": planned}))
        return
    for row in rows:
        why = f": {row.note}" if row.note else ""
        typer.echo(f"{row.machine:<12}  until {local_time(row.end_s)} by {row.who}{why}")
    for machine in planned:
        typer.echo(f"{machine:<12}  by a window of the site file")
    typer.echo(f"{len(rows) + len(planned)} in maintenance", err=True)
