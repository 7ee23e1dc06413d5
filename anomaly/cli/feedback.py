"""``anomaly feedback``."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from anomaly.cli.cases import CaseId, Note
from anomaly.cli.options import By, Config, Detector, Json, Models, State

_Normal = Annotated[bool, typer.Option("--normal", help="It was no fault: such sound raises no alarm again.")]
_Fault = Annotated[bool, typer.Option("--fault", help="It was one: its sound never counts as normal.")]


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command()(feedback)


def feedback(
    case: CaseId,
    normal: _Normal = False,
    fault: _Fault = False,
    by: By = None,
    note: Note = "",
    detector: Detector = None,
    models: Models = None,
    state: State = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Say what a case was. A false alarm makes a new version of the calibration; `calibrate --revert` undoes it."""
    import time

    from anomaly.cli.case_store import user_name
    from anomaly.cli.site_options import chosen_service, chosen_site
    from anomaly.errors import UsageError
    from anomaly.monitor.offline.feedback import record_feedback
    from anomaly.store.store import DATABASE_NAME, Store

    if normal == fault:
        raise UsageError("say what it was with --normal or --fault")
    folder = chosen_site(config, models, state).state_dir
    with Store.open(folder / DATABASE_NAME, create=False) as store:
        found = store.cases.find(case)
        if found.kind != "machine":
            raise UsageError("is a case of the microphone, not of the machine", where=f"case {found.id[:8]}")
        _, service = chosen_service(config, models, state, found.machine, detector)
        result = record_feedback(
            store, service, found, normal=normal, by=user_name(by), note=note, now_s=time.time()
        )
    if as_json:
        typer.echo(json.dumps(result.to_dict()))
    else:
        typer.echo(result.in_words())
