"""`anomaly feedback`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from anomaly.cli.case_actions import CaseId, Note
from anomaly.cli.option_rules import repeated
from anomaly.cli.options import SAME_PLACE, By, Config, Details, Detector, Json, Models, State

if TYPE_CHECKING:
    from anomaly.store.cases.case import Case

_Normal = Annotated[bool, typer.Option("--normal", help="It was no fault: such sound raises no alarm again.")]
_Fault = Annotated[bool, typer.Option("--fault", help="It was a fault: its sound never counts as normal.")]
_Finding = Annotated[
    str | None,
    typer.Option("--finding", help="The cause, such as outer-race; implies --fault, and names later cases."),
]


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command()(feedback)


def feedback(
    context: typer.Context,
    case: CaseId,
    normal: _Normal = False,
    fault: _Fault = False,
    finding: _Finding = None,
    by: By = None,
    note: Note = "",
    detector: Detector = None,
    models: Models = None,
    state: State = None,
    config: Config = None,
    details: Details = False,
    as_json: Json = False,
) -> None:
    """Report the outcome of a case: a false alarm makes a new calibration, `calibrate --revert` undoes it."""
    import time

    from anomaly.cli.case_store import user_name
    from anomaly.cli.site_options import calibrated_detector, chosen_site
    from anomaly.errors import UsageError
    from anomaly.fault_families import checked_finding
    from anomaly.monitor.offline.feedback import record_feedback
    from anomaly.monitor.offline.finding_example import learn_example
    from anomaly.monitor.offline.reporting.feedback_text import feedback_text
    from anomaly.monitor.offline.stop_feedback import confirm_stop, is_unlearned_stop
    from anomaly.store.clip_index import CLIPS_FOLDER
    from anomaly.store.store import DATABASE_NAME, Store

    cause = None if finding is None else checked_finding(finding)
    fault = fault or cause is not None
    if normal == fault:
        raise UsageError("give --normal or --fault")
    folder = chosen_site(config, models, state).state_dir
    with Store.open(folder / DATABASE_NAME, create=False) as store:
        found = store.cases.find(case)
        if normal and is_unlearned_stop(found):
            stop = confirm_stop(store, folder, found, by=user_name(by), note=note, now_s=time.time())
            typer.echo(json.dumps(stop.to_dict()) if as_json else "\n".join(stop.text()))
            return
        _check_kind(found)
        _, calibrated = calibrated_detector(config, models, state, found.machine, detector)
        before = calibrated.version_in_use
        who, now_s = user_name(by), time.time()
        result = record_feedback(
            store, calibrated, found, folder / CLIPS_FOLDER, normal=normal, by=who, note=note, now_s=now_s
        )
        examples = None if cause is None else learn_example(folder, found, cause)
    if as_json:
        added = {} if cause is None else {"finding": cause, "examples": examples}
        typer.echo(json.dumps(result.to_dict() | added))
        return
    number_before = 0 if before is None else before.number
    same = repeated(context, *SAME_PLACE, "--detector")
    lines = feedback_text(result, found.machine, number_before, options=same, details=details)
    typer.echo("\n".join(lines))
    if cause is not None:
        typer.echo(_example_text(cause, examples))


def _example_text(cause: str, examples: int | None) -> str:
    from anomaly.readable import count

    if examples is None:
        return f"{cause} is not learned: the case has no explanation with enough sound before the alarm."
    return f"{cause} is learned from it: {count(examples, 'example')} name cases of this machine from now on."


def _check_kind(case: Case) -> None:
    from anomaly.errors import UsageError
    from anomaly.store.cases.case import SHORT_ID

    if case.kind != "machine":
        raise UsageError(
            "is a case of the microphone, not of the machine",
            where=f"case {case.id[:SHORT_ID]}",
            hint=f"it closes when the microphone is in order again, or by `anomaly cases close {case.id[:SHORT_ID]}`",
        )
