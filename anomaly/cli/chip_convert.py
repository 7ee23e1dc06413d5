"""The command `chip convert`: networks from one kind of file to another, NIR among them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

if TYPE_CHECKING:
    from chip.arch import ArchSpec
    from chip.network import Network
    from chip.nir import Declaration, NirImport

SUFFIXES = (".nir", ".npz", ".json")


def convert(
    network: Annotated[Path, typer.Argument(metavar="NETWORK", help="A .npz, .json, .nir or .bit file.")],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="A .nir, .npz or .json file to write.")],
    arch: Annotated[
        str, typer.Option(help="Name of a chip, or the path of its YAML specification.")
    ] = "senna",
    dt: Annotated[
        float | None,
        typer.Option(metavar="SECONDS", help="How long a step is, to and from NIR; else 0.0001."),
    ] = None,
    reset: Annotated[
        Literal["zero", "subtract"],
        typer.Option(help="How the tool resets that the NIR file comes from; the chip subtracts."),
    ] = "zero",
    plain: Annotated[
        bool,
        typer.Option(
            "--plain", help="Read NIR nodes only, not the integers that an export left beside them."
        ),
    ] = False,
    measure: Annotated[
        bool,
        typer.Option("--measure", help="Run NIR in real numbers too: what does each approximation cost?"),
    ] = False,
    spikes: Annotated[
        Path | None, typer.Option(help="Spikes to measure on: .npy or .npz of step x input; else random.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Turn a network file into another kind, and say what the other cannot say: NIR graphs in and out."""
    import json

    from anomaly.atomic import write_bytes
    from anomaly.errors import UsageError
    from chip.arch import load_arch

    if out.suffix not in SUFFIXES:
        hint = "a bitstream is made by anomaly chip compile" if out.suffix == ".bit" else None
        raise UsageError(f"has the suffix {out.suffix!r}, not {', '.join(SUFFIXES)}", where=out, hint=hint)
    if network.suffix != ".nir" and (plain or measure or spikes):
        raise UsageError("--plain, --measure and --spikes are about reading a .nir file", where=network)
    spec = load_arch(arch)
    loaded, imported = _read(network, spec, dt, reset, plain)
    declared = list(imported.declarations) if imported else []
    content: dict[str, Any] = {"neurons": loaded.n_neurons, "synapses": loaded.n_synapses}
    if imported is not None:
        content |= {"dt_s": imported.dt_s, "exact": imported.exact}
        if measure or spikes:
            content["agreement"] = _measured(imported, spec, spikes)
    data, added = _packed(loaded, out, dt or (imported.dt_s if imported else None))
    write_bytes(out, data)
    declared += added
    content["declarations"] = [declaration.to_dict() for declaration in declared]
    if as_json:
        typer.echo(json.dumps(content, indent=2))
    else:
        for declaration in declared:
            typer.echo(declaration)
        for about, found in content.get("agreement", {}).items():
            shares = (
                f"{found['agreement']:.4f} of all steps, {found['spike_agreement']:.4f} where either fires"
            )
            typer.echo(f"agreement: {about}: {shares}, counts differ by {found['count_difference']:.4f}")
    typer.echo(f"{loaded.n_neurons} neurons, {loaded.n_synapses} synapses, in {out}", err=True)


def say_declarations(declarations: Iterable[Declaration]) -> None:
    """What an import approximated, in lines on stderr."""
    found = [declaration for declaration in declarations if not declaration.exact]
    for declaration in found:
        typer.echo(f"declared: {declaration}", err=True)
    if found:
        typer.echo("what that costs: anomaly chip convert NETWORK OUT.npz --measure", err=True)


def _read(
    path: Path, spec: ArchSpec, dt_s: float | None, reset: Literal["zero", "subtract"], plain: bool
) -> tuple[Network, NirImport | None]:
    from chip.files import load_network
    from chip.nir import read_nir

    if path.suffix != ".nir":
        return load_network(path, spec), None
    imported = read_nir(path, spec, dt_s=dt_s, reset=reset, plain=plain)
    return imported.network, imported


def _measured(imported: NirImport, spec: ArchSpec, spikes: Path | None) -> dict[str, Any]:
    from chip.nir import measure
    from chip.stimulus import load_spikes

    given = None if spikes is None else load_spikes(spikes)[:, 0]
    found = measure(imported, v_sat=spec.v_sat, spikes=given)
    return {about: agreement.to_dict() for about, agreement in found.items()}


def _packed(network: Network, out: Path, dt_s: float | None) -> tuple[bytes, list[Declaration]]:
    from chip.nir import DT_S, export_declarations, write_nir

    if out.suffix == ".nir":
        return write_nir(network, dt_s=DT_S if dt_s is None else dt_s), list(export_declarations(network))
    return network.to_npz() if out.suffix == ".npz" else network.to_json().encode(), []
