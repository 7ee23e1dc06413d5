"""Shared arguments, input and output of the commands of the group `chip`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from chip.arch import ArchSpec
    from chip.network import Network
    from chip.nir import Declaration

NetworkFile = Annotated[Path, typer.Argument(metavar="NETWORK", help="A .npz, .json, .nir or .bit file.")]
Arch = Annotated[str, typer.Option(help="Name of a chip, or the path of its YAML specification.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
Spikes = Annotated[
    Path | None, typer.Option(help="Input spikes: .npy or .npz of step x stream x input; else random.")
]
Out = Annotated[Path | None, typer.Option(help="Folder to write the files into.")]


def load(network: Path, arch: str) -> tuple[ArchSpec, Network]:
    """Load the chip and the network; approximations of an import from NIR are reported on stderr."""
    from chip.arch import load_arch
    from chip.files import load_network

    spec = load_arch(arch)
    if network.suffix == ".nir":
        from chip.nir import read_nir

        imported = read_nir(network, spec)
        print_declarations(imported.declarations)
        return spec, imported.network
    return spec, load_network(network, spec)


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
