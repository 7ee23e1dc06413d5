"""Command `data fetch`: recordings of a machine from a public data set."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from anomaly.cli.option_rules import excludes

if TYPE_CHECKING:
    from anomaly.archive.datasets.catalogue import PublicSet
    from anomaly.archive.datasets.download import Report
    from anomaly.archive.datasets.fetch_plan import FetchPlan


def register(data: typer.Typer) -> None:
    """Add the command to the group ``data``."""
    data.command("fetch")(fetch)


def fetch(
    context: typer.Context,
    data_set: Annotated[str | None, typer.Argument(help="A public data set; --list names them.")] = None,
    machine: Annotated[str | None, typer.Option(help="A machine of the data set.")] = None,
    data: Annotated[
        Path | None, typer.Option(help="Folder that holds the machines' folders [default: data].")
    ] = None,
    name: Annotated[
        str | None, typer.Option("--as", help="Name of the new folder [default: <data set>-<machine>].")
    ] = None,
    list_: Annotated[
        bool, typer.Option("--list", help="List data sets, or the files of one, and stop.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before downloading.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
) -> None:
    """Download recordings of one machine from a public data set, and unpack them for training.

    What is downloaded is checked against the size and checksum that Zenodo publishes. A download that was
    interrupted goes on where it stopped. ANOMALY_ZENODO names a mirror.
    """
    excludes(context, "--list", "--machine", "--data", "--as", "--yes")
    if list_:
        _list(data_set, as_json)
        return
    from anomaly.archive.datasets import fetch as fetching
    from anomaly.archive.datasets.fetch_plan import plan_fetch
    from anomaly.archive.datasets.remote import Remote
    from anomaly.errors import UsageError
    from anomaly.workspace import data_dir

    data_set, machine = _checked_arguments(data_set, machine)
    with Remote(on_retry=lambda line: print(line, file=sys.stderr)) as remote:
        plan = plan_fetch(data_set, machine, remote, data=data_dir(data), name=name)
        already = plan.here
        if not already:
            fetching.refuse_other_folder(plan)
            _announce(plan)
            if not yes and not sys.stdin.isatty():
                raise UsageError(
                    "there is no terminal to ask on", hint="say --yes to download what is listed above"
                )
            if not (yes or _agreed()):
                print("nothing was downloaded", file=sys.stderr)
                return
        with _progress() as report:
            recordings = fetching.fetch(plan, remote, report)
    _report(plan, recordings, already, as_json, data)


def _checked_arguments(data_set: str | None, machine: str | None) -> tuple[str, str]:
    from anomaly.archive.datasets.catalogue import catalogue
    from anomaly.errors import UsageError

    if data_set is None:
        raise UsageError("say which data set", hint=f"data sets: {', '.join(catalogue().data_sets)}")
    machines = catalogue().data_set(data_set).machines
    if machine is None:
        raise UsageError("say which machine with --machine", hint=f"machines: {', '.join(machines)}")
    return data_set, machine


def _agreed() -> bool:
    """Ask on stderr: stdout is for the folder's name."""
    print("Download? [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _announce(plan: FetchPlan) -> None:
    """Print on stderr what will be downloaded."""
    from anomaly.text_table import aligned

    held = f", {_size(plan.held_bytes)} of it already here" if plan.held_bytes else ""
    print(f"{plan.about.title}: {plan.machine}", file=sys.stderr)
    rows = [(f"  {file.name}", _size(file.size_bytes), file.url) for file in plan.files]
    about = [
        f"  to download: {_size(plan.size_bytes)}{held}",
        f"  from:        {', '.join(plan.pages)}",
        f"  licence:     {plan.licence}",
        f"  please cite: {plan.about.citation}",
        *([f"  note:        {plan.about.note}"] if plan.about.note else []),
        f"  into:        {plan.folder}",
    ]
    print(aligned([("  file", "size", "address"), *rows]) + "\n".join(about), file=sys.stderr)


def _report(plan: FetchPlan, recordings: int, already: bool, as_json: bool, data: Path | None) -> None:
    """Print the folder on stdout, and on stderr how to use it."""
    if as_json:
        head = {"folder": str(plan.folder), "recordings": recordings, "already_here": already}
        print(json.dumps(head | plan.as_json()))
    else:
        print(plan.folder)
    if plan.about.packed != "zip":
        print(f"left packed: unpack with `7z x {plan.folder / plan.files[0].name}`", file=sys.stderr)
        return
    if plan.about.layout == "none":
        print(f"in {plan.folder}, as published: {plan.about.note or 'see its pages'}", file=sys.stderr)
        return
    where = "" if data is None else f" --data {plan.folder}"
    been = " (it was here already)" if already else ""
    print(
        f"{recordings} recordings in {plan.folder}{been}; "
        f"train with `anomaly train --machine {plan.folder.name}{where}`",
        file=sys.stderr,
    )


def _list(data_set: str | None, as_json: bool) -> None:
    from anomaly.archive.datasets.catalogue import catalogue
    from anomaly.text_table import NOTHING, print_table

    every = catalogue().data_sets
    chosen = every if data_set is None else {data_set: catalogue().data_set(data_set)}
    if as_json:
        rows = [{"name": name} | about.model_dump(mode="json") for name, about in chosen.items()]
        print(json.dumps({"data_sets": rows}))
    elif data_set is None:
        head = ("data set", "size", "licence", "machines", "title")
        print_table(head, [_row(name, about) for name, about in chosen.items()])
        print(
            f"{NOTHING}: not in the catalogue; read from Zenodo's record before a download", file=sys.stderr
        )
    else:
        files = [(machine, file) for machine, some in chosen[data_set].machines.items() for file in some]
        cells = [(m, f.name, _size(f.size_bytes), str(f.record), f.md5 or NOTHING) for m, f in files]
        print_table(("machine", "file", "size", "record", "md5"), cells)


def _row(name: str, about: PublicSet) -> tuple[str, ...]:
    from anomaly.text_table import NOTHING

    sizes = [file.size_bytes for files in about.machines.values() for file in files]
    known = [size for size in sizes if size is not None]
    total = _size(sum(known)) if len(known) == len(sizes) else NOTHING
    return name, total, about.licence or NOTHING, ", ".join(about.machines), about.title


def _size(size_bytes: int | None) -> str:
    from anomaly.text_table import NOTHING

    if size_bytes is None:
        return NOTHING
    return f"{size_bytes / 1e9:.2f} GB" if size_bytes >= 1e7 else f"{size_bytes / 1e3:.1f} kB"


@contextmanager
def _progress() -> Iterator[Report]:
    """Yield a function that shows bytes, rate and time left; it does nothing where stderr is no terminal."""
    if not sys.stderr.isatty():
        yield lambda doing, done, of: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
    from rich.progress import TransferSpeedColumn as Speed

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        Speed(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        tasks: dict[str, TaskID] = {}

        def report(doing: str, done: int, of: int) -> None:
            if doing not in tasks:
                tasks[doing] = progress.add_task(doing, total=of)
            progress.update(tasks[doing], completed=done, total=of)

        yield report
