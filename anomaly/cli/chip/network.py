"""Shared arguments, input and output of the commands of the group `chip`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from anomaly.cli.option_rules import on_command_line

if TYPE_CHECKING:
    from chip.arch import ArchSpec
    from chip.network import Network
    from chip.nir import Declaration, NirImport

ResetName = Literal["zero", "subtract", "snntorch"]

NetworkFile = Annotated[Path, typer.Argument(metavar="NETWORK", help="A .npz, .json, .nir or .bit file.")]
Arch = Annotated[str, typer.Option(help="Name of a chip, or the path of its YAML specification.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
Spikes = Annotated[
    Path | None, typer.Option(help="Input spikes: .npy or .npz of step x stream x input; else random.")
]
Out = Annotated[Path | None, typer.Option(help="Folder to write the files into.")]


Dt = Annotated[
    float | None,
    typer.Option(
        metavar="SECONDS", help="How long a step is: --step-hz by another name; a NIR file leaves it open."
    ),
]
Reset = Annotated[
    Literal["zero", "subtract", "snntorch"],
    typer.Option(help="How the tool resets that the NIR file comes from; the chip subtracts."),
]
Lossy = Annotated[
    bool, typer.Option("--lossy", help="Accept a NIR file whose spikes the chip gives differently.")
]
StepHz = Annotated[
    float | None, typer.Option(min=1e-3, help="Steps a second, for energy and latency; else 125, or 1/--dt.")
]
DEFAULT_STEP_HZ = 125.0


@dataclass(frozen=True)
class LoadedNetwork:
    """Network file with the chip it is for.

    Args:
        arch: the chip.
        network: the network.
        imported: its import, if it came from NIR.
        step_hz: steps a second.
    """

    arch: ArchSpec
    network: Network
    imported: NirImport | None
    step_hz: float

    @property
    def origin(self) -> dict[str, Any]:
        """Import section of a report; nothing for a network whose integers the file holds."""
        from chip.nir import import_report

        if self.imported is None or self.imported.translation is None:
            return {}
        return {"import": import_report(self.imported)}


def load(
    context: typer.Context,
    network: Path,
    arch: str,
    *,
    dt: float | None = None,
    reset: ResetName = "zero",
    lossy: bool = False,
    step_hz: float | None = None,
    spikes: Path | None = None,
) -> LoadedNetwork:
    """Load the chip and the network; approximations of an import from NIR are reported on stderr.

    Raises:
        UsageError: options contradict each other or the file.
        FitError: an import from NIR would give other spikes, and ``lossy`` is not set.
    """
    from chip.arch import load_arch
    from chip.files import load_network

    _check_options(context, network, dt)
    spec = load_arch(arch)
    imported = None
    if network.suffix == ".nir":
        from chip.nir import read_nir
        from chip.sim.stimulus import load_spikes

        given = None if spikes is None else load_spikes(spikes)[:, 0]
        imported = read_nir(network, spec, dt_s=dt, reset=reset, lossy=lossy, spikes=given)
        _check_exact(context, imported)
        print_declarations(imported.declarations)
    loaded = load_network(network, spec) if imported is None else imported.network
    rate = _step_hz(dt, step_hz, imported)
    if rate * spec.step_s > 1:
        from anomaly.errors import UsageError

        option = "--dt" if step_hz is None else "--step-hz"
        raise UsageError(f"{spec.name} makes at most {1 / spec.step_s:g} steps a second", where=option)
    return LoadedNetwork(spec, loaded, imported, rate)


def _step_hz(dt: float | None, step_hz: float | None, imported: NirImport | None) -> float:
    if step_hz is not None:
        return step_hz
    if dt is not None:
        return 1 / dt
    return DEFAULT_STEP_HZ if imported is None else 1 / imported.dt_s


def _check_options(context: typer.Context, network: Path, dt: float | None) -> None:
    from anomaly.errors import UsageError

    if dt is not None and context.params.get("step_hz") is not None:
        message = "is the same thing as --step-hz, and both are given"
        raise UsageError(message, where="--dt", hint="leave out one of the two")
    if dt is not None and not 0 < dt < float("inf"):
        raise UsageError(f"is {dt:g}, not a time above 0", where="--dt", hint="in seconds, such as 1e-4")
    for option in ("--reset", "--lossy"):
        if on_command_line(context, option) and network.suffix != ".nir":
            raise UsageError(f"is about reading a .nir file, and NETWORK is {network}", where=option)


def _check_exact(context: typer.Context, imported: NirImport) -> None:
    from anomaly.errors import UsageError

    if imported.translation is None and on_command_line(context, "--reset"):
        message = "says nothing of a file that holds the integers of its network beside the nodes"
        raise UsageError(message, where="--reset", hint="anomaly chip convert --plain reads the nodes")


def print_declarations(declarations: Iterable[Declaration]) -> None:
    """Print the approximations of an import on stderr."""
    found = [declaration for declaration in declarations if not declaration.exact]
    for declaration in found:
        typer.echo(f"declared: {declaration}", err=True)
    if found:
        typer.echo("what that costs: anomaly chip convert NETWORK OUT.npz --measure", err=True)


def keep_inputs(written: Path, where: str, *read: Path | None) -> None:
    """Refuse to overwrite a file that the command reads.

    Args:
        written: file to write.
        where: option or argument that names it.
        read: files that the command reads.

    Raises:
        UsageError: it is one of them.
    """
    from anomaly.errors import UsageError

    for file in read:
        if file is not None and written.exists() and file.exists() and written.samefile(file):
            message = f"{written} would be written over, and it is what is read"
            raise UsageError(message, where=where, hint="give another name")


def write(folder: Path, files: Mapping[str, bytes | str]) -> None:
    """Write all files, or none; other files in the folder stay."""
    from anomaly.atomic import new_files, write_bytes

    with new_files(folder) as work:
        for name, content in files.items():
            write_bytes(work / name, content.encode() if isinstance(content, str) else content)


def in_json(content: dict[str, Any]) -> str:
    """Format a result as indented JSON."""
    import json

    return json.dumps(content, indent=2) + "\n"


def print_json(content: dict[str, Any]) -> None:
    """Print one JSON object on stdout."""
    typer.echo(in_json(content), nl=False)
