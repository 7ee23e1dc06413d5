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


NetworkFile = Annotated[Path, typer.Argument(metavar="NETWORK", help="A .npz, .json, .nir or .bit file.")]
Out = Annotated[Path, typer.Argument(metavar="OUT", help="A .nir, .npz or .json file to write.")]
Arch = Annotated[str, typer.Option(help="Name of a chip, or the path of its YAML specification.")]
Dt = Annotated[
    float | None, typer.Option(metavar="SECONDS", help="How long a step is, to and from NIR; else 0.0001.")
]
Reset = Annotated[
    Literal["zero", "subtract"],
    typer.Option(help="How the tool resets that the NIR file comes from; the chip subtracts."),
]
Plain = Annotated[
    bool,
    typer.Option("--plain", help="Read NIR nodes only, not the integers that an export left beside them."),
]
Measure = Annotated[
    bool, typer.Option("--measure", help="Run NIR in real numbers too: what does each approximation cost?")
]
Fit = Annotated[
    bool,
    typer.Option("--fit", help="Choose feedback so that neurons reset to a value keep their spike counts."),
]
Spikes = Annotated[
    Path | None, typer.Option(help="Spikes to measure and fit on: .npy or .npz of step x input; else random.")
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


def convert(
    network: NetworkFile,
    out: Out,
    arch: Arch = "senna",
    dt: Dt = None,
    reset: Reset = "zero",
    plain: Plain = False,
    measure: Measure = False,
    fit: Fit = False,
    spikes: Spikes = None,
    as_json: Json = False,
) -> None:
    """Turn a network file into another kind, and say what the other cannot say: NIR graphs in and out."""
    from anomaly.atomic import write_bytes
    from anomaly.errors import UsageError
    from chip.arch import load_arch
    from chip.nir import read_nir

    from_nir = network.suffix == ".nir"
    if not from_nir and (plain or measure or fit or spikes or reset != "zero"):
        words = "--reset, --plain, --measure, --fit and --spikes are about reading a .nir file"
        raise UsageError(words, where=network)
    if fit and reset == "subtract":
        raise UsageError("--fit is about resets to a value, not about those that subtract", where="--fit")
    _check_out(network, out, dt)
    spec, given = load_arch(arch), _spikes(spikes)
    content: dict[str, Any] = {}
    declared: list[Declaration] = []
    if from_nir:
        fitted: Any = (given if spikes else "trial") if fit else None
        imported = read_nir(network, spec, dt_s=dt, reset=reset, plain=plain, fit=fitted)
        loaded, dt, declared = imported.network, dt or imported.dt_s, list(imported.declarations)
        content = {"dt_s": imported.dt_s, "exact": imported.exact}
        if measure or spikes:
            content["agreement"] = _measured(imported, spec, given)
    else:
        loaded = _load(network, spec)
    data, added = _packed(loaded, out, dt)
    write_bytes(out, data)
    sizes = {"neurons": loaded.n_neurons, "synapses": loaded.n_synapses}
    _show({**sizes, **content}, [*declared, *added], as_json)
    typer.echo(f"{loaded.n_neurons} neurons, {loaded.n_synapses} synapses, in {out}", err=True)


def _check_out(network: Path, out: Path, dt: float | None) -> None:
    from anomaly.errors import UsageError

    if out.suffix not in SUFFIXES:
        hint = "a bitstream is made by anomaly chip compile" if out.suffix == ".bit" else None
        raise UsageError(f"has the suffix {out.suffix!r}, not {', '.join(SUFFIXES)}", where=out, hint=hint)
    if dt is not None and ".nir" not in (network.suffix, out.suffix):
        raise UsageError("only NIR has time in it", where="--dt")


def _show(content: dict[str, Any], declared: list[Declaration], as_json: bool) -> None:
    import json

    if as_json:
        whole = {**content, "declarations": [declaration.to_dict() for declaration in declared]}
        typer.echo(json.dumps(whole, indent=2))
        return
    for declaration in declared:
        typer.echo(declaration)
    for about, found in content.get("agreement", {}).items():
        shares = f"{found['agreement']:.4f} of all steps, {found['spike_agreement']:.4f} where either fires"
        typer.echo(f"agreement: {about}: {shares}, counts differ by {found['count_difference']:.4f}")


def say_declarations(declarations: Iterable[Declaration]) -> None:
    """What an import approximated, in lines on stderr."""
    found = [declaration for declaration in declarations if not declaration.exact]
    for declaration in found:
        typer.echo(f"declared: {declaration}", err=True)
    if found:
        typer.echo("what that costs: anomaly chip convert NETWORK OUT.npz --measure", err=True)


def _load(path: Path, spec: ArchSpec) -> Network:
    from chip.files import load_network

    return load_network(path, spec)


def _spikes(path: Path | None) -> Any:
    from chip.stimulus import load_spikes

    return None if path is None else load_spikes(path)[:, 0]


def _measured(imported: NirImport, spec: ArchSpec, spikes: Any) -> dict[str, Any]:
    from chip.nir import measure

    found = measure(imported, v_sat=spec.v_sat, spikes=spikes)
    return {about: agreement.to_dict() for about, agreement in found.items()}


def _packed(network: Network, out: Path, dt_s: float | None) -> tuple[bytes, list[Declaration]]:
    from chip.nir import DT_S, export_declarations, write_nir

    if out.suffix == ".nir":
        return write_nir(network, dt_s=DT_S if dt_s is None else dt_s), list(export_declarations(network))
    return network.to_npz() if out.suffix == ".npz" else network.to_json().encode(), []
