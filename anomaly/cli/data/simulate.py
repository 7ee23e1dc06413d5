"""Command `data simulate`: recordings of a simulated machine, or a whole set of them."""

from __future__ import annotations

import json
import sys
from contextlib import closing, contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from anomaly.cli.data.simulated_machines import print_machines
from anomaly.cli.option_rules import excludes, needs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from anomaly.audio.simulator import Recipe, datasets
    from anomaly.audio.simulator.datasets import Take, TakeSettings


class OutputFormat(StrEnum):
    """File formats, both 16 bits."""

    wav = "wav"
    flac = "flac"


_Machine = Annotated[str | None, typer.Option("--machine", help="A simulated machine; --list names them.")]
_Recipe = Annotated[Path | None, typer.Option("--recipe", help="A recipe of your own (YAML) instead.")]
_Minutes = Annotated[float, typer.Option("--minutes", help="Minutes of sound.")]
_Out = Annotated[Path | None, typer.Option("--out", help="Folder to write to (default: data/<machine>).")]
_ClipSeconds = Annotated[
    float | None,
    typer.Option("--clip-seconds", help="Cut into clips this long; else a file per ten minutes."),
]
_Fault = Annotated[str | None, typer.Option("--fault", help="A fault of the machine; --list names them.")]
_Severity = Annotated[
    float | None,
    typer.Option("--severity", help="0 to 1: fault over normal is 20·log10(s) + 10 dB in the fault's bands."),
]
_Speed = Annotated[str | None, typer.Option("--speed", help="A state's name or rpm, for one steady speed.")]
_States = Annotated[
    str | None, typer.Option("--states", help="steady, cycle, or state:seconds,state:seconds,…")
]
_SnrDb = Annotated[float | None, typer.Option("--snr-db", help="Machine over factory background, in dB.")]
_Seed = Annotated[int, typer.Option("--seed", help="Another seed is the same machine at another time.")]
_MachineId = Annotated[int, typer.Option("--machine-id", help="Which machine of its kind.")]
_Dataset = Annotated[
    bool,
    typer.Option("--dataset", help="A whole set: train/ and test/ with every fault at 0.1, 0.3 and 1."),
]
_TestClips = Annotated[
    int, typer.Option("--test-clips", help="With --dataset: test clips per fault and severity.")
]
_Format = Annotated[OutputFormat, typer.Option("--format", help="File format.")]
_Force = Annotated[bool, typer.Option("--force", help="Replace files that are already there.")]
_List = Annotated[bool, typer.Option("--list", help="List machines, states and faults, and stop.")]
_Json = Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")]


# Arguments of the simulator, and the options that set them.
_OPTIONS = {
    "seconds": "--minutes",
    "fault": "--fault",
    "severity": "--severity",
    "speed": "--speed",
    "states": "--states",
    "snr_db": "--snr-db",
    "seed": "--seed",
    "machine_id": "--machine-id",
}
_OF_WRITING = ("--minutes", "--out", "--clip-seconds", "--dataset", "--test-clips", "--format", "--force")


def register(data: typer.Typer) -> None:
    """Add the command to the group ``data``."""
    data.command("simulate")(simulate)


def simulate(
    context: typer.Context,
    machine: _Machine = None,
    recipe: _Recipe = None,
    minutes: _Minutes = 10.0,
    out: _Out = None,
    clip_seconds: _ClipSeconds = None,
    fault: _Fault = None,
    severity: _Severity = None,
    speed: _Speed = None,
    states: _States = None,
    snr_db: _SnrDb = None,
    seed: _Seed = 0,
    machine_id: _MachineId = 0,
    dataset: _Dataset = False,
    test_clips: _TestClips = 5,
    file_format: _Format = OutputFormat.wav,
    force: _Force = False,
    list_: _List = False,
    as_json: _Json = False,
) -> None:
    """Write the sound of a simulated machine, healthy or with a fault."""
    excludes(context, "--list", *_OF_WRITING, *(o for o in _OPTIONS.values() if o not in _OF_WRITING))
    needs(context, "--test-clips", "--dataset")
    if list_:
        print_machines(_listed(machine, recipe), as_json)
        return
    from anomaly.audio.simulator.datasets import TakeSettings
    from anomaly.workspace import data_dir

    with _options_named():
        loaded = _recipe(machine, recipe)
        _check_fault(loaded, fault, severity, dataset)
        settings = TakeSettings(loaded, machine_id, _speed(speed), _states(states), snr_db)
        folder = data_dir() / loaded.machine if out is None else out
        plan = _Plan(folder, minutes, clip_seconds, seed, file_format)
        takes = plan.dataset(loaded, test_clips) if dataset else plan.recordings(fault, severity)
        _write(folder, takes, settings, force, as_json)


