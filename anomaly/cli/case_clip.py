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
    from anomaly.store.rows import AccessRow, ClipRow
    from anomaly.store.store import Store


def clip(
    context: typer.Context,
    case: Annotated[str, typer.Argument(metavar="CASE", help="Identifier, or its first digits.")],
    play: Annotated[bool, typer.Option("--play", help="Play the newest clip on this computer.")] = False,
    export: Annotated[
        Path | None, typer.Option("--export", metavar="FOLDER", help="Copy all clips of the case there.")
    ] = None,
    by: Annotated[str | None, typer.Option(help="Who listens (default: the user's name).")] = None,
    note: Annotated[str, typer.Option(help="Why; kept with the log of who listened.")] = "",
    state: State = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """List the clips of a case and who has listened; play or copy them, which is noted first."""
    from anomaly.errors import InputError, UsageError
    from anomaly.monitor.clips.access import ClipAccess
    from anomaly.monitor.clips.recorder import FOLDER

    if play and export is not None:
        raise UsageError("give --play or --export, not both")
    for option in ("--by", "--note"):
        needs(context, option, "--play", "--export")
    with open_store(state, config) as store:
        found = store.cases.find(case)
        clips = store.clips.select(case_id=found.id, removed=True)
        desk = ClipAccess(store, store.path.parent / FOLDER, user_name(by), note)
        kept = [one for one in clips if one.removed_s is None]
        if (play or export is not None) and not kept:
            raise InputError("no clip is kept", where=f"case {found.id[:8]}", hint="see site.yaml, clips:")
        exported = [] if export is None else [str(desk.export(one, export)) for one in kept]
        if play:
            desk.play(kept[-1])
        _show(store, found.id, clips, exported, as_json)


def listeners(state: State = None, config: Config = None, as_json: Json = False) -> None:
    """List who has listened to which clip, when and why, over all cases; the newest last."""
    from anomaly.store.case import SHORT_ID
    from anomaly.store.page import iterate
    from anomaly.store.reader import PageRequest

    reader = open_reader(state, config)
    accesses = list(iterate(lambda cursor: reader.clip_accesses(PageRequest(cursor=cursor))))
    if as_json:
        typer.echo(json.dumps([asdict(access) for access in accesses]))
        return
    for access in accesses:
        typer.echo(f"case {access.case_id[:SHORT_ID]}  {_words(access)}")
    typer.echo(f"listened to {len(accesses)} time{'' if len(accesses) == 1 else 's'}", err=True)


def _words(access: AccessRow) -> str:
    why = f": {access.note}" if access.note else ""
    return f"{access.clip_id}  {access.time}  {access.how} by {access.who}{why}"


def _show(store: Store, case_id: str, clips: list[ClipRow], exported: list[str], as_json: bool) -> None:
    from anomaly.store.case import iso_utc

    accesses = store.clips.accesses(case_id=case_id)
    if as_json:
        rows = [{**asdict(one), "begin": iso_utc(one.begin_s)} for one in clips]
        typer.echo(
            json.dumps(
                {
                    "case": case_id,
                    "clips": rows,
                    "accesses": [asdict(a) for a in accesses],
                    "exported": exported,
                }
            )
        )
        return
    for one in clips:
        where = "removed" if one.removed_s is not None else one.folder
        typer.echo(f"{one.id}  {iso_utc(one.begin_s)}  {one.seconds:5.1f} s  {one.content:<15}  {where}")
    for path in exported:
        typer.echo(f"exported      {path}")
    for access in accesses:
        typer.echo(_words(access))
    typer.echo(f"{len(clips)} clip{'' if len(clips) == 1 else 's'}", err=True)
