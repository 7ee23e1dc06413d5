"""Commands by which people change a case: acknowledge, assign, comment, shelve, close."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from anomaly.cli.case_store import open_store, user_name
from anomaly.cli.options import By, Config, Json, State

if TYPE_CHECKING:
    from anomaly.store.cases.case import Case

CaseId = Annotated[str, typer.Argument(metavar="CASE", help="Identifier, or its first digits.")]
Note = Annotated[str, typer.Option(help="Why; kept with the case.")]
_For = Annotated[str, typer.Option("--for", metavar="TIME", help="30m, 8h, 2d (at most 30d); 0s ends it.")]
_Finding = Annotated[
    str | None, typer.Option("--finding", help="Cause that was found, such as outer-race, other or none.")
]
_Rebaseline = Annotated[
    bool,
    typer.Option(
        "--rebaseline",
        help="The machine sounds different from now on: in a day the monitor calibrates on the sound since.",
    ),
]


def register(cases: typer.Typer) -> None:
    """Add the commands to the group."""
    for command in (ack, assign, comment, work, close, shelve, unshelve, silence):
        cases.command(command.__name__, hidden=command is silence)(command)


def ack(
    case: CaseId,
    by: By = None,
    note: Note = "",
    state: State = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Acknowledge a case. One whose sound is normal again is closed by that."""
    with open_store(state, config) as store:
        print_case(store.cases.acknowledge(case, user_name(by), note), as_json)


def assign(
    case: CaseId,
    to: Annotated[str, typer.Option("--to", metavar="NAME", help="Person or team; '' for nobody.")],
    by: By = None,
    note: Note = "",
    state: State = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Put a case into somebody's hands."""
    with open_store(state, config) as store:
        print_case(store.cases.assign(case, to, user_name(by), note), as_json)


def comment(
    case: CaseId,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="The comment.")],
    by: By = None,
    state: State = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Add a comment to the history of a case, also of a closed one."""
    with open_store(state, config) as store:
        print_case(store.cases.comment(case, text, user_name(by)), as_json)


def close(
    case: CaseId,
    finding: _Finding = None,
    action: Annotated[str, typer.Option("--action", help="What was done, such as replaced.")] = "",
    rebaseline: _Rebaseline = False,
    by: By = None,
    note: Note = "",
    state: State = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """End a case. If the machine still sounds wrong, the monitor opens a new one at once."""
    with open_store(state, config) as store:
        closed = store.cases.close(
            case,
            by=user_name(by),
            note=note,
            finding=finding,
            action=action,
            rebaseline=rebaseline,
            only_open=True,
        )
    print_case(closed, as_json)
    if rebaseline:
        typer.echo(
            "drift is measured from here; in a day a running monitor calibrates on the normal sound since."
            f" To do it yourself: anomaly calibrate --machine {closed.machine} --since 1d --replace",
            err=True,
        )


def work(
    case: CaseId,
    action: Annotated[str, typer.Option("--action", help="What was done, such as 'belt replaced'.")],
    finding: _Finding = None,
    order: Annotated[str, typer.Option("--order", help="Number of the work order.")] = "",
    by: By = None,
    note: Note = "",
    state: State = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Report work that was done, also on a closed case. The case stays in its state."""
    with open_store(state, config) as store:
        changed = store.cases.report_work(
            case, action, user_name(by), note=note, finding=finding, order=order
        )
    print_case(changed, as_json)


def shelve(
    case: CaseId,
    span: _For,
    by: By = None,
    note: Note = "",
    state: State = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Hold back the messages about a case for some time; if it is still open then, it is notified again."""
    from anomaly.alerts.duration import duration_s

    for_s = duration_s(span)
    with open_store(state, config) as store:
        print_case(store.cases.shelve(case, for_s, user_name(by), note), as_json)


def silence(
    case: CaseId,
    span: _For,
    by: By = None,
    note: Note = "",
    state: State = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Do the same as `shelve`: the word of earlier versions."""
    shelve(case, span, by, note, state, config, as_json)


def unshelve(
    case: CaseId,
    by: By = None,
    note: Note = "",
    state: State = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Send the messages about a case again."""
    with open_store(state, config) as store:
        print_case(store.cases.unshelve(case, user_name(by), note), as_json)


def print_case(case: Case, as_json: bool) -> None:
    """Print a case as one line, or as JSON."""
    typer.echo(json.dumps(case.to_dict()) if as_json else case_line(case))


def case_line(case: Case) -> str:
    """Return a case as one line of a list."""
    from anomaly.readable import local_time, significant
    from anomaly.store.cases.case import SEVERITIES, SHORT_ID, unix_s

    score = "-" if case.peak_score is None else significant(case.peak_score)
    extra = [f"assigned to {case.assigned_to}"] if case.assigned_to and case.is_open else []
    if case.silenced_until and case.is_open:
        extra.append(f"shelved until {local_time(unix_s(case.silenced_until))}")
    told = f" ({'; '.join(extra)})" if extra else ""
    return (
        f"{case.id[:SHORT_ID]}  {local_time(unix_s(case.opened_at))}  {case.machine:<12}  {case.kind:<7}"
        f"  {case.state:<23}  {SEVERITIES[case.severity - 1]:<6}  {case.urgency:>2}  {score:>6}  {case.summary}{told}"
    )
