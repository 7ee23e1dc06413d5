"""Commands of the group `data`: simulated machines, public data sets, and what is wrong with a folder."""

from __future__ import annotations

import json
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from anomaly.cli import data_check, data_fetch

if TYPE_CHECKING:
    from collections.abc import Callable

    from anomaly.audio.simulator import Recipe
    from anomaly.audio.simulator.folders import Listening, Take


class Format(StrEnum):
    """File formats, both 16 bits."""

    wav = "wav"
    flac = "flac"


def register(app: typer.Typer) -> None:
    """Add the group to the application."""
    data = typer.Typer(
        no_args_is_help=True, help="Recordings: simulate machines, fetch public sets, check folders."
    )
    data.command("simulate")(simulate)
    data_check.register(data)
    data_fetch.register(data)
    app.add_typer(data, name="data")


def simulate(
    machine: Annotated[str | None, typer.Option(help="A simulated machine; --list names them.")] = None,
    recipe: Annotated[Path | None, typer.Option(help="A recipe of your own (YAML) instead.")] = None,
    minutes: Annotated[float, typer.Option(help="Minutes of sound.")] = 10.0,
    out: Annotated[Path | None, typer.Option(help="Folder to write to (default: data/<machine>).")] = None,
    clip_seconds: Annotated[
        float | None, typer.Option(help="Cut into clips this long; else a file per ten minutes.")
    ] = None,
    fault: Annotated[str | None, typer.Option(help="A fault of the machine; --list names them.")] = None,
    severity: Annotated[
        float | None,
        typer.Option(help="0 to 1: fault over normal is 20·log10(s) + 10 dB in the fault's bands."),
    ] = None,
    speed: Annotated[str | None, typer.Option(help="A state's name or rpm, for one steady speed.")] = None,
    states: Annotated[
        str | None, typer.Option(help="steady, cycle, or state:seconds,state:seconds,…")
    ] = None,
    snr_db: Annotated[float | None, typer.Option(help="Machine over factory background, in dB.")] = None,
    seed: Annotated[int, typer.Option(help="Another seed is the same machine at another time.")] = 0,
    machine_id: Annotated[int, typer.Option(help="Which machine of its kind.")] = 0,
    dataset: Annotated[
        bool,
        typer.Option("--dataset", help="A whole set: train/ and test/ with every fault at 0.1, 0.3 and 1."),
    ] = False,
    test_clips: Annotated[int, typer.Option(help="With --dataset: test clips per fault and severity.")] = 5,
    file_format: Annotated[Format, typer.Option("--format", help="File format.")] = Format.wav,
    force: Annotated[bool, typer.Option("--force", help="Replace files that are already there.")] = False,
    list_: Annotated[
        bool, typer.Option("--list", help="List machines, states and faults, and stop.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
) -> None:
    """Write the sound of a simulated machine, healthy or with a fault."""
    if list_:
        _list(machine, recipe, as_json)
        return
    from anomaly.audio.simulator import folders
    from anomaly.errors import UsageError
    from anomaly.workspace import data_dir

    made = _recipe(machine, recipe)
    if severity is not None and fault is None:
        raise UsageError(
            "a severity needs a fault", where="--severity", hint=f"faults: {', '.join(made.faults)}"
        )
    listening = folders.Listening(made, machine_id, _speed(speed), _states(states), snr_db)
    folder = data_dir() / made.machine if out is None else out
    suffix: folders.Format = "flac" if file_format is Format.flac else "wav"
    if dataset:
        if fault is not None:
            raise UsageError("--dataset holds every fault", where="--fault", hint="leave out one of the two")
        length = 10.0 if clip_seconds is None else clip_seconds
        takes = folders.plan_dataset(
            folder, made, minutes=minutes, clip_s=length, test_clips=test_clips, seed=seed, suffix=suffix
        )
    else:
        takes = folders.plan_recordings(
            folder, minutes=minutes, clip_s=clip_seconds, seed=seed, fault=fault,
            severity=1.0 if severity is None and fault is not None else severity or 0.0, suffix=suffix,
        )  # fmt: skip
    _write(folder, takes, listening, force, as_json)


def _recipe(machine: str | None, recipe: Path | None) -> Recipe:
    from anomaly.audio.simulator import load_recipe, recipe_names
    from anomaly.errors import UsageError

    if (machine is None) == (recipe is None):
        raise UsageError(
            "give --machine or --recipe" if machine is None else "give --machine or --recipe, not both",
            hint=f"machines: {', '.join(recipe_names())}",
        )
    return load_recipe(recipe if recipe is not None else str(machine))


def _speed(text: str | None) -> str | float | None:
    try:
        return None if text is None else float(text)
    except ValueError:
        return text


def _states(text: str | None) -> str | list[tuple[str, float]] | None:
    from anomaly.errors import UsageError

    if text is None or ":" not in text:
        return text
    visits: list[tuple[str, float]] = []
    for visit in text.split(","):
        name, _, seconds = visit.partition(":")
        try:
            visits.append((name.strip(), float(seconds)))
        except ValueError:
            raise UsageError(
                f"{visit!r} is not state:seconds",
                where="--states",
                hint="for example high:60,stopped:10,low:30",
            ) from None
    return visits


def _write(folder: Path, takes: list[Take], listening: Listening, force: bool, as_json: bool) -> None:
    from anomaly.audio.simulator import folders

    if not force:
        folders.refuse_existing(takes)
    show, stop = _progress(sum(len(take.paths) for take in takes))
    rows: list[dict[str, object]] = []
    try:
        for file in folders.write(takes, listening):
            about = {"fault": file.take.fault, "severity": file.take.severity, "seed": file.take.seed}
            rows.append({"path": str(file.path)} | about | {"states": file.states})
            show()
    finally:
        stop()
    seconds = sum(take.seconds for take in takes)
    if as_json:
        head = {
            "machine": listening.recipe.machine,
            "machine_id": listening.machine_id,
            "folder": str(folder),
        }
        print(json.dumps(head | {"seconds": seconds, "files": rows}))
    else:
        for row in rows:
            print(row["path"])
    print(f"{len(rows)} recordings, {seconds / 60:.1f} minutes of sound in {folder}", file=sys.stderr)


def _list(machine: str | None, recipe: Path | None, as_json: bool) -> None:
    from anomaly.audio.simulator import load_recipe, recipe_names

    chosen = (
        [_recipe(machine, recipe)] if machine or recipe else [load_recipe(name) for name in recipe_names()]
    )
    if as_json:
        rows = [
            {
                "machine": made.machine,
                "description": made.description,
                "states": made.speeds_rpm,
                "nominal": made.nominal,
                "faults": {
                    name: {"character": fault.character, "description": fault.description}
                    for name, fault in made.faults.items()
                },
            }
            for made in chosen
        ]
        print(json.dumps({"machines": rows}))
        return
    for made in chosen:
        states = ", ".join(f"{name} {rpm:g} rpm" for name, rpm in made.speeds_rpm.items() if rpm)
        print(f"{made.machine}: {made.description}\n  states: {states}; stopped\n  faults:")
        for name, fault in made.faults.items():
            print(f"    {name:<14}{fault.character:<11}{fault.description}")


def _progress(files: int) -> tuple[Callable[[], None], Callable[[], None]]:
    """What counts each file, and what ends it; nothing where stderr is no terminal."""
    if not sys.stderr.isatty():
        return lambda: None, lambda: None
    from rich.console import Console
    from rich.progress import Progress

    bar = Progress(console=Console(stderr=True), transient=True)
    task = bar.add_task("simulating", total=files)
    bar.start()
    return lambda: bar.advance(task), bar.stop