@contextmanager
def _options_named() -> Iterator[None]:
    """Name the option in errors that the simulator raises about its arguments."""
    from anomaly.errors import UsageError

    try:
        yield
    except UsageError as error:
        error.where = _OPTIONS.get(error.where or "", error.where)
        raise


def _check_fault(recipe: Recipe, fault: str | None, severity: float | None, dataset: bool) -> None:
    from anomaly.errors import UsageError

    if severity is not None and fault is None:
        faults = ", ".join(recipe.faults)
        raise UsageError("a severity needs a fault", where="--severity", hint=f"faults: {faults}")
    if dataset and fault is not None:
        raise UsageError("--dataset holds every fault", where="--fault", hint="leave out one of the two")


@dataclass(frozen=True)
class _Plan:
    """Files to be written, of any simulated machine."""

    folder: Path
    minutes: float
    clip_s: float | None
    seed: int
    file_format: OutputFormat

    def dataset(self, recipe: Recipe, test_clips: int) -> list[Take]:
        """Plan a whole data set; its clips last ten seconds by default."""
        from anomaly.audio.simulator import datasets

        clip_s = 10.0 if self.clip_s is None else self.clip_s
        return datasets.plan_dataset(
            self.folder, recipe, minutes=self.minutes, clip_s=clip_s, test_clips=test_clips, seed=self.seed,
            suffix=self._suffix,
        )  # fmt: skip

    def recordings(self, fault: str | None, severity: float | None) -> list[Take]:
        """Plan recordings of normal sound, or of a fault, of severity 1 by default."""
        from anomaly.audio.simulator import datasets

        default = 0.0 if fault is None else 1.0
        return datasets.plan_recordings(
            self.folder, minutes=self.minutes, clip_s=self.clip_s, seed=self.seed, fault=fault,
            severity=default if severity is None else severity, suffix=self._suffix,
        )  # fmt: skip

    @property
    def _suffix(self) -> datasets.AudioFileFormat:
        return "flac" if self.file_format is OutputFormat.flac else "wav"


def _recipe(machine: str | None, recipe: Path | None) -> Recipe:
    from anomaly.audio.simulator import load_recipe, recipe_names
    from anomaly.errors import UsageError

    if (machine is None) == (recipe is None):
        raise UsageError(
            "give --machine or --recipe" if machine is None else "give --machine or --recipe, not both",
            hint=f"machines: {', '.join(recipe_names())}",
        )
    return load_recipe(recipe if recipe is not None else str(machine))


def _listed(machine: str | None, recipe: Path | None) -> list[Recipe]:
    from anomaly.audio.simulator import load_recipe, recipe_names

    return [_recipe(machine, recipe)] if machine or recipe else [load_recipe(name) for name in recipe_names()]


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


def _write(folder: Path, takes: list[Take], settings: TakeSettings, force: bool, as_json: bool) -> None:
    from anomaly.audio.simulator import datasets

    if not force:
        datasets.refuse_existing(takes)
    show, stop = _progress(sum(len(take.paths) for take in takes))
    rows: list[dict[str, object]] = []
    try:
        # Closed at once on an interruption, so that unfinished files are removed.
        with closing(datasets.write(folder, takes, settings)) as files:
            for file in files:
                about = {"fault": file.take.fault, "severity": file.take.severity, "seed": file.take.seed}
                rows.append({"path": str(file.path)} | about | {"states": file.states})
                show()
    finally:
        stop()
    seconds = sum(take.seconds for take in takes)
    if as_json:
        head = {
            "machine": settings.recipe.machine,
            "machine_id": settings.machine_id,
            "folder": str(folder),
        }
        print(json.dumps(head | {"seconds": seconds, "files": rows}))
    else:
        for row in rows:
            print(row["path"])
    from anomaly.readable import count

    print(
        f"{count(len(rows), 'recording')}, {seconds / 60:.1f} minutes of sound in {folder}", file=sys.stderr
    )


def _progress(files: int) -> tuple[Callable[[], None], Callable[[], None]]:
    """Return a function that counts a file, and one that ends the bar; both do nothing without a terminal."""
    if not sys.stderr.isatty():
        return lambda: None, lambda: None
    from rich.console import Console
    from rich.progress import Progress

    bar = Progress(console=Console(stderr=True), transient=True)
    task = bar.add_task("simulating", total=files)
    bar.start()
    return lambda: bar.advance(task), bar.stop
