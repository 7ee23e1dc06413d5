"""Commands of the groups `cases` and `alerts`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from anomaly.cli import alert_queue, case_actions
from anomaly.cli.case_actions import CaseId, case_line
from anomaly.cli.case_clip import clip, listeners
from anomaly.cli.case_store import check_machine, open_reader
from anomaly.cli.option_rules import repeated
from anomaly.cli.options import Config, Json, State
from anomaly.cli.payload_schema import payload_schema

if TYPE_CHECKING:
    from anomaly.store.cases.case import Case
    from anomaly.store.database.rows import EventRow


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    cases = typer.Typer(
        no_args_is_help=True, help="Alarms as cases: list, show, acknowledge, assign, shelve, close."
    )
    cases.command("list")(list_)
    cases.command("show")(show)
    cases.command("export")(export)
    case_actions.register(cases)
    cases.command("clip")(clip)
    cases.command("listeners")(listeners)
    app.add_typer(cases, name="cases")
    alerts = typer.Typer(no_args_is_help=True, help="The ways in which alerts leave.")
    alerts.command("test")(deliver_test)
    alerts.command("kinds")(kinds)
    alerts.command("schema")(payload_schema)
    alert_queue.register(alerts)
    app.add_typer(alerts, name="alerts")


def list_(
    everything: Annotated[bool, typer.Option("--all", help="Closed cases too.")] = False,
    machine: Annotated[str | None, typer.Option(help="Of this machine only.")] = None,
    state: State = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """List open cases, the most urgent first, of the same urgency the newest."""
    cases = _cases(everything, machine, state, config)
    if as_json:
        typer.echo(json.dumps([case.to_dict() for case in cases]))
        return
    for case in cases:
        typer.echo(case_line(case))
    typer.echo(f"{len(cases)} {'' if everything else 'open '}case{'' if len(cases) == 1 else 's'}", err=True)


def _cases(everything: bool, machine: str | None, state: Path | None, config: Path | None) -> list[Case]:
    """Return cases in the order of lists: the open ones first, the most urgent before others, then the newest."""
    from anomaly.store.page import iterate
    from anomaly.store.reader import PageRequest

    reader = open_reader(state, config)
    if machine is not None:
        check_machine(machine, reader, config)
    cases = list(
        iterate(
            lambda cursor: reader.cases(
                PageRequest(machine=machine, newest_first=True, cursor=cursor), open_only=not everything
            )
        )
    )
    return sorted(cases, key=lambda case: (not case.is_open, -case.urgency))


def export(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="It ends in .csv or .xlsx.")],
    everything: Annotated[bool, typer.Option("--all", help="Closed cases too.")] = False,
    machine: Annotated[str | None, typer.Option(help="Of this machine only.")] = None,
    state: State = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Write cases to a table for spreadsheets, in the order of `list`."""
    from anomaly.alerts.case_export import to_csv, to_xlsx
    from anomaly.atomic import write_bytes
    from anomaly.errors import UsageError

    writers = {".csv": to_csv, ".xlsx": to_xlsx}
    writer = writers.get(file.suffix.lower())
    if writer is None:
        raise UsageError(
            f"{file.suffix or 'a name without an ending'} is no format of tables",
            where=file,
            hint=f"name a file that ends in {' or '.join(writers)}",
        )
    cases = _cases(everything, machine, state, config)
    write_bytes(file, writer(cases))
    if as_json:
        typer.echo(json.dumps({"file": str(file), "cases": len(cases)}))
    else:
        typer.echo(f"{file}: {len(cases)} cases", err=True)


def show(
    context: typer.Context, case: CaseId, state: State = None, config: Config = None, as_json: Json = False
) -> None:
    """Show a case: what, since when, how bad, where in the spectrum, what to do, and its history."""
    import time

    from anomaly.alerts.case_card import case_card
    from anomaly.store.page import iterate
    from anomaly.store.reader import PageRequest

    reader = open_reader(state, config)
    found = reader.case(case)
    events = list(iterate(lambda cursor: reader.events(PageRequest(cursor=cursor), case_id=found.id)))
    if as_json:
        typer.echo(json.dumps(found.to_dict() | {"events": [_event(event) for event in events]}))
        return
    for line in case_card(found, events, time.time(), repeated(context, "--state", "--config")):
        typer.echo(line)


def kinds(as_json: Json = False) -> None:
    """List the kinds of sinks that are installed, with the package that brings each."""
    from dataclasses import asdict

    from anomaly.alerts.sinks import installed_kinds

    found = installed_kinds()
    if as_json:
        typer.echo(json.dumps([asdict(kind) for kind in found]))
        return
    for kind in found:
        typer.echo(f"{kind.name:<12}  {kind.package:<20}  {kind.description}")


def deliver_test(
    sink: Annotated[str, typer.Argument(metavar="SINK", help="Its name in the site file.")],
    machine: Annotated[str, typer.Option(help="Machine that the test message names.")] = "test",
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Send a test message to a sink now, and show the receiver's answer; exit 7 if it does not confirm it."""
    import time

    from anomaly.alerts import AlertMessage, build_sink, iso_utc
    from anomaly.alerts.sinks import AnsweringSink, SinkError
    from anomaly.config import find_site

    message = AlertMessage("test", machine, iso_utc(time.time()))
    target = build_sink(find_site(config), sink, test_only=True)
    try:
        target.deliver(message)
    except SinkError as error:
        error.hint = error.hint or "check the sink's section of the site file, and the other side"
        raise
    finally:
        target.close()
    answer = target.last_answer if isinstance(target, AnsweringSink) else ""
    if as_json:
        found = {"sink": sink, "delivered": True, "answer": answer, "message": message.to_dict()}
        typer.echo(json.dumps(found))
    else:
        typer.echo(f"{sink}: confirmed message {message.id}{f': {answer}' if answer else ''}", err=True)


def _event(event: EventRow) -> dict[str, Any]:
    return {"time": event.time, "event": event.event, "detail": dict(event.detail)}
