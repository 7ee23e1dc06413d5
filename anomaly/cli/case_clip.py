"""`anomaly cases clip` and `cases listeners`: sound clips of a case, and the log of access to them."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from anomaly.cli.case_store import open_reader, open_store, user_name
from anomaly.cli.option_rules import needs
from anomaly.cli.options import Config, Json, State

if TYPE_CHECKING:
    from anomaly.store.database.rows import AccessRow, ClipRow
    from anomaly.store.store import Store


def clip(
    context: typer.Context,
    case: Annotated[str, typer.Argument(metavar="CASE", help="Identifier, or its first digits.")],
    play: Annotated[bool, typer.Option("--play", help="Play the newest clip on this computer.")] = False,
    export: Annotated[
        Path | None, typer.Option("--export", metavar="FOLDER", help="Copy all clips of the case there.")
    ] = None,
    by: Annotated[str | None, typer.Option(help="Name of the listener (default: the user's name).")] = None,
    note: Annotated[str, typer.Option(help="Reason; kept in the log of access.")] = "",
    state: State = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """List the clips of a case and the access to them; play or copy clips, which is logged first."""
    from anomaly.errors import InputError, UsageError
    from anomaly.monitor.clips.access import ClipAccess
    from anomaly.store.cases.case import SHORT_ID
    from anomaly.store.clip_index import CLIPS_FOLDER

    if play and export is not None:
        raise UsageError("give --play or --export, not both")
    for option in ("--by", "--note"):
        needs(context, option, "--play", "--export")
    with open_store(state, config) as store:
        found = store.cases.find(case)
        clips = store.clips.select(case_id=found.id, removed=True)
        access = ClipAccess(store, store.path.parent / CLIPS_FOLDER, user_name(by), note)
        kept = [row for row in clips if row.removed_s is None]
        if (play or export is not None) and not kept:
            raise InputError(
                "no clip is kept", where=f"case {found.id[:SHORT_ID]}", hint="see site.yaml, clips:"
            )
        exported = [] if export is None else [str(access.export(row, export)) for row in kept]
        if play:
            access.play(kept[-1])
        _print(store, found.id, clips, exported, as_json)


def listeners(state: State = None, config: Config = None, as_json: Json = False) -> None:
    """List the access to clips of all cases with name, time and reason, the newest last."""
    from anomaly.readable import count
    from anomaly.store.cases.case import SHORT_ID
    from anomaly.store.page import iterate
    from anomaly.store.reader import PageRequest

    reader = open_reader(state, config)
    accesses = list(iterate(lambda cursor: reader.clip_accesses(PageRequest(cursor=cursor))))
    if as_json:
        typer.echo(json.dumps([asdict(access) for access in accesses]))
        return
    for access in accesses:
        typer.echo(f"case {access.case_id[:SHORT_ID]}  {_access_line(access)}")
    typer.echo(f"{count(len(accesses), 'access', 'accesses')} to clips", err=True)


def _access_line(access: AccessRow) -> str:
    from anomaly.readable import local_time
    from anomaly.store.cases.case import unix_s

    note = f": {access.note}" if access.note else ""
    return f"{access.clip_id}  {local_time(unix_s(access.time))}  {access.how} by {access.who}{note}"


def _print(store: Store, case_id: str, clips: list[ClipRow], exported: list[str], as_json: bool) -> None:
    from anomaly.readable import count, duration, local_time
    from anomaly.store.cases.case import iso_utc

    accesses = store.clips.accesses(case_id=case_id)
    if as_json:
        facts = {
            "case": case_id,
            "clips": [{**asdict(row), "begin": iso_utc(row.begin_s)} for row in clips],
            "accesses": [asdict(access) for access in accesses],
            "exported": exported,
        }
        typer.echo(json.dumps(facts))
        return
    for row in clips:
        folder = "removed" if row.removed_s is not None else row.folder
        begin = local_time(row.begin_s)
        typer.echo(f"{row.id}  {begin}  {duration(row.seconds):>7}  {row.content:<15}  {folder}")
    for path in exported:
        typer.echo(f"exported      {path}")
    for access in accesses:
        typer.echo(_access_line(access))
    typer.echo(count(len(clips), "clip"), err=True)
